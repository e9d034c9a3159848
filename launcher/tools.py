"""Where the programs we need are: Debian's, a conda environment's, or whatever stands in PATH."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from launcher.exceptions import LaunchError

OLDEST_POSTGRES = 15
OLDEST_NODE = (20, 19)
DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
DEBIAN_SHARE = Path("/usr/share/postgresql")
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server's programs.

    Parameters
    ----------
    bin : Path
        Folder of ``postgres``, ``initdb``, ``psql``, ``pg_dump``, ``pg_restore``.
    major : int
        Major version.
    """

    bin: Path
    major: int

    def program(self, name: str) -> str:
        """Full path of one of the programs."""
        return str(self.bin / name)


def conda_prefix(env: Mapping[str, str] = os.environ) -> Path | None:
    """The active conda environment when it carries our servers, else None."""
    value = env.get("CONDA_PREFIX", "")
    prefix = Path(value) if value else None
    if prefix and (prefix / "bin" / "postgres").exists() and find_in(prefix, "mosquitto"):
        return prefix
    return None


def find_in(prefix: Path, name: str) -> Path | None:
    """A program in the ``bin`` or ``sbin`` of a prefix."""
    return next((path for folder in ("bin", "sbin") if (path := prefix / folder / name).exists()), None)


def find_program(name: str, conda: Path | None = None) -> Path | None:
    """A program of the conda environment, of PATH, or of the folders root's PATH has and others' often lacks."""
    if conda and (path := find_in(conda, name)):
        return path
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(SYSTEM_FOLDERS))
    return Path(found) if found else None


def postgres_version(program: Path) -> int:
    """Major version that ``postgres --version`` (or ``psql --version``) tells; 0 when it tells none."""
    try:
        result = subprocess.run([program, "--version"], capture_output=True, text=True)
    except OSError:
        return 0
    match = re.search(r"\b(\d+)(?:\.\d+|devel|beta|rc)", result.stdout)
    return int(match.group(1)) if match else 0


def installed_postgres(conda: Path | None = None, debian: Path = DEBIAN_POSTGRES) -> list[Postgres]:
    """Every PostgreSQL server of a supported version on this machine, newest first."""
    if conda:
        folders = [conda / "bin"]
    else:
        folders = [path.parent for path in debian.glob("*/bin/postgres")]
        if found := shutil.which("postgres"):
            # Where people link a server's programs into PATH, its other programs stand behind the link.
            folders.append(Path(found).resolve().parent)
    servers = {Postgres(folder, postgres_version(folder / "postgres")) for folder in folders}
    return sorted((s for s in servers if s.major >= OLDEST_POSTGRES), key=lambda s: (-s.major, str(s.bin)))


def has_postgis(server: Postgres, share: Path = DEBIAN_SHARE) -> bool:
    """Whether PostGIS is there for this server; outside Debian's layout ``CREATE EXTENSION`` will tell."""
    if not server.bin.is_relative_to(DEBIAN_POSTGRES):
        return True
    # Two packages bring them, and one may be gone.
    control = share / str(server.major) / "extension" / "postgis.control"
    return control.exists() and (server.bin.parent / "lib" / "postgis-3.so").exists()


def choose_postgres(conda: Path | None = None, data_major: int | None = None) -> Postgres:
    """The server to run.

    Parameters
    ----------
    conda : Path, optional
        Conda environment to take it from.
    data_major : int, optional
        Major version of an existing data folder, which only its own version can open.

    Raises
    ------
    LaunchError
        None fits.
    """
    servers = [server for server in installed_postgres(conda) if has_postgis(server)]
    if data_major is not None:
        servers = [server for server in servers if server.major == data_major]
        if not servers:
            raise LaunchError(
                f"现有数据库属于 PostgreSQL {data_major}，本机没有该版本 (the data folder needs that version)",
                f"安装 postgresql-{data_major}-postgis-3；或在旧版本上备份，在新版本上恢复 (docs/deployment.md).",
            )
    if not servers:
        raise LaunchError(
            f"未找到 PostgreSQL {OLDEST_POSTGRES} 以上及 PostGIS (no PostgreSQL with PostGIS found)",
            "安装 postgresql 与 postgresql-NN-postgis-3，或用 DATABASE_URL 指定已有数据库 (or set DATABASE_URL).",
        )
    return servers[0]


def choose_client(conda: Path | None = None) -> Postgres:
    """Programs ``psql``, ``pg_dump`` and ``pg_restore`` for a server elsewhere; the newest ones here.

    Raises
    ------
    LaunchError
        There are none.
    """
    folders = [path.parent for path in DEBIAN_POSTGRES.glob("*/bin/psql")] if conda is None else []
    if found := find_program("psql", conda):
        folders.append(found.parent)
    clients = [Postgres(folder, postgres_version(folder / "psql")) for folder in folders]
    if not clients:
        raise LaunchError("未找到 psql (no PostgreSQL client found)", "安装 postgresql-client (install it).")
    return max(clients, key=lambda client: client.major)


def node_version(program: Path) -> tuple[int, int]:
    """(major, minor) that ``node --version`` tells; (0, 0) when it tells none."""
    try:
        result = subprocess.run([program, "--version"], capture_output=True, text=True)
    except OSError:
        return (0, 0)
    match = re.match(r"v(\d+)\.(\d+)", result.stdout)
    return (int(match.group(1)), int(match.group(2))) if match else (0, 0)


def node_supported(version: tuple[int, int]) -> bool:
    """Whether the web bundle's builder runs on it: 20.19 or newer, 22.12 or newer within 22, never an odd 21."""
    return version >= OLDEST_NODE and version[0] != 21 and not (22, 0) <= version < (22, 12)


def find_node(conda: Path | None = None) -> Path | None:
    """Folder with a supported ``node`` and its ``npm``, or None."""
    node = find_program("node", conda)
    if node is None or not node_supported(node_version(node)) or not (node.parent / "npm").exists():
        return None
    return node.parent
