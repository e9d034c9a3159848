"""A browser's side played by aiortc's own peer connection: a camera's access units arrive as they were sent."""

from __future__ import annotations

import asyncio

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from media.exceptions import NotOfferedError
from media.simulator.clip import drawn
from media.streams.streams import Streams
from media.tests.sources import Camera, looped, until
from media.whep.ice import IcePort
from media.whep.viewers import Viewers

CHANNEL, USER = 7, 3


class Platform:
    """Streams, viewers and a port, without database or broker."""

    def __init__(self, camera):
        self.ended = []
        self.allowed = None

        async def source_of(_channel):
            return camera

        async def permitted(asked):
            return {key for key, _user, _channel in asked if self.allowed is None or key in self.allowed}

        self.port = IcePort("127.0.0.1", 0)
        self.streams = Streams(source_of)
        self.viewers = Viewers(self.streams, self.port, lambda v, why: self.ended.append((v.user, why)), permitted)

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
        with pytest.raises(MediaStreamError):  # the browser is told
            while True:
                await asyncio.wait_for(second.getReceivers()[0].track.recv(), 5)
        await first.close()
        await until(lambda: len(platform.ended) == 2)
        assert platform.ended == [(USER, "closed"), (USER, "left")]
        assert platform.viewers.describe(key, USER) == {"ended": "left"}
        assert platform.streams.describe(CHANNEL)["viewers"] == 0
        await second.close()
