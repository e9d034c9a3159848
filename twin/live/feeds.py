"""Feeds: what sockets tell beside positions. Higher floors register sources; the hub hears, sockets tell.

Like the world, a feed keeps the newest of each thing and the tick that brought it; a socket asks for what changed since
its last tick, within its sight. Nothing queues, and a slow browser misses no newest state.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from twin.live.viewer import Sight, same_sight

if TYPE_CHECKING:
    from access.models import User

MOST_OVER = 1000
"""Things that are over and still remembered, for whoever has not been told yet."""


@dataclass(frozen=True)
class Item:
    """One thing as it is now.

    Attributes
    ----------
    key, version : int
        What it is, and a number that grows with each change.
    owner, region : int
        Whom it is shown to, as with assets; 0 for none.
    over : bool
        Told once more, then forgotten.
    value : object
        Its source's business; no words of any language.
    """

    key: int
    version: int
    owner: int
    region: int
    over: bool
    value: Any


class FeedSource(Protocol):
    """Where a feed's items come from and how they are told.

    Attributes
    ----------
    topic : str
        MQTT filter of its messages.
    notices : frozenset of str
        Change notices (:mod:`gis.notices`) after which sockets tell everything again.
    """

    topic: str
    notices: frozenset[str]

    def load(self) -> list[Item]:
        """Everything that is not over, from the database."""

    def read(self, payload: bytes) -> list[Item]:
        """Items of one message; ``ValueError`` where it is none."""

    def snapshot(self, items: Sequence[Item], language: str) -> dict[str, Any]:
        """A message with everything, replacing what the browser has."""

    def change(self, item: Item, language: str) -> dict[str, Any]:
        """A message with one item that changed."""


class Teller(Protocol):
    """What one socket tells of a feed, and what of its browser's messages are the feed's business.

    Attributes
    ----------
    hears : frozenset of str
        Types of those messages.
    """

    hears: frozenset[str]

    def meet(self, user: User) -> None:
        """Who this is, at the beginning and whenever that is looked at again; in the database's thread."""

    def allow(self, sight: Sight) -> None:
        """What may be seen from now on."""

    async def hear(self, message: Mapping[str, Any]) -> None:
        """Take a message of the browser; ``ValueError`` where it makes no sense."""

    def messages(self) -> list[dict[str, Any]]:
        """What to tell now."""

    async def next(self) -> None:
        """Wait until there is something to tell."""

    async def left(self) -> None:
        """The socket is closed."""


class Feed:
    """What the hub keeps of one source.

    Attributes
    ----------
    tick : int
        Number of the last change.
    generation : int
        Grows when everything was read anew: sockets then tell everything.
    publish : callable
        Takes topic and payload of a message for the other processes; the hub gives it.
    """

    def __init__(self, source: FeedSource, teller: Callable[[Feed, str], Teller] | None = None) -> None:
        self.source = source
        self._teller = teller or FeedTeller
        self.publish: Callable[[str, bytes], object] = _nowhere
        self.tick = 0
        self.generation = 0
        self._items: dict[int, tuple[int, Item]] = {}
        self._moved = asyncio.Event()

    def take(self, items: Iterable[Item]) -> None:
        """Take in items; one that is older than here is left out."""
        for item in items:
            if item.key in self._items and self._items[item.key][1].version >= item.version:
                continue
            self._items.pop(item.key, None)
            self.tick += 1
            self._items[item.key] = (self.tick, item)  # in the order of their ticks
        self._forget_over()
        self._wake()

    def replace(self, items: Iterable[Item], asked: int) -> None:
        """Make the feed what the database said at tick ``asked``; what was heard since then stays."""
        since = self.since(asked)
        self._items = {}
        self.generation += 1
        self.take(items)
        self.take(since)

    def teller(self, language: str) -> Teller:
        """What tells of this feed on a new socket."""
        return self._teller(self, language)

    def tell_all(self) -> None:
        """Have sockets tell everything again."""
        self.generation += 1
        self._wake()

    def everything(self) -> list[Item]:
        """What is not over."""
        return [item for _tick, item in self._items.values() if not item.over]

    def since(self, tick: int) -> list[Item]:
        """What changed after ``tick``, the oldest change first."""
        changed = []
        for at, item in reversed(self._items.values()):
            if at <= tick:
                break
            changed.append(item)
        return changed[::-1]

    async def beyond(self, tick: int, generation: int) -> None:
        """Wait until something changed after ``tick``, or everything did after ``generation``."""
        while self.tick <= tick and self.generation <= generation:
            await self._moved.wait()

    def _wake(self) -> None:
        self._moved.set()
        self._moved.clear()

    def _forget_over(self) -> None:
        over = [key for key, (_tick, item) in self._items.items() if item.over]
        for key in over[:-MOST_OVER]:
            del self._items[key]


class FeedTeller:
    """What one socket has told of one feed: a :class:`Teller` that tells what is in sight and hears nothing."""

    hears: frozenset[str] = frozenset()

    def __init__(self, feed: Feed, language: str) -> None:
        self._feed = feed
        self._language = language
        self._sight: Sight | None = None
        self._generation = -1
        self._tick = 0

    def meet(self, user: User) -> None:
        """Nobody to remember: what may be seen is told to :meth:`allow`."""

    async def hear(self, message: Mapping[str, Any]) -> None:
        """Nothing is heard."""

    async def left(self) -> None:
        """Nothing to put away."""

    def allow(self, sight: Sight) -> None:
        """What may be seen from now on; where that is something else, everything is told again."""
        if self._sight is None or not same_sight(self._sight, sight):
            self._generation = -1
        self._sight = sight

    def messages(self) -> list[dict[str, Any]]:
        """What to tell now."""
        feed, source = self._feed, self._feed.source
        everything = self._generation != feed.generation
        items = self._seen(feed.everything() if everything else feed.since(self._tick))
        self._generation, self._tick = feed.generation, feed.tick
        if everything:
            return [source.snapshot(items, self._language)]
        return [source.change(item, self._language) for item in items]

    async def next(self) -> None:
        """Wait until there is something to tell."""
        if self._generation == self._feed.generation:
            await self._feed.beyond(self._tick, self._generation)

    def _seen(self, items: list[Item]) -> list[Item]:
        if self._sight is None or not items:
            return []
        owner = np.array([item.owner for item in items], np.int64)
        region = np.array([item.region for item in items], np.int64)
        return [item for item, seen in zip(items, self._sight.covers(owner, region), strict=True) if seen]


def _nowhere(_topic: str, _payload: bytes) -> None:
    """Where messages go before a hub takes the feed."""


_sources: list[tuple[FeedSource, Callable[[Feed, str], Teller] | None]] = []


def register_feed(source: FeedSource, teller: Callable[[Feed, str], Teller] | None = None) -> None:
    """Have every hub keep this feed and every socket tell of it; called at start.

    ``teller`` makes what speaks and hears on one socket: ``teller(feed, language)``; by default what is in sight.
    """
    _sources.append((source, teller))


def make_feeds() -> list[Feed]:
    """A new feed of each registered source."""
    return [Feed(source, teller) for source, teller in _sources]
