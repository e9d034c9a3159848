"""A short clip of H.264 to send round and round: encoded by ffmpeg where there is one, else drawn macroblock by
macroblock without an encoder (ITU-T H.264, 7.3: I_PCM pictures, and P pictures that skip everything)."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import Protocol

FPS = 25
GOP = 50
START = b"\x00\x00\x00\x01"


@dataclass(frozen=True)
class Picture:
    """One access unit in Annex B."""

    data: bytes
    key: bool


class Pictures(Protocol):
    """Pictures to send round and round."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Picture: ...


class _Bits:
    def __init__(self) -> None:
        self._bits: list[str] = []

    def u(self, width: int, value: int) -> _Bits:
        self._bits.append(f"{value:0{width}b}")
        return self

    def ue(self, value: int) -> _Bits:
        code = f"{value + 1:b}"
        self._bits.append("0" * (len(code) - 1) + code)
        return self

    def se(self, value: int) -> _Bits:
        return self.ue(2 * value - 1 if value > 0 else -2 * value)

    def align(self, bit: str = "0") -> None:
        used = sum(map(len, self._bits)) % 8
        if used:
            self._bits.append(bit * (8 - used))

    def raw(self, data: bytes) -> None:
        self._bits.append("".join(f"{byte:08b}" for byte in data))

    def nal(self, header: int) -> bytes:
        self._bits.append("1")
        self.align()
        text = "".join(self._bits)
        body = int(text, 2).to_bytes(len(text) // 8, "big")
        return START + bytes([header]) + _escape(body)


def _escape(body: bytes) -> bytes:
    """Emulation prevention (7.4.1)."""
    out, zeros = bytearray(), 0
    for byte in body:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def drawn(width_mb: int = 8, height_mb: int = 6, count: int = GOP) -> list[Picture]:
    """A grey picture with a white bar, still until the next key frame, where the bar stands elsewhere.

    Parameters
    ----------
    width_mb, height_mb : int
        Size in macroblocks of 16 pixels.
    """
    sps = _Bits()
    sps.u(8, 66).u(8, 0xC0).u(8, 30)  # constrained baseline, level 3
    sps.ue(0).ue(0).ue(2).ue(1)  # id, frame_num of 4 bits, order as decoded, one reference
    sps.u(1, 0).ue(width_mb - 1).ue(height_mb - 1)
    sps.u(1, 1).u(1, 1).u(1, 0).u(1, 0)  # frames only, 8x8 inference, no cropping, no VUI
    pps = _Bits()
    pps.ue(0).ue(0).u(1, 0).u(1, 0).ue(0).ue(0).ue(0)
    pps.u(1, 0).u(2, 0).se(0).se(0).se(0).u(1, 0).u(1, 0).u(1, 0)
    head = sps.nal(0x67) + pps.nal(0x68)
    pictures = []
    for turn in range(2):
        key = _Bits()
        key.ue(0).ue(7).ue(0).u(4, 0).ue(turn)  # first_mb, I, pps, frame_num, idr_pic_id
        key.u(1, 0).u(1, 0).se(0)
        for number in range(width_mb * height_mb):
            key.ue(25)  # I_PCM
            key.align()
            bright = number % width_mb == turn * (width_mb // 2)
            key.raw(bytes([235 if bright else 110]) * 256 + b"\x80" * 128)
        pictures.append(Picture(head + key.nal(0x65), True))
        for number in range(1, count):
            still = _Bits()
            still.ue(0).ue(5).ue(0).u(4, number % 16)  # P
            still.u(1, 0).u(1, 0).u(1, 0).se(0)
            still.ue(width_mb * height_mb)  # mb_skip_run: everything
            pictures.append(Picture(still.nal(0x41), False))
    return pictures


def encoded(size: str, kilobits: int, codec: str = "h264", seconds: int = 4) -> list[Picture]:
    """ffmpeg's test picture, moving, without B-frames.

    Parameters
    ----------
    size : str
        Such as ``1920x1080``.

    Raises
    ------
    OSError, subprocess.CalledProcessError
        There is no ffmpeg, or it cannot encode this.
    """
    encoder = {"h264": ["libx264", "-profile:v", "main"], "h265": ["libx265"]}[codec]
    command = [
        "ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate={FPS}", "-t", str(seconds),
        "-pix_fmt", "yuv420p", "-c:v", *encoder, "-preset", "ultrafast", "-tune", "zerolatency",
        "-b:v", f"{kilobits}k", "-maxrate", f"{kilobits}k", "-bufsize", f"{kilobits}k", "-g", str(GOP), "-bf", "0",
        "-bsf:v", f"{'hevc' if codec == 'h265' else 'h264'}_metadata=aud=insert", "-f", codec.replace("h265", "hevc"),
        "pipe:1",
    ]  # fmt: skip
    stream = subprocess.run(command, capture_output=True, check=True).stdout
    delimiter = START + (b"\x46\x01" if codec == "h265" else b"\x09")
    parts = stream.split(delimiter)[1:]
    keys = (b"\x26", b"\x28", b"\x2a") if codec == "h265" else (b"\x65",)
    return [Picture(delimiter + part, any(b"\x00\x00\x01" + key in part for key in keys)) for part in parts]


STAMP = b"sandtable-moment"
"""Marks the message in a recorded picture that says when it was taken (H.264, D.2.7)."""


def stamped(data: bytes, codec: str, at_ms: int) -> bytes:
    """An access unit with the time it was recorded, in front of its first slice.

    Parameters
    ----------
    at_ms : int
        Milliseconds since 1970.
    """
    text = STAMP + b"%d" % at_ms  # digits need no emulation prevention
    body = bytes([5, len(text)]) + text + b"\x80"
    message = START + (b"\x4e\x01" if codec == "h265" else b"\x06") + body
    at = data.find(b"\x00\x00\x01")
    while at >= 0:
        kind = data[at + 3] >> 1 & 0x3F if codec == "h265" else data[at + 3] & 0x1F
        if kind < 32 if codec == "h265" else 1 <= kind <= 5:
            begins = at - 1 if at and data[at - 1] == 0 else at
            return data[:begins] + message + data[begins:]
        at = data.find(b"\x00\x00\x01", at + 3)
    return data


@cache
def clip(size: str, kilobits: int, codec: str = "h264") -> tuple[Picture, ...]:
    """The clip to send: encoded where that is possible, else drawn (small, H.264 whatever was asked)."""
    if shutil.which("ffmpeg"):
        try:
            return tuple(encoded(size, kilobits, codec))
        except subprocess.CalledProcessError:
            pass
    return tuple(drawn())
