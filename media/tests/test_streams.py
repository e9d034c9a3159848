"""One stream for everybody: opened with the first, shared, opened again while wanted, closed after the last."""

from __future__ import annotations

import asyncio

import av
import numpy as np
import pytest

from media.exceptions import NotOfferedError, OfflineError, RefusedByDeviceError
from media.rtp.frames import Frame
from media.simulator.clip import drawn
from media.steering import Steering
from media.streams import registered, stream
from media.streams.gop import MOST_FRAMES, Clock, Gop
from media.streams.sounding import Sounding, sounded_key, sounding_key
from media.streams.streams import Streams
from media.streams.transcoding import Transcoding, transcoded_key
from media.tests.sounds import aac
from media.tests.sources import Camera, looped, until

CHANNEL = 5


class Sink:
    def __init__(self, broken=False):
        self.frames, self.ends, self.broken = [], [], broken

    def frame(self, frame):
        if self.broken:
            raise RuntimeError("a sink of ill health")
        self.frames.append(frame)

    def ended(self, why):
        self.ends.append(why)


def streams_of(*cameras):
    """Streams whose source is each of these in turn, the last for ever."""
    waiting = list(cameras)

    async def source_of(_channel):
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    return Streams(source_of)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(stream, "GRACE_S", 0.05)
    monkeypatch.setattr(stream, "BACK_OFF_S", (0.01, 0.02))


@looped
async def test_many_share_one_source_and_each_begins_with_a_key_frame(quick):
    camera = Camera(drawn(1, 1, 10), pause_s=0.001)
    streams = streams_of(camera)
    sinks = [Sink() for _ in range(3)]
    joined = await asyncio.gather(*(streams.join(CHANNEL, sink) for sink in sinks[:2]))
    await until(lambda: len(sinks[0].frames) > 30)
    joined.append(await streams.join(CHANNEL, sinks[2]))
    assert sinks[2].frames  # at once: what came since the last key frame
    await until(lambda: len(sinks[2].frames) > 30)
    for sink in sinks:
        assert sink.frames[0].key
        times = [frame.pts for frame in sink.frames if frame.video]
        assert times == sorted(set(times))
    assert (camera.opened, streams.describe(CHANNEL)["viewers"]) == (1, 3)
    for each in joined:
        each.leave()
        each.leave()
    # Whoever is back within the grace period meets the same stream.
    again = await streams.join(CHANNEL, sinks[0])
    await asyncio.sleep(0.08)
    assert (camera.opened, camera.stopped) == (1, 0)
    again.leave()
    await until(lambda: streams.get(CHANNEL) is None)
    assert (camera.stopped, [sink.ends for sink in sinks], streams.describe(CHANNEL)["state"]) == (
        1,
        [[], [], []],
        "closed",
    )


@looped
async def test_a_source_that_is_lost_is_opened_again_and_time_goes_on(quick):
    camera = Camera(drawn(1, 1, 10), pause_s=0.001)
    streams, sink = streams_of(camera), Sink()
    await streams.join(CHANNEL, sink)
    await until(lambda: len(sink.frames) > 10)
    camera.broken = 2
    camera.vanish()
    await until(lambda: streams.describe(CHANNEL)["state"] == "waiting")
    seen = len(sink.frames)
    await until(lambda: len(sink.frames) > seen + 10)
    times = [frame.pts for frame in sink.frames if frame.video]
    assert times == sorted(set(times))
    assert sink.frames[seen].key
    assert (streams.describe(CHANNEL)["reopened"], sink.ends) == (1, [])
    await streams.stop()
    assert sink.ends == ["stopping"]


@looped
async def test_one_that_cannot_be_opened_is_told_of_and_one_that_fails_is_dropped_alone(quick):
    camera = Camera(drawn(1, 1, 10), pause_s=0.001, broken=1)
    streams, good, ill = streams_of(camera), Sink(), Sink(broken=True)
    refused = await asyncio.gather(*(streams.join(CHANNEL, Sink()) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in refused] == [OfflineError] * 3
    await streams.join(CHANNEL, good)
    await streams.join(CHANNEL, ill)
    await until(lambda: len(good.frames) > 20 and ill.ends)
    assert (ill.ends, streams.describe(CHANNEL)["viewers"], good.ends) == (["sink failed"], 1, [])
    # Thousands that come and go, and hundreds that give up while it opens, leave nothing behind.
    for joined in await asyncio.gather(*(streams.join(CHANNEL, Sink()) for _ in range(400))):
        joined.leave()
    for _ in range(3000):
        (await streams.join(CHANNEL, Sink())).leave()
    assert streams.describe(CHANNEL)["viewers"] == 1
    await streams.stop()


@looped
async def test_the_limit_of_transcoding_is_told():
    camera = Camera(drawn(2, 2, 10), pause_s=0.01)
    budget = Transcoding(most=1)

    async def source_of(key):
        return budget.source(streams, transcoded_key(key)) if key < 0 else camera

    streams, sink = Streams(source_of), Sink()
    await streams.join(transcoded_key(CHANNEL), sink)
    with pytest.raises(NotOfferedError, match="limit"):
        await streams.join(transcoded_key(CHANNEL + 1), Sink())
    await until(lambda: any(frame.video for frame in sink.frames))
    picture = next(frame for frame in sink.frames if frame.video)
    assert (picture.codec, picture.key, picture.data[:4]) == ("h264", True, b"\0\0\0\1")
    await streams.stop()
    assert budget.running == 0


@looped
async def test_aac_is_heard_as_opus_and_its_limit_is_told():
    """A tone of 600 Hz in AAC is a tone of 600 Hz in Opus, whose times go on; a second stream is refused."""
    sounds = list(aac(600, 3.0))
    camera, heard = Camera(drawn(1, 1, 25), pause_s=0.001), Sink()
    budget = Sounding(most=1)

    async def source_of(key):
        return budget.source(streams, CHANNEL) if sounded_key(key) is not None else camera

    streams = Streams(source_of)
    await streams.join(sounding_key(CHANNEL), heard)
    with pytest.raises(NotOfferedError, match="already"):
        await streams.join(sounding_key(CHANNEL + 1), Sink())
    camera.rest()  # its pictures run ahead of the sound's times
    for i, data in enumerate(sounds):
        camera.sink.frame(Frame("aac", data, i * 1024 * 90_000 // 16_000, True))
        await asyncio.sleep(0)
    await until(lambda: len(heard.frames) >= 140)
    assert {frame.codec for frame in heard.frames} == {"opus"}
    times = [frame.pts for frame in heard.frames]
    assert set(np.diff(times)) == {1800}
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = 48_000, "mono"
    pieces = [piece.to_ndarray() for frame in heard.frames for piece in decoder.decode(av.Packet(frame.data))]
    wave = np.concatenate([piece.reshape(-1) for piece in pieces])[48_000:96_000]
    assert np.abs(np.fft.rfft(wave)).argmax() * 48_000 / len(wave) == pytest.approx(600, abs=2)
    await streams.stop()


def test_a_group_of_pictures_has_an_end_and_clocks_go_on():
    gop = Gop()
    for number in range(MOST_FRAMES + 10):
        gop.add(Frame("h264", b"x", number, number == 1))
    assert len(gop) == 0
    clock = Clock()
    assert [clock(pts, now) for pts, now in ((900_000, 1.0), (903_600, 1.04), (899_000, 1.05))] == [
        900_000,
        903_600,
        899_000,
    ]
    assert clock(5, 2.05) == 899_000 + 90_000  # the camera has set its clock
    assert clock(3605, 2.09) == 899_000 + 90_000 + 3600
    clock.begin()
    assert clock(10, 3.09) == 899_000 + 90_000 + 3600 + 90_000


def test_a_protocol_has_one_source():
    registered.register_source("test", lambda _channel: None)
    try:
        with pytest.raises(ValueError, match="already"):
            registered.register_source("test", lambda _channel: None)
    finally:
        del registered._makers["test"]


@looped
async def test_a_camera_is_one_persons_and_stands_still_when_that_one_has_gone(monkeypatch):
    done = []

    async def place(channel):
        return ("gb28181" if channel == CHANNEL else "file"), "D", "C"

    async def control(args):
        done.append((args["name"], args["args"]))

    steering = Steering(place, {"gb28181": control})
    take, give, steer = (steering.handlers[name] for name in ("steer_take", "steer_give", "steer"))
    mine = {"channel": CHANNEL, "user": 1, "name": "甲"}
    theirs = mine | {"user": 2, "name": "乙"}
    left = mine | {"word": "move", "args": {"pan": -0.5}}
    with pytest.raises(RefusedByDeviceError):
        await steer(left)
    assert (await take(mine))["mine"]
    assert await take(theirs) | {"seconds": 0} == {"mine": False, "name": "甲", "seconds": 0}
    await steer(left)
    await give(theirs)
    with pytest.raises(RefusedByDeviceError):
        await steer(left | {"user": 2})
    with pytest.raises(NotOfferedError):
        await steer(left | {"word": "reboot"})
    await give(mine)
    assert done == [("move", {"pan": -0.5}), ("move", {})]
    monkeypatch.setattr("media.steering.LEASE_S", 0.0)
    monkeypatch.setattr("media.steering.HOUSE_S", 0.01)
    await take(theirs)
    steering._held[CHANNEL].moving = "move"
    house = asyncio.create_task(steering.run())
    await until(lambda: len(done) == 3)
    house.cancel()
    monkeypatch.undo()
    assert (await take(mine | {"channel": 9}))["mine"]
    with pytest.raises(NotOfferedError, match="file"):
        await steer(left | {"channel": 9})
