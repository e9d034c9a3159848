"""The virtual environment: made once, filled from hash-pinned lock files, left alone while they do not change."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from launcher.commands import Runner
from launcher.exceptions import LaunchError
from launcher.files import hash_file, write_atomically
from launcher.installer import Installer

RUNTIME_LOCK = "requirements.lock"
DEVELOPMENT_LOCK = "requirements-dev.lock"
NODE_LOCK = "requirements-node.lock"


def python_of(root: Path, conda: Path | None) -> Path:
    """The interpreter that runs the platform."""
    return (conda if conda else root / ".venv") / "bin" / "python"


def program_path(root: Path, conda: Path | None, path: str) -> str:
    """PATH with the platform's interpreter first."""
    return os.pathsep.join(filter(None, [str(python_of(root, conda).parent), path]))


class VirtualEnvironment:
    """``.venv`` of a checkout.

    Parameters
    ----------
    root : Path
        The checkout.
    runner : Runner
        Runs pip.
    """

    def __init__(self, root: Path, runner: Runner) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.python = self.folder / "bin" / "python"
        self.stamp = self.folder / "sandtable-stamp.json"
        self.runner = runner

    def ensure(self, lock: str) -> str:
        """Make what is missing; returns the name of what installed it, empty where nothing was missing.

        Raises
        ------
        LaunchError
            The environment or a package cannot be made.
        """
        wanted = hash_file(self.root / lock)
        works = self._works()
        installed = self._installed() if works else {}
        if installed.get(lock) == wanted:
            return ""
        if not works:
            self._create()
        done_by = Installer(self.python, self.root, self.runner).install(lock)
        installed[lock] = wanted
        if lock == DEVELOPMENT_LOCK:  # holds the runtime packages too, at the same versions
            installed[RUNTIME_LOCK] = hash_file(self.root / RUNTIME_LOCK)
        elif lock == RUNTIME_LOCK and installed.get(DEVELOPMENT_LOCK) != hash_file(self.root / DEVELOPMENT_LOCK):
            installed.pop(DEVELOPMENT_LOCK, None)
        write_atomically(self.stamp, json.dumps(installed, indent=2) + "\n", 0o644)
        return done_by

    def _works(self) -> bool:
        """An interpreter that was upgraded away, or a moved checkout, leaves a broken environment behind."""
        try:
            return subprocess.run([self.python, "-c", "import pip"], capture_output=True).returncode == 0
        except OSError:
            return False

    def _installed(self) -> dict[str, str]:
        try:
            values = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}

    def _create(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.runner.run(
            [sys.executable, "-m", "venv", str(self.folder)],
            what="建立 Python 虚拟环境 (python -m venv)",
            advice="安装 python3-venv (install python3-venv).",
        )


def check_conda(python: Path, runner: Runner) -> None:
    """See that the conda environment has what the platform imports first; nothing is installed into it.

    Raises
    ------
    LaunchError
        It was not made from ``environment.yml``.
    """
    result = runner.attempt(
        [str(python), "-c", "import django, psycopg, msgspec, pyarrow, shapely, paho.mqtt, uvicorn"]
    )
    if result.returncode != 0:
        raise LaunchError(
            "conda 环境缺少依赖 (the conda environment lacks packages)",
            "运行 conda env update -f environment.yml (then run this again).",
            result.stdout,
        )
