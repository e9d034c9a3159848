"""An installation of its own for benchmarks that break things or fill the disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench._report import progress

OWN_VARIABLES = ("SANDTABLE_", "DATABASE_URL", "MQTT_URL", "WEB_", "DJANGO_")
ROOT = Path(__file__).resolve().parent.parent


def sandtable(var: Path, *words: str, **options: object) -> subprocess.CompletedProcess:
    """Run the launcher on the installation in ``var``, untouched by the one whose environment this process has."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)}
    command = [str(ROOT / "sandtable"), "--var", str(var), *words]
    return subprocess.run(command, env=env, **options)  # type: ignore[call-overload]


@contextmanager
def throwaway() -> Iterator[Path]:
    """A running installation without the demo, gone afterwards.

    Raises
    ------
    RuntimeError
        It could not be started; what it said stands on standard error.
    """
    var = Path(tempfile.mkdtemp(prefix="sandtable-bench-"))
    try:
        progress(f"starting an installation in {var}")
        if sandtable(var, "up", "--no-demo", stdout=subprocess.DEVNULL).returncode:
            raise RuntimeError("the installation for the benchmark did not start")
        yield var
    finally:
        sandtable(var, "reset", "--yes", stdout=subprocess.DEVNULL)
        shutil.rmtree(var, ignore_errors=True)
