"""What the tests of recordings share: pictures with and without sound, a channel, segments written quickly."""

from __future__ import annotations

from media.models import Channel, VideoDevice
from media.recordings.ledger import write_news
from media.recordings.recorder import Recorder
from media.recordings.recorders import news_of
from media.recordings.wanting import Want
from media.recordings.writer import Writer
from media.rtp.frames import Frame
from media.simulator.clip import drawn

START_US = 2_000_000_000_000_000
FPS = 25
STEP = 90_000 // FPS


def adts(data=b"\x21\x10\x04\x60\x8c\x1c", rate=11, channels=1):
    """Silence of AAC-LC at 8 kHz behind its header."""
    size = len(data) + 7
    head = bytes([0xFF, 0xF1, 1 << 6 | rate << 2 | channels >> 2, (channels & 3) << 6 | size >> 11, size >> 3 & 255,
                  (size & 7) << 5 | 31, 0xFC])  # fmt: skip
    return head + data


def pictures(seconds, *, sound="", first_pts=5000, gop=FPS, clip=None):
    """Frames as a source gives them, each with when it came (microseconds since 1970)."""
    clip = clip or drawn(2, 2, gop)
    heard = first_pts
    for i in range(round(seconds * FPS)):
        picture = clip[i % len(clip)]
        pts, at_us = first_pts + i * STEP, START_US + i * 1_000_000 // FPS
        yield Frame("h264", picture.data, pts, picture.key), at_us
        while sound and heard <= pts:
            data = adts() if sound == "aac" else bytes(160)
            yield Frame(sound, data, heard, True), at_us
            heard += 1024 * 90_000 // 8000 if sound == "aac" else 1800


def channel(code="31010100001310000001", device="31010100001180000001", owner=None):
    device, _made = VideoDevice.objects.get_or_create(code=device, defaults={"name": "录像机", "owner": owner})
    return Channel.objects.create(device=device, code=code, name="北门")


def record(channel, folder, frames, want=None, recorder=None, *, stop=True):
    """Have frames recorded and told to the register; returns the recorder."""
    writer = Writer()
    recorder = recorder or Recorder(channel, folder, writer)
    recorder._writer = writer
    for frame, at_us in frames:
        recorder.take(frame, at_us, want or Want({"continuous"}, days=30, early=False))
    if stop:
        recorder.stop()
    writer.stop()
    write_news([news for segment in dict.fromkeys(writer.events) if (news := news_of(segment))])
    return recorder
