"""Calls to cameras: live, playback, download (9.2, 9.8, 9.9): INVITE, pictures, BYE, and nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any

from prometheus_client import Gauge

from media.exceptions import MediaError, NoReplyError, NotOfferedError, OfflineError, RefusedByDeviceError
from media.faults import GONE, HUNG_UP, UNUSABLE
from media.gb28181.call import Call, Once, Recorded
from media.gb28181.codes import ssrc_text
from media.gb28181.ends import RECORDING_ENDED, count_end
from media.gb28181.inviting import invite, say_bye
from media.gb28181.peers import Binding
from media.gb28181.sdp import Wanted, read_sdp, write_sdp
from media.gb28181.talk import Talker
from media.reasons import FORGED, PICTURE_DAMAGED, RTP_FOREIGN, SDP_UNUSABLE
from media.rtp.ports import Ports
from media.rtp.receiving import Sink
from media.sip.dialogs import Dialog, DialogKey, key_of
from media.sip.exceptions import DeclinedError, NoAnswerError
from media.sip.flows import Flow
from media.sip.transaction import ServerTransaction

logger = logging.getLogger(__name__)

SILENT_S = 10.0
"""Without a packet for so long, a live stream has ended, whatever the camera thinks; a paused one has not."""
FIRST_S = 10.0
LAST_WORD_S = 3.0
ENDED_REMEMBERED = 2000
PORTS_TRIED = 20

calls_open = Gauge("sandtable_gb28181_calls", "Streams of cameras that are open")

Refuse = Callable[[str, str, str, Flow], None]


class Calls:
    """All of them.

    Parameters
    ----------
    talker : Talker
        Whose register and transactions they use.
    ports : Ports
        Where pictures may come to.
    bind : str
        Address to listen on.
    refuse : callable
        Told of what is not taken.
    """

    def __init__(self, talker: Talker, ports: Ports, bind: str, refuse: Refuse) -> None:
        self._talker, self._ports, self._bind, self._refuse = talker, ports, bind, refuse
        self._open: dict[DialogKey, Call] = {}
        self._begun: set[Call] = set()
        self._ended: OrderedDict[DialogKey, None] = OrderedDict()
        self._numbers = itertools.count(secrets.randbelow(9000))
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._begun)

    async def begin(self, device: str, channel: str, sink: Sink, recorded: Recorded | None = None) -> Call:
        """Ask a camera for its pictures.

        Parameters
        ----------
        device, channel : str
            Codes.
        sink : Sink
            Gets the frames, and is told once that there will be no more.
        recorded : Recorded, optional
            A piece of the past instead of what is now.

        Returns
        -------
        Call
            Accepted; frames follow.

        Raises
        ------
        MediaError
            There will be none. The sink has been told nothing.
        """
        binding = self._talker.peers.online(device)
        if binding is None:
            raise OfflineError(device)
        call = Call(self, device, channel, recorded, Once(sink))
        self._begun.add(call)
        calls_open.set(len(self._begun))
        try:
            await self._begin(call, binding)
        except (MediaError, OSError, asyncio.CancelledError) as error:
            call.sink.open = False
            self._free(call, "refused")
            if isinstance(error, OSError):
                raise NoReplyError(str(error)) from None
            raise
        return call

    async def _begin(self, call: Call, binding: Binding) -> None:
        media = binding.known.media
        setup = {"tcp_passive": "passive", "tcp_active": "active"}.get(media, "")
        number = next(self._numbers)
        ssrc = ssrc_text(self._talker.domain, number, history=call.recorded is not None)
        host = binding.flow.local[0]
        await self._open_port(call, int(ssrc), {binding.host}, setup)
        past = call.recorded
        wanted = Wanted(
            self._talker.code,
            host,
            call.port,
            ssrc,
            call.session,
            call.channel,
            setup,
            past.begins if past else None,
            past.ends if past else None,
            past.download_speed if past else 0,
        )
        headers = (
            ("contact", f"<sip:{self._talker.code}@{host}:{binding.flow.local[1]}>"),
            ("subject", f"{call.channel}:{ssrc},{self._talker.code}:0"),
            ("content-type", "application/sdp"),
        )
        request = self._talker.request("INVITE", binding, call.channel, headers, write_sdp(wanted))
        response = await invite(
            self._talker.transactions, request, binding.flow, lambda dialog: self._accepted(call, dialog)
        )
        try:
            offer = read_sdp(response.body)
            await call.agree(offer, binding.host)
        except (NotOfferedError, OSError) as error:
            self._refuse(SDP_UNUSABLE, str(error)[:200], call.device, binding.flow)
            await self.hang_up(call, UNUSABLE)
            raise NoReplyError(str(error)) from None
        self._later(self._watch(call))

    def _accepted(self, call: Call, dialog: Dialog) -> bool:
        """Whether this is the camera's first answer, or a copy of it; another camera's is not wanted."""
        if call.dialog is None:
            call.dialog = dialog
            self._open[dialog.key] = call
        return call.dialog.key == dialog.key

    async def _open_port(self, call: Call, ssrc: int, hosts: set[str], setup: str) -> None:
        """Find a port nobody else on this machine has."""
        taken: list[int] = []
        try:
            for left in reversed(range(PORTS_TRIED)):
                port = self._ports.take()
                try:
                    await call.open(self._bind, port, ssrc, hosts, setup)
                    return
                except OSError:
                    call.port = 0
                    taken.append(port)
                    if not left:
                        raise
        finally:
            self._ports.give_back(taken)

    async def _watch(self, call: Call) -> None:
        """End a call whose pictures have stopped coming, or never came."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        assert call.receiving is not None, "the call is open"
        while not call.closing:
            await asyncio.sleep(1)
            heard = call.receiving.heard_at
            if call.paused:
                continue
            if (not heard and loop.time() - begun > FIRST_S) or (heard and loop.time() - heard > SILENT_S):
                await self.hang_up(call, "no media" if not heard else "media stopped")

    async def hang_up(self, call: Call, why: str) -> None:
        """Say BYE and let go; see :meth:`Call.stop`."""
        if call.closing:
            return
        call.closing = True
        dialog = call.dialog
        self._free(call, why)
        if dialog is not None:
            binding = self._talker.peers.online(call.device)
            await say_bye(self._talker.transactions, dialog, binding.flow if binding is not None else dialog.flow)

    def _free(self, call: Call, why: str) -> None:
        call.closing = True
        call.close(why)
        if call.receiving is not None and (damaged := call.receiving.counts.damaged) and call.dialog is not None:
            self._refuse(PICTURE_DAMAGED, f"{damaged} places, channel {call.channel}", call.device, call.dialog.flow)
        self._begun.discard(call)
        calls_open.set(len(self._begun))
        count_end(why)
        if call.port:
            self._ports.give_back([call.port])
        if call.dialog is not None and self._open.pop(call.dialog.key, None) is not None:
            self._ended[call.dialog.key] = None
            if len(self._ended) > ENDED_REMEMBERED:
                self._ended.popitem(last=False)

    async def send(self, call: Call, method: str, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
        """A request inside a call.

        Raises
        ------
        MediaError
            It was not taken.
        """
        binding = self._talker.peers.online(call.device)
        if binding is None or call.dialog is None:
            raise OfflineError(call.device)
        try:
            await self._talker.transactions.ask(call.dialog.request(method, headers, body), binding.flow)
        except NoAnswerError as error:
            raise NoReplyError(str(error)) from None
        except DeclinedError as error:
            raise RefusedByDeviceError(str(error)) from None

    def hear_bye(self, transaction: ServerTransaction, binding: Binding) -> None:
        """A device hangs up. What belongs to no call of that device is a late copy, or somebody else's."""
        key = key_of(transaction.request)
        call = self._open.get(key)
        if call is not None and call.device == binding.code:
            transaction.answer(200)
            self._free(call, HUNG_UP)
            return
        if key in self._ended:
            transaction.answer(200)
            return
        self._refuse(FORGED, "BYE for no call of this device", binding.code, transaction.flow)
        transaction.answer(481)

    def connection_lost(self, call: Call) -> None:
        """A device has closed the connection its pictures came by: of a recording, its word that this was the last may
        still be on the way."""

        async def end() -> None:
            if call.recorded is not None:
                await asyncio.sleep(LAST_WORD_S)
            await self.hang_up(call, "connection closed")

        if not call.closing:
            self._later(end())

    def recording_ended(self, device: str, channel: str, call_id: str) -> None:
        """A device has sent the last of a recording (MediaStatus 121): now we say BYE (9.8).

        One that does not say of which call means the one that has been still for longest.
        """
        mine = [call for call in self._begun if call.device == device and call.recorded is not None and call.dialog]
        meant = [call for call in mine if call.dialog is not None and call.dialog.call_id == call_id]
        if not meant:
            meant = sorted((call for call in mine if channel in (call.channel, device)), key=_heard_at)[:1]
        for call in meant:
            self._later(self.hang_up(call, RECORDING_ENDED))

    def device_went(self, device: str) -> None:
        """A device is gone: so are its pictures."""
        for call in [call for call in self._begun if call.device == device]:
            self._free(call, GONE)

    async def stop(self) -> None:
        """Hang up on everybody; the process ends."""
        open_ = list(self._begun)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.gather(*(self.hang_up(call, "stopping") for call in open_))
        for task in self._tasks:
            task.cancel()

    def foreign(self, call: Call) -> Callable[[str], None]:
        """What to do about packets of another sender."""

        def refuse(source: str) -> None:
            binding = self._talker.peers.online(call.device)
            if binding is not None:
                self._refuse(RTP_FOREIGN, f"from {source} to port {call.port}", call.device, binding.flow)

        return refuse

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _heard_at(call: Call) -> float:
    return call.receiving.heard_at if call.receiving is not None else 0.0
