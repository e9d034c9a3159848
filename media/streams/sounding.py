"""AAC and other sound for browsers, which take Opus and G.711 alone: decoded and encoded again, as another stream.

It is a stream like any other, so all who hear it share one encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import av
from av.audio.codeccontext import AudioCodecContext
from prometheus_client import Counter, Gauge

from media.rtp.frames import Frame
from media.streams.streams import Streams
from media.streams.working import Budget, CodedSource

MOST = 16
"""At once: each takes about half a percent of a core."""
DECODERS: Mapping[str, tuple[str, int]] = {"aac": ("aac", 0), "g722": ("g722", 16_000), "g723": ("g723_1", 8000),
                                           "g729": ("g729", 8000)}  # fmt: skip
"""By codec: the decoder's name, and samples a second where its stream does not say."""
RATE = 48_000
SAMPLES = 960
"""20 ms, the usual packet of Opus."""
BITS_PER_S = 48_000
STRAY_TICKS = 9000
"""Times that part from what was heard by more than a tenth of a second begin anew."""
_FIRST = 1 << 56

sounding = Gauge("sandtable_sounding", "Streams whose sound is decoded and encoded again")
behind_total = Counter("sandtable_sounding_dropped", "Pieces of sound not transcoded: the machine was too slow")


def sounding_key(key: int) -> int:
    """Under which a stream's sound in Opus is found among the others."""
    return -_FIRST - key


def sounded_key(key: int) -> int | None:
    """Of which stream ``key`` is the sound; None where it is no sound's."""
    return -_FIRST - key if key < -_FIRST else None


class Sounding:
    """Gives sources of sound, some at once."""

    def __init__(self, most: int = MOST) -> None:
        self._budget = Budget(most, "the sound of {most} streams is transcoded already", sounding, behind_total)

    def source(self, streams: Streams, key: int) -> CodedSource:
        """The sound of a stream, in Opus."""
        return CodedSource(self._budget, streams, key, _Coder, video=False)


class _Coder:
    """One decoder and one encoder, one channel of 48 kHz."""

    def __init__(self) -> None:
        self._codec = ""
        self._decoder: Any = None
        self._resampler = av.AudioResampler("s16", "mono", RATE, SAMPLES)
        encoder = av.CodecContext.create("libopus", "w")
        assert isinstance(encoder, AudioCodecContext)
        encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "s16"
        encoder.bit_rate, encoder.time_base = BITS_PER_S, Fraction(1, RATE)
        self._encoder = encoder
        self._begins: int | None = None
        self._heard = self._made = 0

    def __call__(self, frame: Frame) -> list[Frame]:
        """Packets of 20 ms."""
        if frame.codec not in DECODERS:
            raise ValueError(f"{frame.codec} cannot be decoded")
        if frame.codec != self._codec:
            self._begin(frame.codec)
        if self._begins is None or abs(self._due(self._heard) - frame.pts) > STRAY_TICKS:
            self._begins, self._heard, self._made = frame.pts, 0, 0
        packets: list[bytes] = []
        for heard in self._decoder.decode(av.Packet(frame.data)):
            heard.pts = None  # they are counted here
            self._heard += heard.samples * RATE // heard.sample_rate
            for piece in self._resampler.resample(heard):
                piece.pts = None
                packets += [bytes(packet) for packet in self._encoder.encode(piece)]
        made = [Frame("opus", data, self._due(self._made + i * SAMPLES), True) for i, data in enumerate(packets)]
        self._made += len(packets) * SAMPLES
        return made

    def _begin(self, codec: str) -> None:
        name, rate = DECODERS[codec]
        self._codec = codec
        self._decoder = av.CodecContext.create(name, "r")
        if rate:
            self._decoder.sample_rate, self._decoder.layout = rate, "mono"

    def _due(self, samples: int) -> int:
        assert self._begins is not None, "it has begun"
        return self._begins + samples * 90_000 // RATE
