"""What the process of video and the processes of analysers tell each other, over pipes: a length, then MessagePack."""

from __future__ import annotations

from struct import Struct
from typing import Any

import msgspec

LENGTH = Struct(">I")
MOST_BYTES = 64 << 20


class Hello(msgspec.Struct):
    """The first message: which analyser to be. An empty ``entry``: none, pictures are only taken out."""

    entry: str
    settings: dict[str, Any]


class Job(msgspec.Struct):
    """A picture to be looked at.

    Attributes
    ----------
    codec, frames
        Encoded pictures of which the last is meant; ``jpeg`` for one that was taken out already.
    path, at_s
        Instead of those: a file, and the second of it that is meant.
    part
        Which part is looked at: left, top, width, height, 0 to 1.
    keep
        Whether the picture is wanted back though nothing is found.
    """

    number: int
    codec: str = ""
    frames: list[bytes] = []
    path: str = ""
    at_s: float = 0.0
    part: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    keep: bool = False
    taken_us: int = 0
    camera: str = ""
    place: tuple[float, float] | None = None


class Reply(msgspec.Struct):
    """What came of it.

    Attributes
    ----------
    seen
        Label, confidence, and box in parts of the whole picture.
    over
        The file has no picture at that second any more.
    unreadable
        Why there is no picture; that is not the analyser's fault.
    fault
        What the analyser threw; of job 0: why it cannot be had.
    """

    number: int
    seen: list[tuple[str, float, tuple[float, float, float, float]]] = []
    jpeg: bytes = b""
    width: int = 0
    height: int = 0
    over: bool = False
    unreadable: str = ""
    fault: str = ""


def packed(message: Hello | Job | Reply) -> bytes:
    """A message with its length in front."""
    body = msgspec.msgpack.encode(message)
    return LENGTH.pack(len(body)) + body
