"""Announcements (语音广播, 9.12): a device is told that somebody wants to speak, calls back, and hears."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Coroutine
from typing import Any

from prometheus_client import Gauge

from media.asking import Handler
from media.exceptions import MediaError, NoReplyError, NotOfferedError, RefusedByDeviceError
from media.faults import GONE, NEVER_CALLED_BACK, SPEAKING, TOO_MUCH_SAID
from media.gb28181.called import Called, Given, echoed
from media.gb28181.codes import ssrc_text
from media.gb28181.items import said
from media.gb28181.peers import Binding
from media.gb28181.sdp import read_sdp
from media.gb28181.talk import Talker
from media.rtp.ports import Ports
from media.rtp.psmux import Packets
from media.sip.dialogs import DialogKey
from media.sip.headers import read_uri
from media.sip.transaction import ServerTransaction

CALLS_BACK_S = 10.0
PIECE_S = 0.02
PIECE_BYTES = 160
"""Twenty milliseconds of G.711 at 8 kHz."""
MOST_HELD_BYTES = 8000 * 600
PCMA = 8

announcements_open = Gauge("sandtable_gb28181_announcements", "Devices that are being spoken to")


class Announcement:
    """Somebody speaks to one device."""

    def __init__(self, device: str, target: str) -> None:
        self.device, self.target = device, target
        self.call: Called | None = None
        self.sent_s = 0.0
        self.why: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """How it ended."""
        self.called_back: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sound = bytearray()
        self._finished = False

    def feed(self, sound: bytes) -> None:
        """Say this, after what has been given before.

        Parameters
        ----------
        sound : bytes
            G.711 A-law, 8000 a second.

        Raises
        ------
        NotOfferedError
            There is more waiting than anybody would listen to.
        """
        if len(self._sound) + len(sound) > MOST_HELD_BYTES:
            raise NotOfferedError(TOO_MUCH_SAID)
        self._sound += sound

    def finish(self) -> None:
        """Nothing more comes; it ends when all is said."""
        self._finished = True

    async def speak(self) -> None:
        """Send, a piece every twenty milliseconds, until all is said or nobody listens."""
        assert self.call is not None, "the device has called back"
        offer = self.call.offer
        packets = Packets(offer.ssrc if offer.ssrc is not None else secrets.randbelow(2**31), PCMA)
        loop = asyncio.get_running_loop()
        due, time, silent = loop.time(), secrets.randbelow(2**31), True
        while not self.call.over and (self._sound or not self._finished):
            piece = bytes(self._sound[:PIECE_BYTES])
            if piece:
                del self._sound[:PIECE_BYTES]
                # The marker is on the first packet behind a silence (RFC 3551, 4.1).
                for packet in packets.of(piece, time, marker=silent):
                    self.call.send(packet)
                self.sent_s += len(piece) / 8000
            silent = not piece
            time += PIECE_BYTES
            due += PIECE_S
            await asyncio.sleep(max(0.0, due - loop.time()))


class Announcements:
    """All of them.

    Parameters
    ----------
    ports, bind : Ports, str
        Where sound goes out from.
    """

    def __init__(self, talker: Talker, ports: Ports, bind: str) -> None:
        self._talker, self._ports, self._bind = talker, ports, bind
        self._open: dict[str, Announcement] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._open)

    @property
    def handlers(self) -> dict[str, Handler]:
        """Questions, by name (:mod:`media.asking`)."""
        return {"announce": self._announce}

    async def _announce(self, args: dict[str, Any]) -> None:
        """Say what is given, A-law in base64; answered when the device listens."""
        sound = base64.b64decode(args["sound"], validate=True)
        made = await self.begin(args["device"], args["channel"])
        made.feed(sound)
        made.finish()

    async def begin(self, device: str, target: str) -> Announcement:
        """Have a device listen.

        Parameters
        ----------
        device, target : str
            Codes: who is registered, and which of its channels or loudspeakers is meant.

        Returns
        -------
        Announcement
            The device has called back; :meth:`Announcement.feed` it.

        Raises
        ------
        MediaError
            It does not listen.
        """
        if device in self._open:
            raise NotOfferedError(SPEAKING)
        made = self._open[device] = Announcement(device, target)
        announcements_open.set(len(self._open))
        own = self._talker.code

        def fields(number: str) -> tuple[tuple[str, str], ...]:
            return (("CmdType", "Broadcast"), ("SN", number), ("SourceID", own), ("TargetID", target))

        try:
            answer = await self._talker.ask(device, "Notify", "Broadcast", fields, target)
            if said(answer.body, "Result").upper() != "OK":
                raise RefusedByDeviceError(said(answer.body, "Result"))
            async with asyncio.timeout(CALLS_BACK_S):
                await made.called_back
        except TimeoutError:
            self._forget(made)
            raise NoReplyError(NEVER_CALLED_BACK) from None
        except (MediaError, asyncio.CancelledError):
            self._forget(made)
            raise
        self._later(self._speak(made))
        return made

    def hear_invite(self, transaction: ServerTransaction, binding: Binding) -> bool:
        """A device calls; False where nobody wants to speak to it."""
        waiting = self._open.get(binding.code)
        if waiting is None or waiting.call is not None:
            return False
        try:
            offer = read_sdp(transaction.request.body)
        except NotOfferedError:
            transaction.answer(488)
            return True
        if PCMA not in offer.codecs and "g711a" not in offer.codecs.values():
            transaction.answer(488)
            return True
        code = read_uri(transaction.request.uri).user or self._talker.code
        call = Called(self._talker, transaction, offer, code, lambda why: self._over(waiting, why))
        waiting.call = call
        self._later(self._accept(waiting, call, transaction))
        return True

    async def _accept(self, waiting: Announcement, call: Called, transaction: ServerTransaction) -> None:
        ssrc = echoed(call.offer, ssrc_text(self._talker.domain, secrets.randbelow(10_000)))
        try:
            await call.accept(self._ports, self._bind, Given(ssrc, audio=True))
        except OSError:
            transaction.answer(486)
            return
        try:
            await call.begin()
        except OSError:
            await call.hang_up()
            return
        if not waiting.called_back.done():
            waiting.called_back.set_result(None)

    async def _speak(self, made: Announcement) -> None:
        assert made.call is not None, "it has called back"
        await made.speak()
        if not made.why.done():
            made.why.set_result("said")
        self._forget(made)
        await made.call.hang_up()

    def hear_bye(self, transaction: ServerTransaction, key: DialogKey) -> bool:
        """A device hangs up; False where that was no call of ours."""
        for made in self._open.values():
            if made.call is not None and made.call.key == key:
                made.call.hear_bye(transaction)
                return True
        return False

    def device_went(self, device: str) -> None:
        """A device is gone."""
        if (made := self._open.get(device)) is not None and made.call is not None:
            made.call.close()
            self._over(made, GONE)

    async def stop(self, made: Announcement) -> None:
        """Say no more."""
        if not made.why.done():
            made.why.set_result("stopped")
        self._forget(made)
        if made.call is not None:
            await made.call.hang_up()

    async def stop_all(self) -> None:
        """The process ends."""
        for made in list(self._open.values()):
            await self.stop(made)
        for task in self._tasks:
            task.cancel()

    def _over(self, made: Announcement, why: str) -> None:
        if not made.why.done():
            made.why.set_result(why)
        self._forget(made)

    def _forget(self, made: Announcement) -> None:
        if self._open.get(made.device) is made:
            del self._open[made.device]
            announcements_open.set(len(self._open))

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
