"""The broker's log, read for what never reaches the ingest: refused sign-ins and denied topics; and for its reloads.

mosquitto tells of a denied message only in its debug log, which names every message. The file is read as it
grows, and searched for the few words that such lines have: at full rate there are tens of thousands of others a second.
What has been read and stored is given back to the disk by punching a hole: so it stays small, nothing that is
written meanwhile is lost, and a warden that was killed goes on where it was.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import time
from pathlib import Path

from devices.ingest.decode import Refused

_DENIED = re.compile(
    rb"\S+: Denied PUBLISH from (?P<client>.+?) \(d\d, q\d, r\d, m\d+, "
    rb"'(?P<topic>.*)', \.\.\. \((?P<bytes>\d+) bytes\)\)"
)
_NOT_AUTHORISED = re.compile(rb"\S+: Client (?P<client>.+?) disconnected, not authori[sz]ed\.")
_OVERSIZE = re.compile(rb"\S+: Client (?P<client>.+?) disconnected due to oversize packet\.")
_MARKS = (b": Denied PUBLISH from ", b" disconnected")
"""Words that every line above has, and hardly any other."""
_RELOADING = b": Reloading config."
_UNKNOWN = "<unknown>"
_MOST_AT_ONCE = 8 << 20
_PUNCH_HOLE_KEEP_SIZE = 0x03
_libc = ctypes.CDLL(None, use_errno=True)
# Some ten times as fast as the search of bytes, let alone a regular expression.
_memmem = _libc.memmem
_memmem.restype = ctypes.c_void_p
_memmem.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]


Place = tuple[int, int]
"""A place in the log: the file's number, and how many bytes are before it."""


class BrokerLog:
    """Follows one log file, from where whoever followed it last said :meth:`done`.

    Where the file system has no holes nobody can tell how far that was: then from its present end, and it merely
    grows; the disk alarm watches that.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._at = 0
        self._rest = b""
        self._reloaded: Place | None = None

    def end(self) -> Place:
        """Where the log ends now."""
        try:
            facts = self._path.stat()
        except FileNotFoundError:
            return (0, 0)
        return (facts.st_ino, facts.st_size)

    def reloaded_since(self, place: Place) -> bool:
        """Whether what was read tells that the broker began to read its files anew after that place."""
        return self._reloaded is not None and self._reloaded[0] == place[0] and self._reloaded[1] >= place[1]

    def refusals(self) -> list[Refused]:
        """What the broker has turned away since the last call, as far as it can be read at once."""
        piece = self._read()
        text = self._rest + piece
        begins = self._at - len(text)
        whole, _, self._rest = text.rpartition(b"\n")
        if self._file is not None and (found := _find(whole, _RELOADING)):
            self._reloaded = (os.fstat(self._file).st_ino, begins + found[-1])
        now_us = time.time_ns() // 1000
        return [refused for line in _telling_lines(whole) if (refused := _read_line(line, now_us)) is not None]

    def done(self) -> None:
        """What was read is stored: give its room back to the disk, and never read it again."""
        end = self._at - len(self._rest)
        if end and self._file is not None:
            _punch_hole(self._file, 0, end)

    def _read(self) -> bytes:
        if self._file is None:
            self._open()
        if self._file is None:
            return b""
        piece = os.pread(self._file, _MOST_AT_ONCE, self._at)
        self._at += len(piece)
        if not piece and self._replaced():
            os.close(self._file)
            self._file, self._rest, self._reloaded = None, b"", None
        return piece

    def _open(self) -> None:
        try:
            self._file = os.open(self._path, os.O_RDWR)
        except FileNotFoundError:
            return
        size = os.fstat(self._file).st_size
        self._at = 0
        if not _punch_hole(self._file, size, 1):
            self._at = size
            return
        with contextlib.suppress(OSError):  # nothing but holes
            self._at = os.lseek(self._file, 0, os.SEEK_DATA)
        # A block that was read in part begins with zeros.
        while (piece := os.pread(self._file, 4096, self._at)) and not piece.strip(b"\0"):
            self._at += len(piece)
        self._at += len(piece) - len(piece.lstrip(b"\0"))

    def _replaced(self) -> bool:
        """Whether the broker writes another file by now, or began this one anew."""
        assert self._file is not None
        here = os.fstat(self._file)
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino) or here.st_size < self._at


def _telling_lines(text: bytes) -> list[bytes]:
    """The lines that have one of the marks, in their order."""
    starts = {text.rfind(b"\n", 0, at) + 1 for mark in _MARKS for at in _find(text, mark)}
    ends = ((start, text.find(b"\n", start)) for start in sorted(starts))
    return [text[start : end if end >= 0 else len(text)] for start, end in ends]


def _find(text: bytes, mark: bytes) -> list[int]:
    """Where the mark stands, in order."""
    base = ctypes.cast(ctypes.c_char_p(text), ctypes.c_void_p).value or 0
    places: list[int] = []
    at = 0
    while found := _memmem(base + at, len(text) - at, mark, len(mark)):
        places.append(found - base)
        at = found - base + len(mark)
    return places


def _read_line(line: bytes, now_us: int) -> Refused | None:
    """What was turned away, if the line says so."""
    if match := _DENIED.match(line):
        topic = match["topic"].decode("utf-8", "replace")
        return Refused(
            now_us,
            "foreign_topic",
            f"client {_text(match['client'])} may not publish there; {int(match['bytes'])} bytes",
            topic.split("/")[4] if topic.count("/") >= 4 else "",
            topic,
            "",
        )
    if match := _NOT_AUTHORISED.match(line):
        client = _text(match["client"])
        # mosquitto 2.0 does not say who it was that it did not let in.
        who = "" if client == _UNKNOWN else client
        detail = f"client {client} did not sign in: unknown, revoked or wrong key"
        return Refused(now_us, "not_authorised", detail, who, "", "")
    if match := _OVERSIZE.match(line):
        client = _text(match["client"])
        detail = f"client {client} sent more than the broker takes at all; disconnected"
        return Refused(now_us, "payload_too_large", detail, client, "", "")
    return None


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def _punch_hole(file: int, start: int, length: int) -> bool:
    """Make a stretch of a file read as zeros without taking room; False where the file system cannot."""
    return _libc.fallocate(file, _PUNCH_HOLE_KEEP_SIZE, ctypes.c_int64(start), ctypes.c_int64(length)) == 0
