"""Tones as cameras send them, and what a file or a stream lets one hear."""

from __future__ import annotations

import av
import numpy as np

from media.rtp.frames import Frame
from media.tests.recordings import pictures

RATE = 8000
ENCODERS = {"g711a": "pcm_alaw", "g711u": "pcm_mulaw"}


def tone(codec, hertz, seconds, silent_s=0.0):
    """G.711 of a tone that begins after a silence, as pieces of 20 ms."""
    times = np.arange(round(seconds * RATE)) / RATE
    wave = np.where(times < silent_s, 0, 0.5 * np.sin(2 * np.pi * hertz * times))
    encoder = av.CodecContext.create(ENCODERS[codec], "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "s16"
    for at in range(0, len(wave), 160):
        piece = av.AudioFrame.from_ndarray((wave[at : at + 160] * 32767).astype(np.int16)[None], "s16", "mono")
        piece.sample_rate = RATE
        yield from (bytes(packet) for packet in encoder.encode(piece))


def aac(hertz, seconds, rate=16_000):
    """AAC of a tone behind ADTS headers, a frame each."""
    from media.sources.adts import adts_header

    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = rate, "mono", "fltp"
    for number in range(round(seconds * rate / 1024)):
        wave = 0.5 * np.sin(2 * np.pi * hertz * (np.arange(1024) + number * 1024) / rate)
        piece = av.AudioFrame.from_ndarray(wave.astype(np.float32)[None], "fltp", "mono")
        piece.sample_rate = rate
        for packet in encoder.encode(piece):
            yield adts_header(encoder.extradata, packet.size) + bytes(packet)


def with_tone(seconds, codec, hertz, silent_s):
    """Pictures with a tone, each with when it came."""
    sounds = list(tone(codec, hertz, seconds, silent_s))
    number = 0
    first = None
    for frame, at_us in pictures(seconds):
        first = frame.pts if first is None else first
        yield frame, at_us
        while number < len(sounds) and first + number * 1800 <= frame.pts:
            yield Frame(codec, sounds[number], first + number * 1800, True), at_us
            number += 1


def heard(path):
    """Sound of a file: samples from -1 to 1 where they are heard, and how many a second."""
    with av.open(str(path)) as file:
        stream = file.streams.audio[0]
        samples = np.zeros(0)
        for frame in file.decode(stream):
            at = round(frame.time * frame.sample_rate)
            piece = frame.to_ndarray()[0]
            samples = np.concatenate([samples[:at], np.zeros(max(0, at - len(samples))), piece])
        return samples, stream.rate
