"""Walls over the live socket: screens announce themselves and are told what to do, tablets see what becomes of it."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.db import transaction
from pydantic import ValidationError

from access.models import User
from command.director.messages import Announce, Report
from command.director.models import Wall
from command.director.rights import Driver
from command.director.store import announce, leave, record_of, remembered, report, sees_of, told_of
from twin.live.database import in_database
from twin.live.feeds import Feed, FeedTeller, Item
from twin.live.viewer import Sight
from twin.observers import Message
from twin.publishing import publish_messages

logger = logging.getLogger(__name__)

WALL_TOPICS = "st/walls/+"


class WallFeed:
    """A source of the hub (:class:`twin.live.feeds.FeedSource`): every wall, each process' copy of the record."""

    topic = WALL_TOPICS
    notices = frozenset({"scenes"})

    def load(self) -> list[Item]:
        """Walls that are there or were a short while ago."""
        return [_item(record_of(wall)) for wall in remembered()]

    def read(self, payload: bytes) -> list[Item]:
        """The wall of which a process tells."""
        return [_item(json.loads(payload))]

    def snapshot(self, items: Sequence[Item], language: str) -> dict[str, Any]:
        """Every wall in sight; also after scenes or tours changed, so that tablets read those anew."""
        return {"type": "walls", "walls": [told_of(item.value) for item in items]}

    def change(self, item: Item, language: str) -> dict[str, Any]:
        """One wall as it is now."""
        return {"type": "wall_now", "wall": told_of(item.value)}


class WallTeller(FeedTeller):
    """One socket's part: a wall's orders if a wall speaks through it, what walls do if a tablet does."""

    hears = frozenset({"wall", "wall_state", "director"})

    def __init__(self, feed: Feed, language: str) -> None:
        super().__init__(feed, language)
        self._holder = secrets.token_hex(16)
        self._user: User | None = None
        self._driver: Driver | None = None
        self._met: Driver | None = None
        self._directs = False
        self._wall: int | None = None
        self._sent = 0
        self._replies: list[dict[str, Any]] = []

    def meet(self, user: User) -> None:
        """Who this is."""
        self._user, self._met = user, Driver.of(user)

    def allow(self, sight: Sight) -> None:
        """Which walls may be seen from now on is not a matter of ``sight`` but of who this is."""
        if self._met != self._driver:
            self._driver, self._generation = self._met, -1

    async def hear(self, message: Mapping[str, Any]) -> None:
        """A wall says that it is there or what is on it; a tablet says that it wants to see walls."""
        if message["type"] == "director":
            self._directs, self._generation = True, -1
            return
        try:
            said = (Announce if message["type"] == "wall" else Report).model_validate(message)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            raise ValueError(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}") from None
        record = await in_database(self._write, said)
        if record is None:
            self._wall = None
            self._replies.append({"type": "wall_taken"})
            return
        if isinstance(said, Announce):
            self._wall, self._sent = record["id"], record["done"]
            known = {key: record[key] for key in ("id", "name", "named", "code", "number", "done", "run")}
            self._replies.append({"type": "wall", **known})
        self._tell_others(record)

    async def left(self) -> None:
        """The socket is closed: the wall is gone, unless another socket speaks for it already."""
        if self._wall is None:
            return
        record = await in_database(self._leave)
        if record is not None:
            self._tell_others(record)

    def messages(self) -> list[dict[str, Any]]:
        """What to tell now."""
        feed, source = self._feed, self._feed.source
        everything = self._generation != feed.generation
        items = feed.everything() if everything else feed.since(self._tick)
        self._generation, self._tick = feed.generation, feed.tick
        told, self._replies = self._replies, []
        told += [order for item in items if item.key == self._wall for order in self._orders(item)]
        if self._directs and self._driver is not None:
            seen = [item for item in items if self._driver.drives(item.value["user"]["id"], sees_of(item.value))]
            if everything:
                told.append(source.snapshot(seen, self._language))
            else:
                told += [source.change(item, self._language) for item in seen]
        return told

    def _orders(self, item: Item) -> list[dict[str, Any]]:
        new = [order for order in item.value["orders"] if order["number"] > self._sent]
        if new:
            self._sent = new[-1]["number"]
        return [{"type": "order", **order} for order in new]

    def _write(self, said: Announce | Report) -> dict[str, Any] | None:
        if isinstance(said, Announce):
            assert self._user is not None
            wall = announce(self._user, said.key, said.name, said.again, self._holder)
        else:
            wall = None if self._wall is None else report(self._wall, self._holder, said)
        return None if wall is None else record_of(wall)

    def _leave(self) -> dict[str, Any] | None:
        assert self._wall is not None
        wall = leave(self._wall, self._holder)
        return None if wall is None else record_of(wall)

    def _tell_others(self, record: dict[str, Any]) -> None:
        # At once in this process, whatever the broker does.
        self._feed.take([_item(record)])
        message = _message(record, "live")
        self._feed.publish(message.topic, message.payload)


def publish_wall(wall: Wall) -> None:
    """Tell every web process of this wall once the running transaction is committed."""
    transaction.on_commit(partial(publish_messages, [_message(record_of(wall), "web")]))


def _message(record: Mapping[str, Any], process: str) -> Message:
    return Message(f"st/walls/{process}", json.dumps(record, ensure_ascii=False).encode())


def _item(record: Mapping[str, Any]) -> Item:
    return Item(key=record["id"], version=record["version"], owner=0, region=0, over=False, value=record)
