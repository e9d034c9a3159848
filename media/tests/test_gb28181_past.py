"""What devices have recorded: listed, played, steered, loaded down, by datagram and by connection either way."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from unittest.mock import Mock

import av
import pytest

from media.exceptions import MediaError, NotOfferedError, RefusedByDeviceError
from media.gb28181.call import Recorded
from media.gb28181.items import BEIJING
from media.gb28181.pace import Pace
from media.gb28181.playback import Playback, State
from media.reasons import FORGED
from media.recordings.segment import SegmentFile
from media.rtp.frames import Frame
from media.simulator.past import Past
from media.tests.alone import Alone, Seen, alone, device, until
from media.tests.platform import CODE

pytestmark = pytest.mark.slow
CHANNEL = "31011500001310000001"
DAY = datetime(2026, 11, 20, 10, 0, tzinfo=BEIJING)
MS = DAY.timestamp() * 1000


def taken(seen):
    """Seconds after :data:`DAY` at which pictures were recorded."""
    return [(at - MS) / 1000 for _pts, at, _key in seen.pictures]


@pytest.mark.parametrize("media", ["udp", "tcp_passive", "tcp_active"])
def test_a_recording_is_loaded_down_and_ends(media):
    async def work():
        async with Alone() as server:
            server.knows(media=media)
            async with device(server) as camera:
                seen = Seen()
                past = Recorded(DAY, DAY + timedelta(seconds=6), download_speed=8)
                call = await server.calls.begin(CODE, CHANNEL, seen, past)
                assert call.offer.size > 10_000
                assert next(iter(camera.showing.shown.values())).sending.speed == 8
                await until(lambda: seen.why)
                assert seen.why == "recording ended"
                assert taken(seen) == [i / 25 for i in range(150)]
                assert seen.pictures[0][2]
                assert call.receiving.counts.lost == call.receiving.counts.damaged == 0
                await until(lambda: not camera.end.calls)  # it has had our BYE
                assert not len(server.calls)

    alone(work())


def test_a_recording_becomes_a_file_for_whoever_asked(tmp_path, settings, monkeypatch):
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr("media.gb28181.downloads.LOOK_S", 0.01)
    monkeypatch.setattr("media.gb28181.downloads.FULL_SHARE", 1.0)  # however full this machine's disk is
    piece = {"begins": DAY.isoformat(), "ends": (DAY + timedelta(seconds=6)).isoformat()}
    about = {"device": CODE, "channel": CHANNEL, "pk": 5, "user": 3}

    async def work():
        async with Alone() as server:
            server.knows()
            asks = server.downloads.handlers
            for wrong in ({"ends": piece["begins"]}, {"ends": (DAY + timedelta(hours=3)).isoformat()}):
                with pytest.raises(NotOfferedError):
                    await asks["download"](about | piece | wrong)
            async with device(server) as camera:
                told = await asks["download"](about | piece)
                mine = {"key": told["key"], "user": 3}
                with pytest.raises(NotOfferedError):
                    await asks["download_state"](mine | {"user": 4})
                download = server.downloads._open[told["key"]]
                await until(lambda: download.state != "loading")
                told = await asks["download_state"](mine)
                assert (told["state"], told["why"], told["seconds"], told["channel"]) == ("done", "", 6.0, 5)
                assert told["size"] == download.path.stat().st_size
                with av.open(str(download.path)) as film:
                    assert sum(1 for _ in film.decode(video=0)) == 150
                # Two at once are a person's share.
                long = about | piece | {"ends": (DAY + timedelta(hours=1)).isoformat()}
                for _ in range(2):
                    await asks["download"](long)
                with pytest.raises(NotOfferedError, match="too many downloads"):
                    await asks["download"](long)
                # Nor may they fill the disk: positions are written there, too.
                with monkeypatch.context() as full:
                    full.setattr("media.gb28181.downloads.FULL_SHARE", 0.0)
                    with pytest.raises(NotOfferedError, match="disk full"):
                        await asks["download"](long | {"user": 4})
                    await until(lambda: {each.why for each in server.downloads._open.values()} == {"", "disk full"})
                    await until(lambda: not camera.end.calls)
                for _ in range(2):
                    await asks["download"](long)
                # What cannot be written is not sent on for hours, and leaves neither a file nor a place taken.
                monkeypatch.setattr(SegmentFile, "add", Mock(side_effect=OSError("no space left")))
                await until(lambda: {each.state for each in server.downloads._open.values()} == {"done", "failed"})
                await until(lambda: not camera.end.calls)
                assert [path.stem for path in tmp_path.glob("downloads/*")] == [mine["key"]]
                with monkeypatch.context() as broken:
                    broken.setattr(server.downloads._calls, "begin", Mock(side_effect=RuntimeError("broken")))
                    with pytest.raises(RuntimeError):
                        await asks["download"](long)
                assert len(server.downloads._open) == 5
        assert list(tmp_path.glob("downloads/*")) == []

    alone(work())


def test_a_playback_is_steered():
    async def work():
        async with Alone() as server:
            server.knows()
            async with device(server, past=Past(missed=[((DAY.timestamp() + 22), DAY.timestamp() + 32)])) as camera:
                seen = Seen()
                playback = Playback(server.calls, CODE, CHANNEL, DAY, DAY + timedelta(seconds=38))
                with pytest.raises(NotOfferedError):
                    await playback.order("pause")
                await playback.open(seen)
                await until(lambda: len(seen.pictures) > 3)
                sending = next(iter(camera.showing.shown.values())).sending
                # It stands still, and goes on.
                await playback.order("pause")
                assert (playback.state, sending.paused) == (State.PAUSED, True)
                await asyncio.sleep(0.1)
                before = len(seen.pictures)
                await asyncio.sleep(0.2)
                assert len(seen.pictures) == before
                await playback.order("resume")
                await until(lambda: len(seen.pictures) > before + 2)
                # Elsewhere: it goes on with a key frame there.
                await playback.order("seek", 20.0)
                await until(lambda: taken(seen)[-1] >= 20)
                assert next(key for _pts, at, key in seen.pictures if at >= MS + 20_000)
                assert 20 <= playback.tell()["position_s"] < 23
                # Faster: what is seen is spread over the time it takes.
                await playback.order("speed", 4)
                begun = len(seen.pictures)
                await until(lambda: taken(seen)[-1] > 21)
                steps = {b[0] - a[0] for a, b in zip(seen.pictures[begun:], seen.pictures[begun + 1 :], strict=False)}
                assert steps == {900}
                assert sending.speed == 4
                # Over a gap to the end; there the call is over and the playback is not.
                await until(lambda: taken(seen)[-1] >= 32)
                assert not [at for at in taken(seen) if 22.1 < at < 32]
                await until(lambda: playback.state is State.ENDED, 15)
                await until(lambda: not camera.end.calls)
                assert (seen.why, taken(seen)[-1]) == ("", 37.96)
                times = [pts for pts, _at, _key in seen.pictures]
                assert times == sorted(set(times))
                # Back from the end: it is called anew, from there and as fast as before.
                await playback.order("seek", 30.0)
                await until(lambda: 32 <= taken(seen)[-1] < 37)
                assert next(iter(camera.showing.shown.values())).sending.speed == 4
                for wrong in (("seek", 61.0), ("speed", 3.0), ("dance", 0.0), ("resume", 0.0)):
                    with pytest.raises(NotOfferedError):
                        await playback.order(*wrong)
                call = playback._call
                await playback.stop()
                await playback.stop()
                assert (seen.why, playback.tell()["state"]) == ("", "closed")
                await until(lambda: not camera.showing.shown)
                with pytest.raises(MediaError):
                    await call.pause()

    alone(work())


def test_a_device_that_cannot_seek_is_called_anew(monkeypatch):
    async def work():
        async with Alone() as server:
            server.knows()
            async with device(server) as camera:
                seen = Seen()
                playback = Playback(server.calls, CODE, CHANNEL, DAY, DAY + timedelta(seconds=60))
                await playback.open(seen)
                camera.end.handlers["INFO"] = lambda packet: camera.end.answer(packet, 400, "Bad Request")
                with pytest.raises(RefusedByDeviceError):
                    await playback.order("pause")
                assert playback.state is State.PLAYING
                await playback.order("seek", 40.0)
                await until(lambda: seen.pictures and taken(seen)[-1] >= 40)
                await until(lambda: len(camera.end.calls) == 1)
                await playback.stop()
                nothing = Recorded(DAY + timedelta(days=3000), DAY + timedelta(days=3001))
                with pytest.raises(RefusedByDeviceError, match="404"):
                    await server.calls.begin(CODE, CHANNEL, seen, nothing)
                live = await server.calls.begin(CODE, CHANNEL, Seen())
                with pytest.raises(NotOfferedError, match="live"):
                    await live.pause()

    alone(work())


def test_the_end_of_one_recording_is_not_another_ones(monkeypatch):
    async def work():
        async with Alone() as server:
            server.knows()
            async with device(server):
                short, long = Seen(), Seen()
                await server.calls.begin(CODE, CHANNEL, long, Recorded(DAY, DAY + timedelta(seconds=60)))
                await server.calls.begin(CODE, CHANNEL, short, Recorded(DAY, DAY + timedelta(seconds=1)))
                await until(lambda: short.why)
                assert (short.why, long.why) == ("recording ended", "")
                # A device that does not say which: the one that has been still for longest.
                server.calls.recording_ended(CODE, CHANNEL, "another")
                await until(lambda: long.why)
                server.calls.recording_ended(CODE, CHANNEL, "another")
        assert FORGED not in [reason for reason, *_rest in server.turned]

    alone(work())


def test_paces():
    pace = Pace()
    picture = Frame("h264", b"", 1000, True)
    assert pace(picture._replace(codec="g711a")) is None  # sound before the first picture
    first = pace(picture)
    second = pace(picture._replace(pts=4600))
    assert (second.pts - first.pts, round(pace.position_s, 2)) == (3600, 0.04)
    assert pace(picture._replace(codec="g711a", pts=4700)).pts == second.pts + 100
    pace.speed = 2.0
    third = pace(picture._replace(pts=8200))
    assert third.pts - second.pts == 1800
    assert pace(picture._replace(codec="g711a")) is None
    for elsewhere in (10**9, 5):  # far ahead, and behind
        fourth = pace(picture._replace(pts=elsewhere))
        assert fourth.pts - third.pts == 1800
        third = fourth


def test_playbacks_are_asked_for_by_key():
    async def work():
        async with Alone() as server:
            server.knows()
            ask = server.playbacks.handlers
            async with device(server):
                piece = {"device": CODE, "channel": CHANNEL, "user": 5, "pk": 9, "begins": DAY.isoformat()}
                with pytest.raises(NotOfferedError):
                    await ask["playback"]({**piece, "ends": DAY.isoformat()})
                made = await ask["playback"]({**piece, "ends": (DAY + timedelta(seconds=9)).isoformat()})
                assert (made["state"], made["length_s"], made["at"]) == ("waiting", 9, "2026-11-20T10:00:00.000+08:00")
                seen = Seen()
                joined = await server.watching.streams.join(made["key"], seen)  # as every viewer does
                await until(lambda: seen.pictures)
                whep = server.watching.handlers["whep_open"]
                for channel, user in ((9, 6), (8, 5)):
                    with pytest.raises(NotOfferedError, match="given up"):
                        await whep({"channel": channel, "user": user, "playback": made["key"], "offer": ""})
                told = await ask["playback_order"]({"key": made["key"], "user": 5, "action": "seek", "value": 5})
                assert (told["state"], int(told["position_s"])) == ("playing", 5)
                joined.leave()
                await server.watching.streams.stop()
                assert (await ask["playback_state"]({"key": made["key"], "user": 5}))["state"] == "closed"
                permits = server.playbacks.permits
                assert permits(made["key"], 5, 9)
                assert not any(permits(made["key"], *other) for other in ((6, 9), (5, 8)))
                with pytest.raises(NotOfferedError):
                    await ask["playback_state"]({"key": made["key"], "user": 6})
                with pytest.raises(NotOfferedError):
                    server.playbacks.source(made["key"] + 1)

    alone(work())
