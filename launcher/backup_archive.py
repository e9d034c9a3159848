"""The archived days of the history in a backup: files that carry their checksum in their name and never change."""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from launcher.cluster import client_for, psql
from launcher.commands import Runner
from launcher.configuration import Installation

ARCHIVE = "archive"
"""Folder of a backup that holds them."""


@dataclass(frozen=True)
class ArchivedFile:
    """A file that the database counts on: its name below the archive's folder, its length and its checksum."""

    name: str
    size_bytes: int
    sha256: str


def named(installation: Installation, runner: Runner) -> list[ArchivedFile]:
    """The files that the database of an installation names; none of a database that knows no archive yet.

    Raises
    ------
    LaunchError
    """
    client, address = client_for(installation), installation.database_address()
    if psql(client, address, runner, "SELECT to_regclass('twin_archivedday') IS NOT NULL;\n").strip() != "t":
        return []
    rows = psql(client, address, runner, "SELECT name, size_bytes, sha256 FROM twin_archivedday ORDER BY name;\n")
    parts = (row.split("|") for row in rows.splitlines() if row)
    return [ArchivedFile(name, int(size), sha256) for name, size, sha256 in parts]


def damaged(folder: Path, files: list[ArchivedFile]) -> list[str]:
    """Names of those that are missing in a folder, or are not what was written."""
    return [file.name for file in files if not _is_whole(folder / file.name, file)]


def _is_whole(path: Path, file: ArchivedFile) -> bool:
    try:
        if path.stat().st_size != file.size_bytes:
            return False
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


def archive_folder(installation: Installation) -> Path | None:
    """Where the archive of an installation is; None where it is no folder (S3 and its kin)."""
    place = installation.archive
    if not place:
        return installation.var / "archive"
    if "://" not in place:
        return Path(place)
    parts = urlsplit(place)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def collect(folder: Path, into: Path) -> None:
    """Bring together what is archived now, beside what was brought before.

    A file may be replaced while the database is dumped: called before and after the dump, every file that the dump can
    name is there. Links where the disk is the same, copies where not.

    Raises
    ------
    OSError
    """
    for path in sorted(folder.rglob("*.parquet")):
        target = into / path.relative_to(folder)
        if target.exists() or ".spool" in path.parts:
            continue
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            os.link(path, target)
        except FileNotFoundError:
            continue  # replaced or expired meanwhile
        except OSError:
            shutil.copy2(path, target)


def put_back(folder: Path, into: Path) -> None:
    """Move files of a backup to where the archive is; what is there already, byte for byte, and others stay.

    Raises
    ------
    OSError
    """
    for path in sorted(folder.rglob("*.parquet")):
        target = into / path.relative_to(folder)
        if target.exists() and filecmp.cmp(target, path, shallow=False):
            continue
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.move(path, beside)
        beside.replace(target)
