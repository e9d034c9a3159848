"""Room on the disks of this machine that the platform writes to, and the last backup: gauges asked when read."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

from prometheus_client import Gauge

free_bytes = Gauge("sandtable_disk_free_bytes", "Room left for files", ["folder"])
size_bytes = Gauge("sandtable_disk_size_bytes", "Size of the file system", ["folder"])
backup_time = Gauge(
    "sandtable_backup_newest_timestamp_seconds", "When the newest kept backup was written; 0: none is kept"
)

BACKUPS = "sandtable-*.tar"


def watch_folders(folders: dict[str, Path]) -> None:
    """Show free room of these folders by name; of several on one file system only the first."""
    seen: set[int] = set()
    for name, folder in folders.items():
        try:
            device = folder.stat().st_dev
        except OSError:  # another account's, or not there: then it is not ours to watch
            continue
        if device not in seen:
            seen.add(device)
            free_bytes.labels(name).set_function(partial(_free, folder))
            size_bytes.labels(name).set_function(partial(_size, folder))


def watch_backups(folder: Path) -> None:
    """Show when the newest backup in ``folder`` was written."""
    backup_time.set_function(lambda: newest(folder))


def newest(folder: Path) -> float:
    """Time of the newest backup in a folder, in seconds since 1970; 0 where there is none."""
    try:
        return max((file.stat().st_mtime for file in folder.glob(BACKUPS)), default=0.0)
    except OSError:
        return 0.0


def _free(folder: Path) -> float:
    try:
        return float(shutil.disk_usage(folder).free)
    except OSError:
        return 0.0


def _size(folder: Path) -> float:
    try:
        return float(shutil.disk_usage(folder).total)
    except OSError:
        return 0.0
