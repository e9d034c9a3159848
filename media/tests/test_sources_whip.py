"""WHIP: a publisher of aiortc's own sends over real sockets; nothing is decoded."""

from __future__ import annotations

import asyncio
import itertools
from fractions import Fraction

import av
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription

from media.exceptions import NotOfferedError, OfflineError, RefusedByDeviceError
from media.rtp.frames import Frame
from media.simulator.clip import drawn
from media.sources.whip.publication import KEY_S, Keys
from media.sources.whip.publishers import Publishers, WhipSource
from media.tests.test_sources_rtsp import Kept, run

CLIP = drawn(4, 3, 5)


class Camera(MediaStreamTrack):
    """Encoded pictures, 100 a second so that a test is short."""

    kind = "video"

    def __init__(self):
        super().__init__()
        self._numbers = itertools.count()

    async def recv(self):
        await asyncio.sleep(0.01)
        number = next(self._numbers)
        packet = av.Packet(CLIP[number % len(CLIP)].data)
        packet.pts, packet.time_base = number * 900, Fraction(1, 90_000)
        return packet


class Microphone(MediaStreamTrack):
    kind = "audio"

    def __init__(self):
        super().__init__()
        self._numbers = itertools.count()

    async def recv(self):
        await asyncio.sleep(0.02)
        packet = av.Packet(b"\xd5" * 160)
        packet.pts, packet.time_base = next(self._numbers) * 160, Fraction(1, 8000)
        return packet


async def offering(*tracks, codec="video/H264"):
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    for track in tracks:
        sender = connection.addTransceiver(track, direction="sendonly")
        if track.kind == "video":
            codecs = RTCRtpSender.getCapabilities("video").codecs
            sender.setCodecPreferences([each for each in codecs if each.mimeType in (codec, "video/rtx")])
    await connection.setLocalDescription(await connection.createOffer())
    return connection


def test_what_a_publisher_sends_comes_out_encoded(monkeypatch):
    decoded = []
    monkeypatch.setattr("aiortc.rtcrtpreceiver.get_decoder", decoded.append)

    async def work():
        publishers = Publishers()
        connection = await offering(Camera(), Microphone())
        kept, other = Kept(40), Kept()
        source = WhipSource(publishers, 7)
        with pytest.raises(OfflineError):
            await source.answers()
        number, answer = await publishers.publish(7, connection.localDescription.sdp)
        running = await source.open(kept)
        leaving = await source.open(other)
        await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await kept.full.wait()
        await source.answers()
        await leaving.stop()
        await leaving.stop()
        # One at a time; the publication's own number is needed to end it.
        again = await offering(Camera())
        with pytest.raises(RefusedByDeviceError, match="busy"):
            await publishers.publish(7, again.localDescription.sdp)
        assert not await publishers.end(7, "x")
        assert await publishers.end(7, number)
        await kept.over.wait()
        await running.stop()
        await connection.close()
        await again.close()
        return kept, other, publishers.publishes(7), answer

    kept, other, publishes, answer = run(work())
    pictures = [frame for frame in kept.frames if frame.video]
    assert {frame.codec for frame in kept.frames} == {"h264", "g711a"}
    first = next(i for i, frame in enumerate(pictures) if frame.key)
    clip = [picture.data.replace(b"\0\0\0\1", b"\0\0\1") for picture in CLIP]
    at = clip.index(pictures[first].data.replace(b"\0\0\0\1", b"\0\0\1"))
    for i, frame in enumerate(pictures[first : first + 12]):
        assert frame.data.replace(b"\0\0\0\1", b"\0\0\1") == clip[(at + i) % len(clip)]
    assert {b.pts - a.pts for a, b in itertools.pairwise(pictures)} == {900}
    assert (kept.why, other.why, publishes, decoded) == (["connection closed"], [], False, [])
    assert "a=recvonly" in answer
    assert "VP8" not in answer


def test_key_frames_are_asked_for_when_somebody_waits_when_something_is_lost_and_now_and_then():
    async def work():
        keys, kept = Keys(Kept()), Frame("h264", b"", 0, True)
        keys.frame(kept)
        now = asyncio.get_running_loop().time()
        assert [keys.wanted(now), keys.wanted(now + KEY_S + 1), keys.wanted(now + KEY_S + 1.5)] == [False, True, False]
        keys.frame(kept)
        keys.ask()
        assert [keys.wanted(now + 7), keys.wanted(now + 7.5)] == [True, False]
        keys.frame(kept)
        keys.frame(kept._replace(key=False, damaged=True))
        assert keys.wanted(now + 9)

    run(work())


def test_offers_that_are_none_are_refused_and_leave_nothing_behind():
    async def work():
        publishers = Publishers()
        vp8 = await offering(Camera(), codec="video/VP8")
        data = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        data.createDataChannel("x")
        await data.setLocalDescription(await data.createOffer())
        good = await offering(Camera())
        whole = good.localDescription.sdp
        broken = (vp8.localDescription.sdp, data.localDescription.sdp, "", "v=0", whole + "x" * 70_000, whole * 2,
                  whole.replace("a=fingerprint", "a=fingerprin"), whole.replace("H264", "\0"), whole[:200])  # fmt: skip
        for offer in broken:
            with pytest.raises(NotOfferedError):
                await publishers.publish(1, offer)
        with pytest.raises(NotOfferedError, match=r"no H\.264: VP8"):
            await publishers.publish(1, vp8.localDescription.sdp)
        with pytest.raises(NotOfferedError, match=r"no H\.264: H265"):
            await publishers.publish(1, whole.replace("H264", "H265"))
        for connection in (vp8, data, good):
            await connection.close()
        assert not publishers.publishes(1)
        assert publishers._by_channel == {}

    run(work())
