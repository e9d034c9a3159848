"""Speech for loudspeakers: a WAV file becomes G.711 A-law at 8 kHz (ITU-T G.711)."""

from __future__ import annotations

import io
import wave

import numpy as np

from media.exceptions import NotOfferedError
from media.faults import NO_WAV, SOUND_TOO_LARGE, SOUND_TOO_LONG

RATE = 8000
LONGEST_S = 90.0
MOST_BYTES = 40 << 20


def read_wav(data: bytes) -> bytes:
    """The speech of a file.

    Parameters
    ----------
    data : bytes
        PCM of 8, 16, 24 or 32 bits, any rate from 4 to 192 kHz, any number of channels, :data:`LONGEST_S` at most.

    Returns
    -------
    bytes
        A-law, 8000 a second.

    Raises
    ------
    NotOfferedError
        It is none, or too long.
    """
    if len(data) > MOST_BYTES:
        raise NotOfferedError(f"{SOUND_TOO_LARGE}: {MOST_BYTES >> 20} MB")
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate, count = (
                file.getnchannels(),
                file.getsampwidth(),
                file.getframerate(),
                file.getnframes(),
            )
            raw = file.readframes(min(count, round(LONGEST_S * rate) + 1))
    except (wave.Error, EOFError, ZeroDivisionError):
        raise NotOfferedError(NO_WAV) from None
    if not 4000 <= rate <= 192_000 or channels < 1 or width not in (1, 2, 3, 4):
        raise NotOfferedError(f"{NO_WAV}: {rate} Hz, {8 * width} bit, {channels} ch")
    if len(raw) // (channels * width) > LONGEST_S * rate:
        raise NotOfferedError(f"{SOUND_TOO_LONG}: {LONGEST_S:g} s")
    samples = _samples(raw[: len(raw) // (channels * width) * channels * width], width)
    return encode(_resampled(samples.reshape(-1, channels).mean(axis=1), rate))


def _samples(raw: bytes, width: int) -> np.ndarray:
    """Samples from -1 to 1."""
    if width == 1:
        return (np.frombuffer(raw, np.uint8).astype(np.float64) - 128) / 128
    if width == 3:
        parts = np.frombuffer(raw, np.uint8).reshape(-1, 3).astype(np.int32)
        whole = (parts[:, 0] << 8 | parts[:, 1] << 16 | parts[:, 2] << 24) >> 8
        return whole / 2.0**23
    return np.frombuffer(raw, f"<i{width}").astype(np.float64) / 2.0 ** (8 * width - 1)


def _resampled(samples: np.ndarray, rate: int) -> np.ndarray:
    """At 8 kHz, by its spectrum: what lies above 4 kHz is left out, and does not fold back as a whistle."""
    if rate == RATE or not len(samples):
        return samples
    count = max(1, round(len(samples) * RATE / rate))
    return np.fft.irfft(np.fft.rfft(samples)[: count // 2 + 1], count) * (count / len(samples))


def encode(samples: np.ndarray) -> bytes:
    """A-law of samples from -1 to 1 (G.711, table 1: sign, chord, step; even bits inverted)."""
    linear = np.clip(np.floor(samples * 4096), -4096, 4095).astype(np.int32)
    negative = linear < 0
    size = np.where(negative, -linear - 1, linear)
    chord = np.maximum(np.floor(np.log2(np.maximum(size, 1))).astype(np.int32) - 4, 0)
    step = np.where(chord == 0, size >> 1, size >> np.maximum(chord, 1)) & 0x0F
    code = (chord << 4 | step) ^ 0x55 | np.where(negative, 0, 0x80)
    return code.astype(np.uint8).tobytes()
