"""One publisher's connection, and whoever takes what it sends."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable
from contextlib import suppress

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from aiortc.rtcrtpparameters import RTCRtpCodecCapability

from media.exceptions import NotOfferedError
from media.rtp.frames import Frame
from media.rtp.packets import Packet, Reorder
from media.rtp.raw import NalJoiner, SoundTaker
from media.rtp.receiving import Sink
from media.sources.faults import CLOSED, NO_MEDIA, NO_PICTURE, ONLY_H264
from media.sources.gate import Gate
from media.sources.rtsp.description import Medium
from media.sources.rtsp.dressing import Dresser
from media.sources.whip.tap import codec_of, tap

MOST_OFFER = 64 << 10
CONNECT_S = 20.0
SILENT_S = 10.0
KEY_S = 4.0
"""Browsers send key frames only when asked; who joins waits for at most so long."""
KEY_AGAIN_S = 1.0
SOUNDS = {"audio/PCMA": ("g711a", 8000), "audio/PCMU": ("g711u", 8000), "audio/opus": ("opus", 48_000)}
"""The first that is offered is taken: G.711 can be watched and recorded beside what cameras send."""
_VIDEO_NAMES = re.compile(r"^a=rtpmap:\d+ (?!rtx|red|ulpfec|flexfec)([A-Za-z0-9.-]+)/90000", re.MULTILINE)
_MEDIUM = re.compile(r"^m=(\w+) ", re.MULTILINE)


class Publication:
    """A publisher.

    Parameters
    ----------
    on_end : callable
        Told once when it is over.
    """

    def __init__(self, on_end: Callable[[Publication], None]) -> None:
        self.number = secrets.token_urlsafe(16)
        self.heard_at = 0.0
        self._on_end = on_end
        # No servers: without this aiortc would ask one on the internet for our address.
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._gates: list[Gate] = []
        self._keys: Keys | None = None
        self._begun_at = asyncio.get_running_loop().time()
        self._over = False
        self._job: asyncio.Task[None] | None = None

    @property
    def live(self) -> bool:
        """Whether packets came a moment ago."""
        return not self._over and asyncio.get_running_loop().time() - self.heard_at < 3.0

    async def accept(self, offer: str) -> str:
        """Answer an offer.

        Returns
        -------
        str
            Our description, with every candidate in it.

        Raises
        ------
        NotOfferedError
            It cannot be read, or offers nothing we take.
        """
        kinds = _MEDIUM.findall(offer)
        if len(offer) > MOST_OFFER or sorted(kinds) not in (["video"], ["audio", "video"]):
            raise NotOfferedError(f"{NO_PICTURE}: one picture and at most one sound")
        names = _VIDEO_NAMES.findall(offer.replace("\r", ""))
        if "H264" not in (name.upper() for name in names):
            raise NotOfferedError(f"{ONLY_H264}: {', '.join(dict.fromkeys(names))[:60] or '–'}")
        if "a=fingerprint:" not in offer:
            raise NotOfferedError("an offer without a fingerprint")
        connection = self._connection
        connection.on("connectionstatechange", self._changed)
        for kind in kinds:
            receiver_codecs = RTCRtpReceiver.getCapabilities(kind)
            transceiver = connection.addTransceiver(kind, direction="recvonly")
            transceiver.setCodecPreferences(_wanted(kind, receiver_codecs.codecs if receiver_codecs else [], offer))
        try:
            await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            for transceiver in connection.getTransceivers():
                tap(transceiver.receiver, self._taker(transceiver.kind, codec_of(transceiver)))
            await connection.setLocalDescription(await connection.createAnswer())
        except RuntimeError:
            raise
        except Exception as error:  # whatever a strange description makes of aiortc's parser
            raise NotOfferedError(f"{NO_PICTURE}: {type(error).__name__}") from None
        self._job = asyncio.create_task(self._watch())
        return connection.localDescription.sdp

    def _taker(self, kind: str, mime: str) -> Callable[[Packet], bool]:
        codec, clock_hz = ("h264", 90_000) if kind == "video" else SOUNDS[mime]
        dresser = Dresser(Medium(kind, 0, codec, clock_hz, ""), self, self._begun_at)
        dresser.begin(None)
        order = Reorder()
        if kind == "audio":
            sound = SoundTaker(codec, dresser.frame, clock_hz)

            def hear(packet: Packet) -> bool:
                self.heard_at = asyncio.get_running_loop().time()
                for each, gap in order.take(packet):
                    if each.payload:
                        sound.take(each, gap)
                return False

            return hear
        keys = self._keys = Keys(dresser)
        joiner = NalJoiner(codec, keys.frame)

        def see(packet: Packet) -> bool:
            self.heard_at = asyncio.get_running_loop().time()
            for each, gap in order.take(packet):
                if each.payload:  # browsers send empty packets to measure the way
                    joiner.take(each, gap)
            return keys.wanted(self.heard_at)

        return see

    # As the sink of its own media

    def frame(self, frame: Frame) -> None:
        """Give one to everybody; who throws is dropped alone."""
        for gate in list(self._gates):
            try:
                gate.frame(frame)
            except Exception:
                self._gates.remove(gate)
                gate.ended("dropped")

    def ended(self, why: str) -> None:
        """It is over."""
        if self._over:
            return
        self._over = True
        gates, self._gates = self._gates, []
        for gate in gates:
            gate.ended(why)
        self._on_end(self)

    def join(self, sink: Sink) -> Joined:
        """Take what it sends from now on; a key frame is asked for at once."""
        if self._keys is not None:
            self._keys.ask()
        gate = Gate(sink)
        self._gates.append(gate)
        return Joined(gate, self._gates)

    def _changed(self) -> None:
        if self._connection.connectionState in ("failed", "closed", "disconnected"):
            self.ended(CLOSED)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._over:
            await asyncio.sleep(1)
            last = self.heard_at or self._begun_at
            if loop.time() - last > (SILENT_S if self.heard_at else CONNECT_S):
                self.ended(NO_MEDIA)
        await self._connection.close()

    async def close(self) -> None:
        """Hang up."""
        self.ended(CLOSED)
        if self._job is not None:
            self._job.cancel()
            with suppress(asyncio.CancelledError):
                await self._job
        await self._connection.close()


class Keys:
    """Passes pictures on, and knows when a new key frame is wanted."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._key_at = self._asked_at = 0.0
        self._hurt = self._wanted = False

    def ask(self) -> None:
        """Somebody waits for one."""
        self._wanted = True

    def frame(self, frame: Frame) -> None:
        """Pass one on."""
        if frame.key:
            self._key_at = asyncio.get_running_loop().time()
            self._wanted = False
        self._hurt = frame.damaged
        self._sink.frame(frame)

    def wanted(self, now: float) -> bool:
        """Whether to ask the publisher for one now: not more often than it can answer."""
        due = self._wanted or self._hurt or now - self._key_at > KEY_S
        if not due or now - self._asked_at < KEY_AGAIN_S:
            return False
        self._asked_at = now
        return True


class Joined:
    """Somebody who takes what a publisher sends."""

    def __init__(self, gate: Gate, gates: list[Gate]) -> None:
        self._gate, self._gates = gate, gates

    async def stop(self) -> None:
        """Take no more; the publisher goes on. Twice does no harm."""
        self._gate.shut()
        with suppress(ValueError):
            self._gates.remove(self._gate)


def _wanted(kind: str, there: list[RTCRtpCodecCapability], offer: str) -> list[RTCRtpCodecCapability]:
    if kind == "video":
        return [codec for codec in there if codec.mimeType in ("video/H264", "video/rtx")]
    for mime in SOUNDS:
        if f"{mime.partition('/')[2]}/".lower() in offer.lower():
            return [codec for codec in there if codec.mimeType == mime]
    raise NotOfferedError(f"{NO_PICTURE}: no sound of a known codec")
