"""The broker's log, read for what never reaches the ingest: refused sign-ins and denied topics.

mosquitto tells of a denied message only in its debug log, which names every message. The file is read as it
grows and what has been read is given back to the disk at once by punching a hole, so it stays small and nothing that
is written meanwhile is lost.
"""

from __future__ import annotations

import ctypes
import os
import re
import time
from pathlib import Path

from devices.ingest.decode import Refused

_DENIED = re.compile(
    rb"^\S+: Denied PUBLISH from (?P<client>.+?) \(d\d, q\d, r\d, m\d+, "
    rb"'(?P<topic>.*)', \.\.\. \((?P<bytes>\d+) bytes\)\)",
    re.MULTILINE,
)
_NOT_AUTHORISED = re.compile(rb"^\S+: Client (?P<client>.+?) disconnected, not authori[sz]ed\.", re.MULTILINE)
_BLOCK = 4096
_PUNCH_HOLE_KEEP_SIZE = 0x03
_libc = ctypes.CDLL(None, use_errno=True)


class BrokerLog:
    """Follows one log file from its present end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._at = 0
        self._rest = b""

    def refusals(self) -> list[Refused]:
        """What the broker has turned away since the last call."""
        text = self._rest + self._read()
        whole, _, self._rest = text.rpartition(b"\n")
        now_us = time.time_ns() // 1000
        found = []
        for match in _DENIED.finditer(whole):
            topic = match["topic"].decode("utf-8", "replace")
            client = match["client"].decode("utf-8", "replace")
            found.append(
                Refused(
                    now_us,
                    "foreign_topic",
                    f"client {client} may not publish there; {int(match['bytes'])} bytes",
                    topic.split("/")[4] if topic.count("/") >= 4 else "",
                    topic,
                    "",
                )
            )
        for match in _NOT_AUTHORISED.finditer(whole):
            client = match["client"].decode("utf-8", "replace")
            detail = f"client {client} did not sign in: unknown, revoked or wrong key"
            found.append(Refused(now_us, "not_authorised", detail, client, "", ""))
        return found

    def _read(self) -> bytes:
        if self._file is None:
            try:
                self._file = os.open(self._path, os.O_RDWR)
            except FileNotFoundError:
                return b""
            self._at = os.fstat(self._file).st_size
            self._give_back()
        pieces = []
        while piece := os.pread(self._file, 1 << 20, self._at):
            pieces.append(piece)
            self._at += len(piece)
        if pieces:
            self._give_back()
        return b"".join(pieces)

    def _give_back(self) -> None:
        end = self._at // _BLOCK * _BLOCK
        if end and self._file is not None:
            # Where the file system has no holes the log merely grows; the disk alarm watches that.
            _libc.fallocate(self._file, _PUNCH_HOLE_KEEP_SIZE, ctypes.c_int64(0), ctypes.c_int64(end))
