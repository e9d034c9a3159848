"""A call that somebody began to us and in which we send: a device that wants to hear, a platform above that wants to
see (9.2, 9.12; RFC 3261, 13.3, 14, 15)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from media.gb28181.inviting import say_bye
from media.gb28181.sdp import Offer, Wanted, write_sdp
from media.gb28181.talk import Talker
from media.rtp.outgoing import TcpOut, UdpOut, WayOut
from media.rtp.ports import Ports
from media.sip.dialogs import Dialog, DialogKey
from media.sip.transaction import ServerTransaction

ACK_S = 32.0
DISCARD = 9
"""The port of whoever dials."""
PORTS_TRIED = 20


@dataclass(frozen=True)
class Given:
    """What we say of ourselves in the answer."""

    ssrc: str
    audio: bool = False
    channel: str = ""
    begins: datetime | None = None
    ends: datetime | None = None
    size: int = 0


class Called:
    """One such call.

    Parameters
    ----------
    transaction : ServerTransaction
        Their INVITE, not answered yet.
    offer : Offer
        What it says.
    code : str
        Ours, as they know it.
    on_over : callable
        Told once that they have hung up, or never acknowledged.
    """

    def __init__(
        self, talker: Talker, transaction: ServerTransaction, offer: Offer, code: str, on_over: Callable[[str], None]
    ) -> None:
        self.offer, self._code, self._talker, self._transaction = offer, code, talker, transaction
        self.dialog = Dialog.of_request(transaction.request, transaction.tag, transaction.flow)
        # Requests go to the address observed, whatever their Contact says.
        self.dialog.target = _observed(self.dialog.target, transaction.flow.peer)
        self.acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.over = False
        self._on_over = on_over
        self._way: WayOut | None = None
        self._ports: Ports | None = None
        self._port = 0

    @property
    def key(self) -> DialogKey:
        """Name of the dialog."""
        return self.dialog.key

    async def accept(self, ports: Ports, bind: str, given: Given) -> None:
        """Open the way, and answer 200.

        Raises
        ------
        OSError
            No port is free; nothing has been answered.
        """
        offer, peer = self.offer, self._transaction.flow.peer[0]
        host = offer.host or peer
        self._ports = ports
        setup = {"active": "passive", "passive": "active"}.get(offer.setup, "passive") if offer.tcp else ""
        if setup == "active":
            self._way = TcpOut((host, offer.port), set(), self._lost, dial=True)
        else:
            await self._open(ports, bind, {host, peer}, (host, offer.port), setup)
        own, port = self._transaction.flow.local[0], self._port or DISCARD
        wanted = Wanted(
            self._code, own, port, given.ssrc, offer.session or "Play", given.channel, setup, given.begins,
            given.ends, audio=given.audio, direction="sendonly", answer=True, size=given.size,
        )  # fmt: skip
        self._transaction.on_ack, self._transaction.on_lost = self._acked, self._never
        contact = ("contact", f"<sip:{self._code}@{own}:{self._transaction.flow.local[1]}>")
        self._transaction.answer(200, (contact, ("content-type", "application/sdp")), write_sdp(wanted))

    async def _open(self, ports: Ports, bind: str, hosts: set[str], to: tuple[str, int], setup: str) -> None:
        taken: list[int] = []
        try:
            for left in reversed(range(PORTS_TRIED)):
                port = ports.take()
                way: WayOut = TcpOut((bind, port), hosts, self._lost, dial=False) if setup else UdpOut((bind, port), to)
                try:
                    await way.open()
                except OSError:
                    taken.append(port)
                    if not left:
                        raise
                else:
                    self._port, self._way = port, way
                    return
        finally:
            ports.give_back(taken)

    async def begin(self) -> None:
        """Wait for their ACK, and until somebody takes what we send.

        Raises
        ------
        OSError
            They cannot be reached, or said nothing.
        """
        try:
            async with asyncio.timeout(ACK_S):
                await self.acknowledged
        except (TimeoutError, asyncio.CancelledError):
            raise OSError("the call was never acknowledged") from None
        assert self._way is not None, "accept() comes first"
        await self._way.ready()

    def send(self, packet: bytes) -> None:
        """One RTP packet."""
        if self._way is not None and not self.over:
            self._way.send(packet)

    async def hang_up(self) -> None:
        """Say BYE and let go; again does nothing."""
        if self.over:
            return
        acknowledged = self.acknowledged.done()
        self.close()
        if acknowledged:
            await say_bye(self._talker.transactions, self.dialog, self._transaction.flow)

    def hear_bye(self, transaction: ServerTransaction) -> None:
        """They hang up."""
        transaction.answer(200)
        self._end("hung up")

    def close(self) -> None:
        """Let go of the port."""
        self.over = True
        if not self.acknowledged.done():
            self.acknowledged.cancel()
        if self._way is not None:
            self._way.close()
        if self._ports is not None and self._port:
            self._ports.give_back([self._port])
            self._port = 0

    def _acked(self) -> None:
        if not self.acknowledged.done():
            self.acknowledged.set_result(None)

    def _never(self, why: str) -> None:
        self._end("never acknowledged")

    def _lost(self) -> None:
        self._end("connection closed")

    def _end(self, why: str) -> None:
        if not self.over:
            self.close()
            self._on_over(why)


def _observed(target: str, peer: tuple[str, int]) -> str:
    user = target.partition(":")[2].partition("@")[0] if "@" in target else ""
    host = f"[{peer[0]}]" if ":" in peer[0] else peer[0]
    return f"sip:{user}@{host}:{peer[1]}" if user else f"sip:{host}:{peer[1]}"


def echoed(offer: Offer, fallback: str) -> str:
    """Value of ``y=`` in our answer: theirs where they gave one (annex G)."""
    return f"{offer.ssrc:010d}" if offer.ssrc is not None else fallback
