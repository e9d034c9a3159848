"""All platforms above ours: links kept, what they send sorted, what changes below told to them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, NamedTuple

from media.cascade.answering import Answering
from media.cascade.following import Following
from media.cascade.link import Link, OnState
from media.cascade.passing import Passing
from media.cascade.upper import Shared, Upper
from media.gb28181.items import Alarm, Fix
from media.gb28181.talk import Talker
from media.gb28181.xml import XmlError, read_xml
from media.sip.dialogs import key_of
from media.sip.flows import Flow
from media.sip.message import Request
from media.sip.transaction import ServerTransaction
from media.sip.transports import Endpoint

MOST_OPEN = 200
"""Questions that are being answered at once; those behind go unanswered and come again."""


class _Kept(NamedTuple):
    link: Link
    task: asyncio.Task[None]


class Cascade:
    """All of them.

    Parameters
    ----------
    on_state : callable
        Told when a link gets in or out.
    """

    def __init__(self, talker: Talker, endpoint: Endpoint, passing: Passing, on_state: OnState) -> None:
        self._talker, self._endpoint, self.passing, self._on_state = talker, endpoint, passing, on_state
        self.following = Following()
        self._answering = Answering(talker)
        self._kept: dict[int, _Kept] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def links(self) -> list[Link]:
        """Those there are."""
        return [kept.link for kept in self._kept.values()]

    async def learn(self, uppers: Iterable[Upper]) -> None:
        """Take them as they are now: new ones are signed in at, changed ones anew, and the rest told of changes."""
        wanted = {upper.pk: upper for upper in uppers}
        for pk, kept in list(self._kept.items()):
            now = wanted.get(pk)
            if now is None or now.how != kept.link.upper.how:
                await self._let_go(pk)
            elif now != kept.link.upper:
                before, kept.link.upper = kept.link.upper, now
                self.following.changed(kept.link, before.shared, now.shared)
        for pk, upper in wanted.items():
            if pk not in self._kept:
                link = Link(upper, self._talker.transactions, self._endpoint, self._turned)
                self._kept[pk] = _Kept(link, asyncio.create_task(link.run()))

    async def _let_go(self, pk: int) -> None:
        link, task = self._kept.pop(pk)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self.following.forget(pk)
        self.passing.drop(pk)
        await link.leave()

    def _turned(self, link: Link, why: str) -> None:
        if not link.online:
            self.following.forget(link.upper.pk)
            self.passing.drop(link.upper.pk)
        self._on_state(link, why)

    async def stop(self) -> None:
        """The process ends."""
        await self.passing.stop()
        await asyncio.gather(*(self._let_go(pk) for pk in list(self._kept)))
        for task in self._tasks:
            task.cancel()

    def lost(self, flow: Flow) -> None:
        """A connection has ended."""
        for link in self.links:
            link.lost(flow)

    # What comes from above

    def link_of(self, code: str, flow: Flow) -> Link | None:
        """Whose request it is: of that code and from that platform's address, or from the very port we registered at.

        Some platforms send in the name of a user of theirs; a device of ours behind the same address is not one.
        """
        near = [link for link in self.links if link.online and link.flow and link.flow.peer[0] == flow.peer[0]]
        for link in near:
            if link.upper.code == code:
                return link
        if code in self._talker.peers.bindings:
            return None
        return next((link for link in near if link.flow and link.flow.peer == flow.peer), None)

    def take(self, transaction: ServerTransaction, link: Link) -> None:
        """One request of theirs."""
        request = transaction.request
        match request.method:
            case "MESSAGE":
                transaction.answer(200)
                self._message(request, link)
            case "SUBSCRIBE":
                self.following.hear_subscribe(transaction, link)
            case "INVITE":
                self.passing.hear_invite(transaction, link)
            case "CANCEL":
                self.passing.hear_cancel(transaction)
            case "BYE":
                self.passing.hear_bye(transaction, key_of(request))
            case "INFO":
                self._later(self.passing.hear_info(transaction, key_of(request)))
            case "OPTIONS":
                transaction.answer(200)
            case _:
                transaction.answer(405)

    def _message(self, request: Request, link: Link) -> None:
        if not request.body or len(self._tasks) >= MOST_OPEN:
            return
        try:
            body = read_xml(request.body)
        except XmlError:
            return
        self._later(self._answering.answer(link, body))

    # What happens below

    def alarm(self, device: str, alarm: Alarm) -> None:
        """A device gave alarm: in the name of the camera it names, or of its first that is shared."""
        self.following.alarm(self._given(device, alarm.code), alarm)

    def moved(self, device: str, fix: Fix) -> None:
        """A device said where it is."""
        self.following.moved(self._given(device, fix.code), fix)

    def _given(self, device: str, code: str) -> list[tuple[Link, Shared]]:
        found = []
        for link in self.links:
            mine = [shared for shared in link.upper.shared.values() if shared.device == device]
            named = [shared for shared in mine if shared.channel == code] or (mine[:1] if code == device else [])
            found += [(link, shared) for shared in named]
        return found

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
