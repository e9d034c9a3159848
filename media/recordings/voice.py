"""G.711 of cameras as AAC, for MP4 has no place for it that players know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

import av
from av.audio.codeccontext import AudioCodecContext

from media.recordings.tracks import AAC_SAMPLES, AacUnit
from media.rtp.frames import Frame

DECODERS: Mapping[str, str] = {"g711a": "pcm_alaw", "g711u": "pcm_mulaw"}
RATE = 8000
CONFIG = (2, 11, 1)
"""AAC-LC, 8 kHz, one channel; see :attr:`media.recordings.tracks.AacUnit.config`."""
BITS_PER_S = 24_000
STRAY_TICKS = 18_000
"""Times that part from what was heard by more than a fifth of a second begin anew."""


class Voice:
    """An encoder of one file; belongs to one thread.

    Parameters
    ----------
    codec : str
        One of :data:`DECODERS`.
    """

    def __init__(self, codec: str) -> None:
        self.codec = codec
        decoder = av.CodecContext.create(DECODERS[codec], "r")
        assert isinstance(decoder, AudioCodecContext)
        decoder.sample_rate, decoder.layout = RATE, "mono"
        self._decoder = decoder
        self._begins = self._heard = 0
        self._begin(0)

    def _begin(self, pts: int) -> None:
        encoder = av.CodecContext.create("aac", "w")
        assert isinstance(encoder, AudioCodecContext)
        encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "fltp"
        encoder.bit_rate, encoder.time_base = BITS_PER_S, Fraction(1, RATE)
        self._encoder = encoder
        self._resampler = av.AudioResampler("fltp", "mono", RATE, AAC_SAMPLES)
        self._begins, self._heard = pts, 0
        self._made = -1  # what comes first is the encoder's own beginning, of the time before
        self._fresh = True

    def __call__(self, frame: Frame) -> list[tuple[int, AacUnit]]:
        """What becomes of a piece of sound: units, each with its PTS; nothing yet, most often.

        Raises
        ------
        av.FFmpegError
            It cannot be read.
        """
        due = self._begins + self._heard * 90_000 // RATE
        if self._fresh or abs(due - frame.pts) > STRAY_TICKS:
            self._begin(frame.pts)
        self._fresh = False
        made: list[tuple[int, AacUnit]] = []
        for heard in self._decoder.decode(av.Packet(frame.data)):
            heard.pts = None  # they are counted here
            self._heard += heard.samples
            made += self._encoded(self._resampler.resample(heard))
        return made

    def rest(self) -> list[tuple[int, AacUnit]]:
        """What waits for more; nothing more comes. As long as what was heard, for the last unit is filled up."""
        if self._fresh:
            return []
        self._fresh = True
        return self._encoded([*self._resampler.resample(None), None])

    def _encoded(self, pieces: Sequence[av.AudioFrame | None]) -> list[tuple[int, AacUnit]]:
        made: list[tuple[int, AacUnit]] = []
        for piece in pieces:
            if piece is not None:
                piece.pts = None
            for packet in self._encoder.encode(piece):
                if self._made >= 0:
                    time = self._begins + self._made * AAC_SAMPLES * 90_000 // RATE
                    made.append((time, AacUnit(*CONFIG, bytes(packet))))
                self._made += 1
        return made
