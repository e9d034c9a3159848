"""The supervisor as such: with whom it ends."""

import asyncio
import subprocess
from contextlib import closing

import pytest

from launcher import supervisor as supervisor_module
from launcher.configuration import Installation
from launcher.supervisor import SERVICES, Supervisor, stage_file


def test_an_installation_ends_with_the_process_it_lives_with(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor_module, "WATCH_S", 0.05)

    async def scenario(pid, patience_s):
        # With servers of somebody else's it has nothing to start itself.
        installation = Installation(tmp_path, database_url="postgres://a@b/c", mqtt_url="mqtt://a", lives_with=pid)
        installation.save()
        stage_file(tmp_path).parent.mkdir(exist_ok=True)
        stage_file(tmp_path).write_text(SERVICES)
        supervisor = Supervisor(tmp_path)
        with closing(supervisor.log):
            await asyncio.wait_for(supervisor.run(), patience_s)

    with subprocess.Popen(["sleep", "100"]) as one:
        with pytest.raises(TimeoutError):
            asyncio.run(scenario(one.pid, 0.5))
        one.kill()
        one.wait()
        asyncio.run(scenario(one.pid, 10))
    with pytest.raises(TimeoutError):
        asyncio.run(scenario(0, 0.5))
