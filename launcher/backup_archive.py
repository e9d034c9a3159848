"""The archived days of the history in a backup: files that carry their checksum in their name and never change."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from launcher.configuration import Installation

ARCHIVE = "archive"
"""Folder of a backup that holds them."""


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
    """Move files of a backup to where the archive is; those that are there already stay, others are left alone.

    Raises
    ------
    OSError
    """
    for path in sorted(folder.rglob("*.parquet")):
        target = into / path.relative_to(folder)
        if target.exists() and target.stat().st_size == path.stat().st_size:
            continue
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.move(path, beside)
        beside.replace(target)
