"""Logs of the processes: written by the supervisor, turned over by size, shown by ``logs``."""

from __future__ import annotations

import re
import time
from datetime import datetime
from pathlib import Path

from launcher.exceptions import LaunchError
from launcher.files import tail

LIMIT_BYTES = 16 * 1024 * 1024
KEPT = 3
_SECONDS = re.compile(r"^\d{10}(?=: )")
"""The broker counts the seconds since 1970."""


class RotatingLog:
    """A log that keeps its last few files of limited size.

    Parameters
    ----------
    path : Path
        The current file; older ones are ``path.1`` (newest) to ``path.KEPT``.
    limit : int
        Size in bytes at which a new file begins.
    """

    def __init__(self, path: Path, limit: int = LIMIT_BYTES) -> None:
        self.path = path
        self.limit = limit
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        """Append; begins a new file first when this one is full. A full disk loses lines, never the process."""
        try:
            if self._file.tell() + len(data) > self.limit and self._file.tell():
                self._turn_over()
            self._file.write(data)
        except OSError:
            return

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _turn_over(self) -> None:
        self._file.close()
        for number in range(KEPT - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self.path.replace(self._numbered(1))
        self._file = self.path.open("ab", buffering=0)

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def show(files: dict[str, Path], lines: int, follow: bool) -> None:
    """Print the end of logs, and go on printing what comes when ``follow`` is set.

    Parameters
    ----------
    files : dict of str to Path
        Log files by process name; with more than one, each line begins with its name.
    """
    if not any(path.exists() for path in files.values()):
        raise LaunchError("还没有日志 (there are no logs yet)", "先运行 ./sandtable up.")
    places = {}
    for name, path in files.items():
        _print(name if len(files) > 1 else "", tail(path, lines))
        places[name] = _place(path)
    while follow:
        time.sleep(0.3)
        for name, path in files.items():
            text, places[name] = _news(path, places[name])
            _print(name if len(files) > 1 else "", text)


def _print(name: str, text: str) -> None:
    for line in text.splitlines():
        told = _SECONDS.sub(_as_time, line)
        print(f"{name:<10}| {told}" if name else told, flush=True)


def _as_time(seconds: re.Match[str]) -> str:
    return datetime.fromtimestamp(int(seconds[0])).astimezone().isoformat()


def _place(path: Path) -> tuple[int, int]:
    """Which file it is now, and how far it goes."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_ino, status.st_size)


def _news(path: Path, place: tuple[int, int]) -> tuple[str, tuple[int, int]]:
    inode, offset = place
    now = _place(path)
    if now[0] != inode or now[1] < offset:
        offset = 0
    if now[1] <= offset:
        return "", now
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(now[1] - offset)
    # A line half written is printed when the rest of it has come.
    whole = data.rfind(b"\n") + 1
    return data[:whole].replace(b"\0", b"").decode(errors="replace"), (now[0], offset + whole)
