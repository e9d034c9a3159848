"""A browser's side played by aiortc's own peer connection: a camera's access units arrive as they were sent."""

from __future__ import annotations

import asyncio

import pytest
from aioice import stun
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.codecs.h264 import H264PayloadDescriptor
from aiortc.mediastreams import MediaStreamError
from aiortc.rtp import RtcpRtpfbPacket

from media.exceptions import NotOfferedError
from media.rtp.frames import Frame
from media.rtp.packets import read_packet
from media.rtp.raw import NalJoiner
from media.simulator.clip import drawn, encoded
from media.streams.sounding import Sounding, sounded_key
from media.streams.streams import Streams
from media.streams.transcoding import Transcoding, transcoded_key
from media.tests.sounds import aac
from media.tests.sources import Camera, looped, until
from media.whep import viewers as viewing
from media.whep.ice import IcePort, runs
from media.whep.offer import MOST_BYTES, Own, choose, read_offer, write_answer
from media.whep.outgoing import Outgoing
from media.whep.packing import MOST_PAYLOAD, Packer, nal_units
from media.whep.viewers import Viewers

CHANNEL, USER = 7, 3
OFFER = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
m=video 9 UDP/TLS/RTP/SAVPF 96 102 103 127 49
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-256 00:11
a=setup:actpass
a=mid:0
a=recvonly
a=rtpmap:96 VP8/90000
a=rtpmap:102 H264/90000
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f
a=rtpmap:103 H264/90000
a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=64001f
a=rtpmap:127 H264/90000
a=rtcp-fb:127 transport-cc
a=rtcp-fb:127 nack
a=fmtp:127 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f
a=rtpmap:49 H265/90000
m=audio 9 UDP/TLS/RTP/SAVPF 111 8
a=mid:1
a=recvonly
a=rtpmap:111 opus/48000/2
a=rtpmap:8 PCMA/8000
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=mid:2
"""
WRONG = (
    "",
    "GET / HTTP/1.1",
    "v=0\n" + "a=x\n" * MOST_BYTES,
    OFFER.replace("H264", "VP9").replace("H265", "AV1"),
    OFFER.replace("packetization-mode=1", "packetization-mode=0").replace("H265", "AV1"),
    OFFER.replace("a=ice-ufrag:abcd", "a=ice-ufrag:a b"),
    OFFER.replace("a=fingerprint", "a=finger"),
    OFFER.replace("a=mid:1", "a=mid:<1>"),
    OFFER.replace("recvonly", "sendonly"),
    OFFER + "m=video\n",
    OFFER + "m=video 9 UDP/TLS/RTP/SAVPF 96\n" * 9,
)
OWN = Own("uf", "pw", [("sha-256", "00")], [("127.0.0.1", 1)], 5, {0: 1, 1: 2})


class Platform:
    """Streams, viewers and a port, without database or broker."""

    def __init__(self, camera):
        self.ended = []
        self.allowed = None

        transcoding, sounding = Transcoding(), Sounding()

        async def source_of(key):
            if (sounded := sounded_key(key)) is not None:
                return sounding.source(self.streams, sounded)
            return camera if key > 0 else transcoding.source(self.streams, transcoded_key(key))

        async def refused(asked):
            return {one.key: "signed out" for one in asked if self.allowed is not None and one.key not in self.allowed}

        self.port = IcePort("127.0.0.1", 0)
        self.streams = Streams(source_of)
        self.viewers = Viewers(self.streams, self.port, lambda v, why: self.ended.append((v.user, why)), refused)

    async def __aenter__(self):
        await self.port.open()
        return self

    async def __aexit__(self, *_):
        await self.viewers.stop()
        await self.streams.stop()


async def watch(platform, sound=False, change=lambda offer: offer):
    """Offer, answer, connected."""
    browser = RTCPeerConnection()
    browser.addTransceiver("video", direction="recvonly")
    if sound:
        browser.addTransceiver("audio", direction="recvonly")
    await browser.setLocalDescription(await browser.createOffer())
    told = await platform.viewers.open(CHANNEL, USER, change(browser.localDescription.sdp))
    await browser.setRemoteDescription(RTCSessionDescription(told["answer"], "answer"))
    return browser, told["session"]


@looped
async def test_a_browser_gets_the_pictures_and_those_since_the_last_key_frame():
    camera = Camera(drawn(8, 6, 25))
    async with Platform(camera) as platform:
        first, key = await watch(platform, sound=True)
        picture = await asyncio.wait_for(first.getReceivers()[0].track.recv(), 5)
        assert (picture.width, picture.height) == (128, 96)
        sound = await asyncio.wait_for(first.getReceivers()[1].track.recv(), 5)
        assert sound.sample_rate == 8000
        state = platform.viewers.describe(key, USER)
        assert (state["state"], state["codec"], state["sent"], state["transcoded"]) == (
            "running",
            "h264",
            "h264",
            False,
        )
        # Another one in the middle of a group of pictures sees one at once; the camera was opened once.
        camera.only_still()
        second, other = await watch(platform)
        await asyncio.wait_for(second.getReceivers()[0].track.recv(), 5)
        assert (camera.opened, platform.streams.describe(CHANNEL)["viewers"]) == (1, 2)
        for wrong in (("none", USER), (key, USER + 1)):
            with pytest.raises(NotOfferedError):
                platform.viewers.close(*wrong)
        platform.viewers.close(other, USER)
        platform.viewers.close(other, USER)  # once more does no harm, but for somebody else there is none
        with pytest.raises(NotOfferedError):
            platform.viewers.close(other, USER + 1)
        with pytest.raises(MediaStreamError):  # the browser is told
            while True:
                await asyncio.wait_for(second.getReceivers()[0].track.recv(), 5)
        await first.close()
        await until(lambda: len(platform.ended) == 2)
        assert platform.ended == [(USER, "closed"), (USER, "left")]
        assert platform.viewers.describe(key, USER) == {"ended": "left"}
        assert platform.streams.describe(CHANNEL)["viewers"] == 0
        await second.close()


def with_h265(offer):
    """An offer of a browser that shows H.265 beside H.264."""
    lines = offer.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("m=video"))
    lines[at] += " 49"
    lines.insert(at + 1, "a=rtpmap:49 H265/90000")
    return "\r\n".join(lines) + "\r\n"


@looped
async def test_h265_goes_untouched_to_who_shows_it_and_anew_to_who_does_not():
    pictures = encoded("128x96", 200, "h265", 1)
    camera = Camera(pictures, "h265", pause_s=0.02)
    sent = {tuple(map(bytes, nal_units(picture.data)))[1:] for picture in pictures}  # without its delimiter
    async with Platform(camera) as platform:
        able, key = await watch(platform, change=with_h265)
        came = []
        joiner = NalJoiner("h265", came.append)
        dtls = able.getTransceivers()[0].receiver.transport

        async def note(data, **_more):
            packet = read_packet(data)
            if packet is not None and packet.type == 49:
                joiner.take(packet, gap=False)

        dtls._handle_rtp_data = note  # aiortc itself knows no H.265
        await until(lambda: len(came) > 30)
        assert {tuple(map(bytes, nal_units(frame.data))) for frame in came} <= sent
        assert not any(frame.damaged for frame in came[came.index(next(f for f in came if f.key)) :])
        state = platform.viewers.describe(key, USER)
        assert (state["codec"], state["sent"], state["transcoded"]) == ("h265", "h265", False)
        unable, other = await watch(platform)
        picture = await asyncio.wait_for(unable.getReceivers()[0].track.recv(), 10)
        assert (picture.width, picture.height) == (128, 96)
        state = platform.viewers.describe(other, USER)
        assert (state["sent"], state["transcoded"], camera.opened) == ("h264", True, 1)
        await able.close()
        await unable.close()


@looped
async def test_aac_is_heard_by_a_browser_beside_the_picture():
    camera = Camera(drawn(8, 6, 25))
    camera.silent = True
    sounds = list(aac(600, 4.0))
    async with Platform(camera) as platform:
        browser, key = await watch(platform, sound=True)
        await asyncio.wait_for(browser.getReceivers()[0].track.recv(), 5)

        async def speak():
            for i, data in enumerate(sounds):
                camera.sink.frame(Frame("aac", data, i * 1024 * 90_000 // 16_000, True))
                await asyncio.sleep(0.01)

        speaking = asyncio.create_task(speak())
        loud = 0
        while loud < 20:
            sound = await asyncio.wait_for(browser.getReceivers()[1].track.recv(), 5)
            assert sound.sample_rate == 48_000
            loud += bool(abs(sound.to_ndarray()).max() > 3000)
        state = platform.viewers.describe(key, USER)
        assert (state["sound"], state["heard"], state["transcoded"]) == ("aac", True, False)
        speaking.cancel()
        await browser.close()


@looped
async def test_who_may_no_longer_watch_is_cut_off_and_who_never_connects_forgotten(monkeypatch):
    monkeypatch.setattr(viewing, "PERMITTED_S", 0.02)
    monkeypatch.setattr("media.whep.session.CONNECT_S", 0.3)
    async with Platform(Camera(drawn(1, 1, 10))) as platform:
        told = [await platform.viewers.open(CHANNEL, user, OFFER) for user in (1, 2)]
        platform.allowed = {told[1]["session"]}
        house = asyncio.create_task(platform.viewers.run())
        await until(lambda: len(platform.ended) == 2)
        assert platform.ended == [(1, "signed out"), (2, "not connected")]
        house.cancel()


@looped
async def test_offers_that_are_none_are_refused_and_leave_nothing():
    async with Platform(Camera(drawn(1, 1, 10))) as platform:
        for wrong in WRONG:
            with pytest.raises(NotOfferedError):
                await platform.viewers.open(CHANNEL, USER, wrong)
        passive = OFFER.replace("a=setup:actpass", "a=setup:active")
        assert "a=setup:passive" in (await platform.viewers.open(CHANNEL, USER, passive))["answer"]
        for _ in range(viewing.MOST_OF_A_USER - 1):
            await platform.viewers.open(CHANNEL, USER, OFFER)
        with pytest.raises(NotOfferedError, match="too many"):
            await platform.viewers.open(CHANNEL, USER, OFFER)
        await platform.viewers.open(CHANNEL, USER + 1, OFFER)
        assert platform.ended == []
        # Rubbish on the port, checks without the password: nobody is answered.
        hostile = await Hostile.at(platform.port.bound)
        known = next(iter(platform.port._by_ufrag))
        check = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
        check.attributes["USERNAME"] = f"{known}:abcd"
        check.add_message_integrity(b"guessed")
        for data in (b"", b"\0", b"\0\1" + bytes(30), bytes(check), bytes(check)[:-3], b"\x80" * 2000, b"\x16" * 50):
            hostile.transport.sendto(data)
        await asyncio.sleep(0.05)
        assert hostile.heard == []
        hostile.transport.close()


class Hostile(asyncio.DatagramProtocol):
    def __init__(self):
        self.heard = []

    @classmethod
    async def at(cls, port):
        loop = asyncio.get_running_loop()
        made, protocol = await loop.create_datagram_endpoint(cls, remote_addr=("127.0.0.1", port))
        protocol.transport = made
        return protocol

    def datagram_received(self, data, address):
        self.heard.append(data)


def test_the_richest_h264_and_h265_where_there_is_any_are_chosen():
    offer = read_offer(OFFER)
    (video, audio) = choose(offer)
    assert (video.types, audio.types) == ({"h264": 127, "h265": 49}, {"g711a": 8, "opus": 111})
    answer = write_answer(offer, [video, audio], OWN, "active")
    assert "a=ice-lite" in answer
    assert "m=video 9 UDP/TLS/RTP/SAVPF 127 49\r\n" in answer
    assert "a=fmtp:127 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f\r\n" in answer
    assert "a=rtcp-fb:127 nack\r\n" in answer
    assert "a=rtpmap:111 OPUS/48000/2\r\n" in answer
    assert "transport-cc" not in answer
    assert "m=application 0" in answer


@pytest.mark.parametrize(("codec", "header", "most"), [("h264", b"\x65", 28), ("h265", b"\x26\x01", 49)])
def test_access_units_are_packed_and_parameter_sets_remembered(codec, header, most):
    sets = [b"\x67ab", b"\x68cd"] if codec == "h264" else [b"\x40\x01ab", b"\x42\x01cd", b"\x44\x01ef"]
    delimiter = b"\x09\xf0" if codec == "h264" else b"\x46\x01\x50"
    slice_ = header + bytes(range(1, 256)) * 20
    whole = b"".join(b"\0\0\0\1" + unit for unit in (delimiter, *sets, slice_))
    assert [bytes(unit) for unit in nal_units(whole)] == [delimiter, *sets, slice_]
    packer = Packer()
    payloads = packer(Frame(codec, whole, 0, True))
    assert payloads[: len(sets)] == sets
    pieces = payloads[len(sets) :]
    assert all(len(piece) <= MOST_PAYLOAD for piece in pieces)
    if codec == "h264":
        joined = b"".join(H264PayloadDescriptor.parse(piece)[1] for piece in pieces)
        assert joined == b"\0\0\0\1" + slice_
    else:
        assert {piece[0] >> 1 & 0x3F for piece in pieces} == {most}
        assert [piece[2] >> 6 for piece in pieces] == [2] + [0] * (len(pieces) - 2) + [1]
        assert header + b"".join(piece[3:] for piece in pieces) == slice_
    bare = Frame(codec, b"\0\0\1" + slice_, 1, True)
    assert packer(bare)[: len(sets)] == sets
    assert packer(bare) is packer(bare)
    assert list(nal_units(b"")) == list(nal_units(b"\0\0\1")) == []


def test_lost_packets_are_sent_again_and_numbers_wrap():
    sent = []
    way = Outgoing(sent.append, 90_000)
    way._sequence = 0xFFFE
    first = way.packetise([b"a", b"b", b"c"], 96, 0, marked=True)
    assert [int.from_bytes(packet[2:4], "big") for packet in first[:3]] == [0xFFFE, 0xFFFF, 0]
    assert [packet[1] for packet in first] == [96, 96, 224, 200]  # the marker; and a report at the beginning
    nack = RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=way.ssrc, lost=[0xFFFF, 77])
    asyncio.run(way._handle_rtcp_packet(nack))
    assert sent == [first[1]]


def test_packets_of_one_length_go_together_the_last_may_be_shorter():
    lengths = [5, 5, 3, 4, 4, 9, *[7] * 45]
    assert [[len(packet) for packet in run] for run in runs([bytes(length) for length in lengths])] == [
        [5, 5, 3], [4, 4], [9, 7], [7] * 40, [7] * 4,
    ]  # fmt: skip
    assert list(runs([])) == []
