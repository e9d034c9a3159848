"""Small file habits shared by every part: atomic writes, locks, fingerprints."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from launcher.exceptions import LaunchError

PRIVATE = 0o600


def write_atomically(path: Path, text: str, mode: int = PRIVATE) -> None:
    """Replace ``path`` by ``text`` so that a reader sees the old or the new file, never a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def private_folder(path: Path) -> Path:
    """Make a folder only its owner can enter."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal; of nothing where there is no file."""
    digest = hashlib.sha256()
    if path.is_file():
        digest.update(path.read_bytes())
    return digest.hexdigest()


def walk(root: Path, skip: Iterable[str]) -> Iterator[Path]:
    """Every file below ``root`` in a stable order, leaving out folders whose name is in ``skip``."""
    names = frozenset(skip)
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in names)
        for name in sorted(files):
            yield Path(folder, name)


def fingerprint(root: Path, skip: Iterable[str], suffixes_left_out: tuple[str, ...] = (".pyc", ".mo")) -> str:
    """SHA-256 over names and contents of the files below ``root``, hexadecimal."""
    digest = hashlib.sha256()
    for path in walk(root, skip):
        if path.suffix in suffixes_left_out or not path.is_file():
            continue
        digest.update(f"{path.relative_to(root)}\0{hash_file(path)}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def is_locked(path: Path) -> bool:
    """Whether some process holds ``path`` locked; a lock dies with its holder, unlike a pid file."""
    if not path.exists():
        return False
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def locked(path: Path, busy: str) -> Iterator[None]:
    """Hold ``path`` locked, or refuse with ``busy`` when somebody else does.

    Raises
    ------
    LaunchError
        Another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LaunchError(busy, "等待另一条命令结束后重试 (wait for the other command, then retry).") from None
        yield


def tail(path: Path, lines: int, at_most_bytes: int = 256 * 1024) -> str:
    """Last ``lines`` lines of a text file, which may have holes at its start."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - at_most_bytes))
        text = file.read().replace(b"\0", b"").decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])
