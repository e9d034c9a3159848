"""Debian's and Ubuntu's packages: only what is missing, and nothing left running that we did not ask for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from launcher.commands import Runner
from launcher.exceptions import LaunchError
from launcher.installer import OFFLINE_ADVICE
from launcher.tools import find_program, has_postgis, installed_postgres

POLICY = Path("/usr/sbin/policy-rc.d")
# apt's own words for "no service starts now" (see invoke-rc.d(8)).
POLICY_TEXT = "#!/bin/sh\nexit 101\n"
SERVICES = ("mosquitto", "postgresql")
QUIET = ("env", "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_SUSPEND=1")


@dataclass(frozen=True)
class Need:
    """Something the machine must have.

    Parameters
    ----------
    present : callable
        Whether it is there already.
    packages : callable
        Package names that bring it, asked only when it is not there.
    """

    present: Callable[[], bool]
    packages: Callable[[], list[str]]


def venv_present() -> bool:
    """Whether this interpreter can make virtual environments with pip (Debian splits that off)."""
    return subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True).returncode == 0


def chinese_fonts_present() -> bool:
    """Whether a browser here can draw Chinese."""
    try:
        return bool(subprocess.run(["fc-list", ":lang=zh-cn"], capture_output=True).stdout.strip())
    except OSError:
        return False


def browser_packages() -> list[str]:
    """Chromium's package.

    Raises
    ------
    LaunchError
        The distribution ships it as a snap only.
    """
    if distribution() == "ubuntu":
        raise LaunchError(
            "Ubuntu 的 Chromium 仅以 snap 提供 (Ubuntu ships Chromium as a snap only)",
            "运行 sudo snap install chromium 后重试，或在 Debian 12 上运行测试 (docs/deployment.md).",
        )
    return ["chromium"]


def distribution(path: Path = Path("/etc/os-release")) -> str:
    """The ``ID`` of os-release: debian, ubuntu …; empty where there is none."""
    if not path.exists():
        return ""
    pairs = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines())
    return next((value.strip('"') for key, _, value in pairs if key == "ID"), "")


class SystemPackages:
    """Installs what is missing with apt.

    Parameters
    ----------
    runner : Runner
        Runs apt.
    database, broker : bool
        Whether this installation runs its own servers.
    testing : bool
        Whether the tests' browser, fonts and foreign programs (MQTT, SIP, video) are needed too.
    """

    def __init__(self, runner: Runner, *, database: bool = True, broker: bool = True, testing: bool = False) -> None:
        self.runner = runner
        self.needs = [
            Need(venv_present, self._venv_packages),
            Need(lambda: Path("/usr/share/zoneinfo/Asia/Shanghai").exists(), lambda: ["tzdata"]),
        ]
        if database:
            self.needs.append(Need(lambda: any(map(has_postgis, installed_postgres())), self._database_packages))
        else:
            self.needs.append(Need(lambda: find_program("psql") is not None, lambda: ["postgresql-client"]))
        if broker:
            self.needs.append(Need(lambda: find_program("mosquitto") is not None, lambda: ["mosquitto"]))
        if testing:
            self.needs += [
                Need(lambda: find_program("chromium") is not None, browser_packages),
                Need(chinese_fonts_present, lambda: ["fonts-noto-cjk", "fontconfig"]),
                Need(lambda: find_program("mosquitto_pub") is not None, lambda: ["mosquitto-clients"]),
                Need(lambda: find_program("ffprobe") is not None, lambda: ["ffmpeg"]),
                Need(lambda: find_program("sipp") is not None, lambda: ["sip-tester"]),
            ]

    def ensure(self) -> list[str]:
        """Install what is missing; returns the names of the packages asked for.

        Raises
        ------
        LaunchError
            No apt, no right to install, or apt failed.
        """
        missing = [need for need in self.needs if not need.present()]
        if not missing:
            return []
        as_root = self._as_root()
        if not any(Path("/var/lib/apt/lists").glob("*_Packages*")):
            self._update(as_root)
        names = [name for need in missing for name in need.packages()]
        if any(not self._known(name) for name in names):
            self._update(as_root)
        clusters = self._clusters()
        services = {name for name in SERVICES if self._has_service(name)}
        with self._no_service_starts(as_root):
            self._install(as_root, names)
        for version in self._clusters() - clusters:
            self.runner.run([*as_root, "pg_dropcluster", "--stop", version, "main"])
        for name in SERVICES:
            if name not in services and self._has_service(name):
                self._disable(as_root, name)
        return names

    @staticmethod
    def _venv_packages() -> list[str]:
        if not Path(sys.executable).resolve().is_relative_to("/usr/bin"):
            raise LaunchError(
                f"{sys.executable} 不含 venv 与 ensurepip (lacks venv and ensurepip)",
                "改用系统自带的 python3，或补全该 Python (use the system's python3, or complete this one).",
            )
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return ["python3-venv", f"{version}-venv"]

    def _database_packages(self) -> list[str]:
        servers = installed_postgres()
        if servers:
            return [f"postgresql-{servers[0].major}-postgis-3"]
        # The metapackage's version begins with the major version: "15+248".
        text = self.runner.attempt(["apt-cache", "show", "--no-all-versions", "postgresql"]).stdout
        version = next((line.split()[1] for line in text.splitlines() if line.startswith("Version:")), "")
        major = version.partition("+")[0]
        if not major.isdigit():
            raise LaunchError("软件源中没有 PostgreSQL (apt knows no postgresql)", OFFLINE_ADVICE)
        return [f"postgresql-{major}", f"postgresql-{major}-postgis-3"]

    def _as_root(self) -> list[str]:
        if shutil.which("apt-get") is None:
            raise LaunchError(
                "缺少系统软件，且本机没有 apt (programs are missing and there is no apt)",
                "使用 environment.yml 的 conda 环境 (use the conda environment of environment.yml).",
            )
        if os.geteuid() == 0:
            return []
        if shutil.which("sudo") is None:
            raise LaunchError(
                "安装系统软件需要 root 权限，本机没有 sudo (installing packages needs root; there is no sudo)",
                "请管理员以 root 运行一次 ./sandtable up，或使用 conda 环境 "
                "(let an administrator run it once as root, or use the conda environment).",
            )
        return ["sudo"]

    def _update(self, as_root: list[str]) -> None:
        self.runner.run(
            [*as_root, *QUIET, "apt-get", "update", "-q"], what="更新软件源 (apt-get update)", advice=OFFLINE_ADVICE
        )

    def _known(self, name: str) -> bool:
        text = self.runner.attempt(["apt-cache", "policy", name], env={**os.environ, "LC_ALL": "C"}).stdout
        return "Candidate: " in text and "Candidate: (none)" not in text

    def _install(self, as_root: list[str], names: list[str]) -> None:
        command = [*as_root, *QUIET, "apt-get", "install", "-y", "-q", "--no-install-recommends", *names]
        if self.runner.attempt(command).returncode == 0:
            return
        # Old lists name files the mirror no longer has: once more with new ones.
        self._update(as_root)
        self.runner.run(command, what="安装系统软件 (apt-get install)", advice=OFFLINE_ADVICE)

    def _clusters(self) -> set[str]:
        """Versions with a cluster named ``main``."""
        if shutil.which("pg_lsclusters") is None:
            return set()
        rows = (line.split() for line in self.runner.attempt(["pg_lsclusters", "--no-header"]).stdout.splitlines())
        return {row[0] for row in rows if len(row) > 1 and row[1] == "main"}

    @staticmethod
    def _has_service(name: str) -> bool:
        return Path("/etc/init.d", name).exists()

    def _disable(self, as_root: list[str], name: str) -> None:
        if shutil.which("systemctl"):
            self.runner.run([*as_root, "systemctl", "disable", name])
        else:
            self.runner.run([*as_root, "update-rc.d", name, "disable"])

    @contextmanager
    def _no_service_starts(self, as_root: list[str]) -> Iterator[None]:
        """Keep apt from starting services while it installs; a policy that is there already stays."""
        if POLICY.exists():
            yield
            return
        with tempfile.NamedTemporaryFile("w", prefix="policy-rc.d-") as file:
            file.write(POLICY_TEXT)
            file.flush()
            self.runner.run([*as_root, "install", "-m", "755", file.name, str(POLICY)])
        try:
            yield
        finally:
            self.runner.run([*as_root, "rm", "-f", str(POLICY)])
