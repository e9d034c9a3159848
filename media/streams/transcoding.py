"""H.265 and MPEG-4 for browsers that cannot show them: decoded and encoded again, as another stream.

It is a stream like any other, so all who need it share one encoder. It costs a quarter of a core or more, so there
may be only a few; whoever comes after is told to use a browser that decodes H.265.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
from av.video.codeccontext import VideoCodecContext
from prometheus_client import Counter, Gauge

from media.rtp.frames import Frame, is_key
from media.streams.streams import Streams
from media.streams.working import Budget, CodedSource

MOST = 2
"""At once: each takes a quarter to half of a core."""
DECODERS = {"h265": "hevc", "mpeg4": "mpeg4", "h264": "h264"}
CLOCK = Fraction(1, 90_000)
RATE = 25
KEY_EVERY = 2 * RATE
BITS_A_PIXEL = 2.0
"""A second: 1080p gets some 4 Mbit/s at most."""

transcoding = Gauge("sandtable_transcoding", "Streams that are decoded and encoded again")
behind_total = Counter("sandtable_transcoding_dropped", "Pictures not transcoded: the machine was too slow")


def transcoded_key(channel: int) -> int:
    """Under which a channel's transcoded stream is found among the others."""
    return -channel


class Transcoding:
    """Gives transcoded sources, a few at once."""

    def __init__(self, most: int = MOST) -> None:
        refusal = "{most} streams are transcoded already, which is the limit"
        self._budget = Budget(most, refusal, transcoding, behind_total)

    @property
    def running(self) -> int:
        """How many are."""
        return self._budget.running

    def source(self, streams: Streams, channel: int) -> CodedSource:
        """The source of a channel's transcoded stream."""
        return CodedSource(self._budget, streams, channel, _Coder, video=True)


class _Coder:
    """One decoder and one encoder; begun anew where the picture changes its size."""

    def __init__(self) -> None:
        self._decoder: Any = None
        self._codec = ""
        self._encoder: VideoCodecContext | None = None

    def __call__(self, frame: Frame) -> list[Frame]:
        """What becomes of a frame; nothing yet, at times."""
        if frame.codec not in DECODERS:
            raise ValueError(f"{frame.codec} cannot be decoded")
        if frame.codec != self._codec:
            self._codec = frame.codec
            self._decoder = av.CodecContext.create(DECODERS[frame.codec], "r")
        packet = av.Packet(frame.data)
        packet.pts, packet.time_base = frame.pts, CLOCK
        made: list[Frame] = []
        for picture in self._decoder.decode(packet):
            encoder = self._encoder
            if encoder is None or (encoder.width, encoder.height) != (picture.width, picture.height):
                encoder = self._encoder = _new_encoder(picture.width, picture.height)
            picture.pict_type = 0  # the encoder decides where key frames are
            if picture.pts is None:
                picture.pts = frame.pts
            for encoded in encoder.encode(picture.reformat(format="yuv420p")):
                data = bytes(encoded)
                made.append(Frame("h264", data, encoded.pts or frame.pts, is_key(data, "h264")))
        return made


def _new_encoder(width: int, height: int) -> VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = CLOCK, Fraction(RATE)
    encoder.bit_rate = round(width * height * BITS_A_PIXEL)
    encoder.gop_size = KEY_EVERY
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}
    return encoder
