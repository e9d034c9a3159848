"""MPEG program streams as cameras push them (ISO/IEC 13818-1; GB/T 28181, annex C): bytes in, frames out.

Works on what arrives, without looking ahead: a frame is out with its last packet where the marker says so, with the
next one's first where it does not. Garbage costs the frame it is in. Start codes of the program stream have a last
byte of 0xB9 or more, and NAL units of H.264 and H.265 never do: so a damaged stream is found again at the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from media.rtp.frames import Frame, Unwrapper, guess_video, is_key

MOST_FRAME = 8 << 20
MOST_HELD = 1 << 20
TYPES: Mapping[int, str] = {
    0x0F: "aac", 0x10: "mpeg4", 0x1B: "h264", 0x24: "h265", 0x80: "svac", 0x90: "g711a", 0x91: "g711u", 0x92: "g722",
    0x93: "g723", 0x99: "g729", 0x9B: "svac_audio",
}  # fmt: skip
PACK, SYSTEM, MAP, PRIVATE = 0xBA, 0xBB, 0xBC, 0xBD

OnFrame = Callable[[Frame], None]


class PsDemuxer:
    """One stream.

    Parameters
    ----------
    on_frame : callable
        Gets each frame when it is whole.

    Attributes
    ----------
    damaged : int
        How often something could not be read.
    """

    def __init__(self, on_frame: OnFrame) -> None:
        self.damaged = 0
        self._on_frame = on_frame
        self._held = bytearray()
        self._wanted = 0
        """How many bytes must be held before it is worth looking at them again."""
        self._streams: dict[int, str] = {}
        self._video: list[bytes] = []
        self._video_bytes = 0
        self._video_pts: int | None = None
        self._strays: list[bytes] = []
        self._stray_bytes = 0
        self._broken = True  # until the first key frame nothing can be decoded
        self._hurt = False
        self._guessed = ""
        self._unwrap = Unwrapper(33)
        self._unwrap_sound = Unwrapper(33)
        self._last_pts = 0

    def feed(self, data: bytes, *, last: bool = False) -> None:
        """Take the next bytes.

        Parameters
        ----------
        last : bool
            The sender says that a frame ends here: taken as a hint.
        """
        self._held += data
        if len(self._held) < self._wanted and not last:
            return  # in the middle of a unit whose length is known: nothing to be found before its end
        if len(self._held) > MOST_FRAME:
            self.gap()
            return
        self._parse(last)
        if last and not self._held:
            self._picture_ends()

    def gap(self) -> None:
        """Bytes are missing here: what is open is of no use, and pictures until the next key frame are suspect."""
        self._held.clear()
        self._wanted = 0
        self._strays, self._stray_bytes = [], 0
        self._hurt = True
        self._broken = True

    def end(self) -> None:
        """Nothing more comes: what is there goes out."""
        self._parse(True)
        self._picture_ends()

    def _parse(self, last: bool) -> None:
        held, at = self._held, 0
        self._wanted = 0
        while len(held) - at >= 4:
            if held[at] or held[at + 1] or held[at + 2] != 1 or held[at + 3] < 0xB9:
                after = self._resync(at)
                if after < 0:
                    at = self._keep_tail(at, last)
                    break
                at = after
                continue
            size = self._size(at, last)
            if not size:
                break
            self._unit(held[at + 3], at, size)
            at += size
        del held[:at]

    def _resync(self, at: int) -> int:
        """The next start code of the program stream; bytes before it belong to a PES whose length was wrapped."""
        held = self._held
        place = held.find(b"\x00\x00\x01", at)
        while place >= 0 and place + 3 < len(held) and held[place + 3] < 0xB9:
            place = held.find(b"\x00\x00\x01", place + 3)
        if place < 0 or place + 3 >= len(held):
            return -1
        if place > at:
            self._stray(bytes(held[at:place]))
        return place

    def _keep_tail(self, at: int, last: bool) -> int:
        """No start code in sight: pass on what there is but for the bytes one may begin with."""
        held = self._held
        ends = len(held) if last else max(at, len(held) - 3)
        if ends > at:
            self._stray(bytes(held[at:ends]))
        return ends

    def _stray(self, data: bytes) -> None:
        if self._video and not self._hurt and self._video_bytes + self._stray_bytes + len(data) <= MOST_FRAME:
            self._strays.append(data)
            self._stray_bytes += len(data)
        elif data.strip(b"\x00\xff"):
            self._hurt = True
            self.damaged += 1

    def _settle_strays(self) -> None:
        """A PES of more than 65,535 bytes says by how much only modulo 65,536; anything else behind one is garbage."""
        if self._stray_bytes % 65_536 == 0:
            self._video += self._strays
            self._video_bytes += self._stray_bytes
        else:
            self.damaged += 1
        self._strays, self._stray_bytes = [], 0

    def _size(self, at: int, last: bool) -> int:
        """Bytes of the unit at ``at``; 0 where it is not whole yet."""
        held, kind = self._held, self._held[at + 3]
        there = len(held) - at
        if kind == PACK:
            if there < 5:
                return 0
            if held[at + 4] >> 6 != 1:
                return 12 if there >= 12 else 0  # MPEG-1
            if there < 14:
                return 0
            size = 14 + (held[at + 13] & 7)
            return size if there >= size else 0
        if kind == 0xB9:
            return 4
        if there < 6:
            return 0
        length = held[at + 4] << 8 | held[at + 5]
        if length:
            if there >= 6 + length:
                return 6 + length
            self._wanted = 6 + length
            return 0
        return self._open_size(at, last)

    def _open_size(self, at: int, last: bool) -> int:
        """A length of 0, which only transport streams may have: up to the next start code, or the frame's end."""
        held = self._held
        place = held.find(b"\x00\x00\x01", at + 6)
        while place >= 0 and place + 3 < len(held):
            if held[place + 3] >= 0xB9:
                return place - at
            place = held.find(b"\x00\x00\x01", place + 3)
        return len(held) - at if last else 0

    def _unit(self, kind: int, at: int, size: int) -> None:
        if self._strays:
            self._settle_strays()
        if kind == PACK:
            self._picture_ends()
        elif kind == MAP:
            self._map(bytes(self._held[at + 6 : at + size]))
        elif 0xE0 <= kind <= 0xEF:
            self._video_pes(at, size)
        elif 0xC0 <= kind <= 0xDF:
            self._sound_pes(kind, at, size)

    def _map(self, body: bytes) -> None:
        """Program stream map; entries are bounded by what is there, and the check sum is not looked at: Tiandy's is
        wrong."""
        if len(body) < 6:
            return
        at = 4 + (body[2] << 8 | body[3])
        at, ends = at + 2, len(body) - 4  # the map's own length leaves descriptors out in some cameras
        streams = {}
        while at + 4 <= ends:
            kind, stream = body[at], body[at + 1]
            streams[stream] = TYPES.get(kind, "")
            at += 4 + (body[at + 2] << 8 | body[at + 3])
        if streams:
            self._streams = streams

    def _video_pes(self, at: int, size: int) -> None:
        pts, begins = self._pes(at, size)
        if begins < 0:
            return
        if pts is not None and self._video and self._video_pts is not None and pts != self._video_pts:
            self._picture_ends()
        if pts is not None:
            self._video_pts = pts
        if self._video_bytes + size > MOST_FRAME:
            self._hurt = True
            return
        self._video.append(bytes(self._held[at + begins : at + size]))
        self._video_bytes += size - begins

    def _sound_pes(self, kind: int, at: int, size: int) -> None:
        pts, begins = self._pes(at, size)
        codec = self._streams.get(kind, "")
        if begins < 0 or not codec:
            return
        time = self._unwrap_sound(pts) if pts is not None else self._last_pts
        self._on_frame(Frame(codec, bytes(self._held[at + begins : at + size]), time, True))

    def _pes(self, at: int, size: int) -> tuple[int | None, int]:
        """PTS where there is one, and where the data begins; -1 where that cannot be told."""
        held = self._held
        if size < 9 or held[at + 6] >> 6 != 2:
            return self._pes_of_mpeg1(at, size)
        begins = 9 + held[at + 8]
        if begins > size:
            self.damaged += 1
            self._hurt = True
            return None, -1
        pts = _time(held, at + 9) if held[at + 7] & 0x80 and held[at + 8] >= 5 else None
        return pts, begins

    def _pes_of_mpeg1(self, at: int, size: int) -> tuple[int | None, int]:
        """ISO/IEC 11172-1: stuffing, buffer size, then times, each told by its first bits."""
        held, place = self._held, 6
        while place < size and place < 22 and held[at + place] == 0xFF:
            place += 1
        if place < size and held[at + place] >> 6 == 1:
            place += 2
        if place >= size:
            return None, -1
        mark = held[at + place] >> 4
        if mark in (2, 3) and place + 5 <= size:
            return _time(held, at + place), place + (5 if mark == 2 else 10)
        return None, place + 1

    def _picture_ends(self) -> None:
        if self._strays:
            self._settle_strays()
        if not self._video:
            self._hurt = False
            return
        data = b"".join(self._video) if len(self._video) > 1 else self._video[0]
        self._video.clear()
        self._video_bytes = 0
        pts, self._video_pts = self._video_pts, None
        codec = next((name for stream, name in self._streams.items() if 0xE0 <= stream <= 0xEF and name), "")
        if not codec:
            self._guessed = codec = guess_video(data) or self._guessed
        if not codec:
            self._hurt = False
            return  # nobody can tell what it is, so far
        key = is_key(data, codec)
        if key and not self._hurt:
            self._broken = False
        elif self._hurt:
            self._broken = True
        if pts is not None:
            self._last_pts = self._unwrap(pts)
        frame = Frame(codec, data, self._last_pts, key, self._broken)
        self._hurt = False
        self._on_frame(frame)


def _time(data: bytearray, at: int) -> int:
    """33 bits in five bytes."""
    return (
        (data[at] >> 1 & 7) << 30 | data[at + 1] << 22 | data[at + 2] >> 1 << 15 | data[at + 3] << 7 | data[at + 4] >> 1
    )
