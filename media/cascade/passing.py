"""Pictures passed up: a platform above calls, we call the camera, and what comes goes up as one program stream (9.2,
9.8, 9.9, annex J)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Protocol

from prometheus_client import Gauge

from media.cascade.link import Link
from media.cascade.upper import Shared
from media.exceptions import MediaError, NotOfferedError, OfflineError
from media.gb28181.call import Call, Recorded
from media.gb28181.called import Called, Given, echoed
from media.gb28181.codes import ssrc_text
from media.gb28181.ends import RECORDING_ENDED
from media.gb28181.sdp import Offer, read_sdp
from media.gb28181.talk import XML_TYPE, Talker
from media.gb28181.xml import write_xml
from media.rtp.frames import Frame
from media.rtp.ports import Ports
from media.rtp.psmux import Packets, PsMuxer
from media.rtp.receiving import Sink
from media.sip.dialogs import DialogKey
from media.sip.exceptions import DeclinedError, NoAnswerError
from media.sip.headers import read_uri
from media.sip.transaction import ServerTransaction

logger = logging.getLogger(__name__)

MOST = 200
GOODBYE_S = 10.0
"""How long a platform has to hang up once it knows that a recording has ended."""
MOST_EARLY = 500
PS = 96

passed_open = Gauge("sandtable_gb28181_passed_up", "Streams that platforms above are watching")


class Running(Protocol):
    """A source that was opened (:mod:`media.streams.source`)."""

    async def stop(self) -> None:
        """Let go of it."""


Live = Callable[[Shared, Sink], Awaitable[Running]]
Past = Callable[[str, str, Sink, Recorded], Awaitable[Call]]


class Passed:
    """One call of theirs, and the source below it; a sink."""

    def __init__(self, link: Link, shared: Shared, call: Called) -> None:
        self.link, self.shared, self.call = link, shared, call
        self.source: Running | None = None
        self.ended_why: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._muxer = PsMuxer()
        self._packets: Packets | None = None
        self._begun = False
        self._early: list[Frame] = []

    def begin(self, ssrc: int) -> None:
        """Whoever called takes packets from now on."""
        self._packets = Packets(ssrc, PS)
        early, self._early = self._early, []
        for frame in early:
            self.frame(frame)

    def frame(self, frame: Frame) -> None:
        """Pass one on; they begin with a key frame, of a recording with its first."""
        self._begun = self._begun or frame.key
        if not self._begun:
            return
        if self._packets is None:  # the call is still on its way
            if frame.key and not self.call.offer.begins:
                self._early.clear()
            if len(self._early) < MOST_EARLY:
                self._early.append(frame)
            else:
                self._early.clear()
                self._begun = False
            return
        if data := self._muxer.mux(frame):
            for packet in self._packets.of(data, frame.pts):
                self.call.send(packet)

    def ended(self, why: str) -> None:
        """The source has ended."""
        if not self.ended_why.done():
            self.ended_why.set_result(why)


class Passing:
    """All of them.

    Parameters
    ----------
    live, past : callable
        Open a camera's pictures as they are, or as they were.
    """

    def __init__(self, talker: Talker, ports: Ports, bind: str, live: Live, past: Past) -> None:
        self._talker, self._ports, self._bind = talker, ports, bind
        self._live, self._past = live, past
        self._open: dict[DialogKey, Passed] = {}
        self._answering: dict[ServerTransaction, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._open)

    def hear_invite(self, transaction: ServerTransaction, link: Link) -> None:
        """A platform above calls a camera."""
        code = _wanted(transaction)
        shared = link.upper.shared.get(code)
        if shared is None:
            transaction.answer(404)
            return
        try:
            offer = read_sdp(transaction.request.body)
        except NotOfferedError:
            transaction.answer(488)
            return
        if offer.media != "video" or (offer.begins and not link.upper.past):
            transaction.answer(488 if offer.media != "video" else 403)
            return
        if len(self._open) >= MOST:
            transaction.answer(486)
            return
        transaction.answer(100)
        call = Called(self._talker, transaction, offer, code, lambda why: passed.ended("hung up"))
        passed = Passed(link, shared, call)
        task = self._later(self._pass(passed, transaction))
        self._answering[transaction] = task
        task.add_done_callback(lambda _: self._answering.pop(transaction, None))

    async def _pass(self, passed: Passed, transaction: ServerTransaction) -> None:
        """Open what is below, answer, send until either side has had enough, and let go of both."""
        call, answered = passed.call, False
        self._open[call.key] = passed
        passed_open.set(len(self._open))
        try:
            passed.source = await self._open_source(passed)
            fallback = ssrc_text(self._talker.domain, secrets.randbelow(10_000), history=bool(call.offer.begins))
            ssrc = echoed(call.offer, fallback)
            await call.accept(self._ports, self._bind, self._given(passed, ssrc))
            answered = True
            await call.begin()
            passed.begin(int(ssrc))
            why = await passed.ended_why
            if why == RECORDING_ENDED:
                await self._say_ended(passed)
        except asyncio.CancelledError:
            if not answered:
                transaction.answer(487)
        except (MediaError, OSError) as error:
            logger.info("cascade: %s does not get %s: %s", passed.link.upper.code, passed.shared.code, error)
            if not answered:
                transaction.answer(480 if isinstance(error, OfflineError) else 486)
        finally:
            self._open.pop(call.key, None)
            passed_open.set(len(self._open))
            if passed.source is not None:
                await passed.source.stop()
            await call.hang_up()

    async def _open_source(self, passed: Passed) -> Running:
        offer, shared = passed.call.offer, passed.shared
        if not offer.begins:
            return await self._live(shared, passed)
        begins, ends = (datetime.fromtimestamp(at, UTC) for at in (offer.begins, offer.ends))
        speed = (offer.speed or 1) if offer.session.lower() == "download" else 0
        return await self._past(shared.device, shared.channel, passed, Recorded(begins, ends, speed))

    def _given(self, passed: Passed, ssrc: str) -> Given:
        offer = passed.call.offer
        if not offer.begins:
            return Given(ssrc, channel=passed.shared.code)
        begins, ends = (datetime.fromtimestamp(at, UTC) for at in (offer.begins, offer.ends))
        below = passed.source.offer if isinstance(passed.source, Call) else None
        size = below.size or 0 if isinstance(below, Offer) else 0
        return Given(ssrc, channel=passed.shared.code, begins=begins, ends=ends, size=size)

    async def _say_ended(self, passed: Passed) -> None:
        """The last of a recording has been passed on: say so, and leave it to them to hang up (9.8)."""
        link, call = passed.link, passed.call
        head = (("CmdType", "MediaStatus"), ("SN", link.next_number()), ("DeviceID", passed.shared.code))
        body = write_xml("Notify", (*head, ("NotifyType", "121")), link.upper.charset)
        request = call.dialog.request("MESSAGE", (("content-type", XML_TYPE),), body)
        with contextlib.suppress(NoAnswerError, DeclinedError, TimeoutError):
            await self._talker.transactions.ask(request, call.dialog.flow)
            async with asyncio.timeout(GOODBYE_S):
                while not call.over:
                    await asyncio.sleep(0.05)

    def hear_cancel(self, transaction: ServerTransaction) -> None:
        """They take a call back."""
        invite = self._talker.transactions.invite_of(transaction.request, transaction.flow)
        if invite is None or (task := self._answering.get(invite)) is None:
            transaction.answer(481)
            return
        transaction.answer(200)
        task.cancel()

    def hear_bye(self, transaction: ServerTransaction, key: DialogKey) -> None:
        """They hang up."""
        passed = self._open.get(key)
        if passed is None:
            transaction.answer(481)
        else:
            passed.call.hear_bye(transaction)

    async def hear_info(self, transaction: ServerTransaction, key: DialogKey) -> None:
        """They steer a recording (annex B)."""
        passed = self._open.get(key)
        if passed is None or not isinstance(passed.source, Call):
            transaction.answer(481 if passed is None else 400)
            return
        text = transaction.request.body.decode("latin-1")
        try:
            await _steer(passed, text)
        except MediaError as error:
            logger.info("cascade: %s: %s", passed.shared.code, error)
            transaction.answer(400)
            return
        number = re.search(r"^CSeq:\s*(\d+)", text, re.MULTILINE)
        said = f"RTSP/1.0 200 OK\r\nCSeq: {number[1] if number else 1}\r\n\r\n".encode()
        transaction.answer(200, (("content-type", "Application/MANSRTSP"),), said)

    def drop(self, pk: int) -> None:
        """A platform is gone, or may have nothing any more."""
        mine = [passed for passed in self._open.values() if passed.link.upper.pk == pk]
        for passed in mine:
            passed.ended("gone")

    async def stop(self) -> None:
        """The process ends."""
        for passed in list(self._open.values()):
            passed.ended("stopping")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2)
        for task in self._tasks:
            task.cancel()

    def _later(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _steer(passed: Passed, text: str) -> None:
    call = passed.source
    assert isinstance(call, Call), "a recording's source is a call"
    if text.startswith("PAUSE"):
        await call.pause()
    elif text.startswith("TEARDOWN"):
        passed.ended("torn down")
    elif text.startswith("PLAY"):
        scale = re.search(r"^Scale:\s*(\d+(?:\.\d+)?)\s*$", text, re.MULTILINE)
        place = re.search(r"^Range:\s*npt=(\d+(?:\.\d+)?)-", text, re.MULTILINE)
        if place:
            await call.seek(float(place[1]))
        if scale:
            await call.speed(float(scale[1]))
        if not scale and not place:
            await call.resume()
    else:
        raise NotOfferedError("no order that anybody knows")


def _wanted(transaction: ServerTransaction) -> str:
    """Which camera is called: the request's address, else what Subject begins with (annex L)."""
    code = read_uri(transaction.request.uri).user
    return code or transaction.request.headers.get("subject").partition(":")[0].strip()
