"""Packages of a lock file into an environment: by uv, which needs a tenth of pip's time, or by pip where uv cannot."""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from pathlib import Path

from launcher.commands import Runner

INSTALLER_LOCK = "requirements-installer.lock"
OFFLINE_ADVICE = "检查网络或包镜像设置后重试 (check the network or the package mirror's settings, then run this again)."
# The lock is complete, and nothing that is not in it may come in.
EXACTLY = ("--require-hashes", "--no-deps")
PIP_SECTIONS = ("global", "install", ":env:")  # the later, the stronger


class Installer:
    """Installs packages into one environment.

    Parameters
    ----------
    python : Path
        The environment's interpreter, with pip.
    root : Path
        Folder of the lock files.
    runner : Runner
        Runs uv and pip.
    """

    def __init__(self, python: Path, root: Path, runner: Runner) -> None:
        self.python = python
        self.root = root
        self.runner = runner

    def install(self, lock: str) -> str:
        """Install what ``lock`` names; returns the name of what did it.

        Raises
        ------
        LaunchError
            Neither uv nor pip could.
        """
        if self._has_uv() and self._by_uv(lock):
            return "uv"
        self.runner.run(self._pip(lock), what=f"安装 Python 依赖 {lock} (pip install)", advice=OFFLINE_ADVICE)
        return "pip"

    def _pip(self, lock: str) -> list[str]:
        # --no-compile: of 13,000 modules a sixth is ever imported, and Python compiles those when it does.
        return [
            str(self.python), "-m", "pip", "install", *EXACTLY, "--no-compile", "--no-input",
            "--disable-pip-version-check", "--progress-bar", "off", "-r", str(self.root / lock),
        ]  # fmt: skip

    def _has_uv(self) -> bool:
        """A mirror may lack it."""
        return self.runner.attempt(self._pip(INSTALLER_LOCK)).returncode == 0

    def _by_uv(self, lock: str) -> bool:
        settings = pip_settings(self.runner.output([str(self.python), "-m", "pip", "config", "list"]))
        arguments, env = uv_settings(settings, os.environ)
        argv = [str(self.python), "-m", "uv", "pip", "install", "--python", str(self.python), *EXACTLY]
        # Of all indexes the best match, as pip does: the hashes say what is right.
        argv += ["--index-strategy", "unsafe-best-match", "--no-progress", *arguments, "-r", str(self.root / lock)]
        # Not from the checkout: what stands there for uv is for making lock files.
        return self.runner.attempt(argv, env=env, cwd=Path(self.root.anchor)).returncode == 0


def pip_settings(listed: str) -> dict[str, str]:
    """Settings by name, from ``pip config list``: a line ``section.name='value'`` each."""
    found: dict[str, str] = {}
    for section in PIP_SECTIONS:
        for line in listed.splitlines():
            key, equals, value = line.partition("=")
            if equals and key.startswith(f"{section}."):
                found[key.removeprefix(f"{section}.")] = str(ast.literal_eval(value))
    return found


def uv_settings(pip: Mapping[str, str], environ: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """What makes uv ask where pip would; what is said to uv itself goes before.

    Returns
    -------
    tuple of list of str, dict of str to str
        Arguments for ``uv pip install``, and its environment: addresses may hold passwords, so no argument names one.
    """
    env = {
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_INDEX": " ".join(pip.get("extra-index-url", "").split()),
        "UV_HTTP_TIMEOUT": pip.get("timeout") or pip.get("default-timeout", ""),
        "SSL_CERT_FILE": pip.get("cert", ""),
        "ALL_PROXY": pip.get("proxy", ""),
    }
    arguments = [word for place in pip.get("find-links", "").split() for word in ("--find-links", place)]
    arguments += [word for host in pip.get("trusted-host", "").split() for word in ("--allow-insecure-host", host)]
    if pip.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        arguments.append("--no-index")
    return arguments, {name: value for name, value in env.items() if value} | dict(environ)
