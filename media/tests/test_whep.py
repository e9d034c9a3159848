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
from media.simulator.clip import drawn
from media.streams.streams import Streams
from media.tests.sources import Camera, looped, until
from media.whep import viewers as viewing
from media.whep.ice import IcePort
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

        async def source_of(_channel):
            return camera

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


async def watch(platform, sound=False):
    """Offer, answer, connected."""
    browser = RTCPeerConnection()
    browser.addTransceiver("video", direction="recvonly")
    if sound:
        browser.addTransceiver("audio", direction="recvonly")
    await browser.setLocalDescription(await browser.createOffer())
    told = await platform.viewers.open(CHANNEL, USER, browser.localDescription.sdp)
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
