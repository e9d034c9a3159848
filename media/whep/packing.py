"""Access units into RTP payloads: H.264 (RFC 6184, mode 1) and H.265 (RFC 7798); sound is a payload as it is."""

from __future__ import annotations

from collections.abc import Iterator

from media.rtp.frames import Frame

MOST_PAYLOAD = 1300
"""With RTP, SRTP, UDP and IPv6 below 1,400 bytes: tunnels and PPPoE pass it whole."""


def nal_units(data: bytes) -> Iterator[memoryview]:
    """NAL units of an access unit in Annex B, without start codes."""
    view = memoryview(data)
    at = data.find(b"\x00\x00\x01")
    while at >= 0:
        following = data.find(b"\x00\x00\x01", at + 3)
        end = len(data) if following < 0 else following
        if following > 0 and data[following - 1] == 0:
            end -= 1  # the first byte of a start code of four
        if end > at + 3:
            yield view[at + 3 : end]
        at = following


class Packer:
    """Payloads of the frames of one channel, made once for all who watch it.

    A key frame that comes without its parameter sets gets those that came last: some cameras send them once.
    """

    def __init__(self) -> None:
        self._last: Frame | None = None
        self._payloads: list[bytes] = []
        self._parameters: dict[int, bytes] = {}

    def __call__(self, frame: Frame) -> list[bytes]:
        """RTP payloads of a frame, in order; the last of a picture's carries the marker."""
        if frame is not self._last:
            self._last = frame
            self._payloads = list(self._pack(frame)) if frame.video else [frame.data]
        return self._payloads

    def _pack(self, frame: Frame) -> Iterator[bytes]:
        h265 = frame.codec == "h265"
        sets = (32, 33, 34) if h265 else (7, 8)
        units = list(nal_units(frame.data))
        kinds = [unit[0] >> 1 & 0x3F if h265 else unit[0] & 0x1F for unit in units]
        there = {kind: bytes(unit) for kind, unit in zip(kinds, units, strict=True) if kind in sets}
        if frame.key and not there:
            for kind in sets:
                if kind in self._parameters:
                    yield self._parameters[kind]
        self._parameters |= there
        for kind, unit in zip(kinds, units, strict=True):
            if kind == (35 if h265 else 9):  # access unit delimiter: RTP's marker says as much
                continue
            if len(unit) <= MOST_PAYLOAD:
                yield bytes(unit)
            elif h265:
                yield from _fragments_h265(unit)
            else:
                yield from _fragments_h264(unit)


def _fragments_h264(unit: memoryview) -> Iterator[bytes]:
    """FU-A (RFC 6184, 5.8)."""
    indicator, kind = unit[0] & 0xE0 | 28, unit[0] & 0x1F
    room = MOST_PAYLOAD - 2
    for at in range(1, len(unit), room):
        flags = (0x80 if at == 1 else 0) | (0x40 if at + room >= len(unit) else 0)
        yield bytes((indicator, flags | kind)) + unit[at : at + room]


def _fragments_h265(unit: memoryview) -> Iterator[bytes]:
    """FU (RFC 7798, 4.4.3)."""
    first, second, kind = unit[0] & 0x81 | 49 << 1, unit[1], unit[0] >> 1 & 0x3F
    room = MOST_PAYLOAD - 3
    for at in range(2, len(unit), room):
        flags = (0x80 if at == 2 else 0) | (0x40 if at + room >= len(unit) else 0)
        yield bytes((first, second, flags | kind)) + unit[at : at + room]
