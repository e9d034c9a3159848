"""What the benchmarks say that processes use."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from bench._usage import cpu_s


def test_what_a_child_took_that_has_ended_is_counted(tmp_path, settings):
    settings.VAR_DIR = tmp_path
    (tmp_path / "run").mkdir()
    processes = [{"pid": os.getpid(), "name": "this"}]
    (tmp_path / "run" / "supervisor.json").write_text(json.dumps({"processes": processes}))
    before, took_before = cpu_s()["this"], os.times()
    subprocess.run([sys.executable, "-c", "sum(range(10_000_000))"], check=True)
    took = os.times().children_user - took_before.children_user
    assert took > 0.05
    assert cpu_s()["this"] - before >= took - 0.02
