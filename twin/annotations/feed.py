"""Annotations on the live socket: each change, and the strokes that somebody is drawing just now.

A page that shows annotations says ``{"type": "annotations"}`` and reads them over HTTP; from then on it is told what
changes. Nothing is told to pages that did not ask. Strokes live in the sockets only: the newest state of each, never a
queue of them.
"""

from __future__ import annotations

import json
import math
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from access.models import User
from access.roles import Permission
from access.scope import NOWHERE, Scope, scope_of
from twin.annotations.push import ANNOTATION_TOPICS
from twin.annotations.service import annotates_at
from twin.annotations.symbols import SYMBOLS
from twin.live.database import in_database
from twin.live.feeds import Feed, FeedTeller, Item
from twin.past import districts

MOST_STROKE_POINTS = 300
STROKE_KEPT_S = 15.0
"""A stroke of which nothing was heard for so long is over: whoever drew it is gone."""
LEAST_S = 0.1
"""Strokes of one socket are passed on no faster."""


class AnnotationFeed:
    """A source of the hub (:class:`twin.live.feeds.FeedSource`); strokes have keys below zero."""

    topic = ANNOTATION_TOPICS
    notices: frozenset[str] = frozenset()

    def load(self) -> list[Item]:
        """Nothing: pages read over HTTP what there is."""
        return []

    def read(self, payload: bytes) -> list[Item]:
        """The annotation or stroke of which a process tells."""
        record = json.loads(payload)
        if "stroke" in record:
            value = record["stroke"]
            return [Item(-value["id"], value["number"], 0, 0, over=not value["points"], value=record)]
        value = record["annotation"]
        return [Item(value["id"], value["version"], 0, 0, over=record["removed"], value=record)]

    def snapshot(self, items: Sequence[Item], language: str) -> dict[str, Any]:
        """Read annotations anew; and the strokes being drawn."""
        return {"type": "annotations", "strokes": [_stroke(item) for item in items if item.key < 0 and _fresh(item)]}

    def change(self, item: Item, language: str) -> dict[str, Any]:
        """An annotation as it is now, or a stroke; one without points is over."""
        if item.key < 0:
            return {"type": "stroke", "stroke": _stroke(item)}
        return {"type": "annotation", "annotation": item.value["annotation"]}


def _stroke(item: Item) -> dict[str, Any]:
    return {name: item.value["stroke"][name] for name in ("id", "kind", "points", "author")}


def _fresh(item: Item) -> bool:
    return time.time() - item.value["stroke"]["at"] < STROKE_KEPT_S


class AnnotationTeller(FeedTeller):
    """One socket's part: tells changes in sight, hears the stroke that its browser draws."""

    hears = frozenset({"annotations", "stroke"})

    def __init__(self, feed: Feed, language: str) -> None:
        super().__init__(feed, language)
        self._wants = False
        self._user = 0
        self._name = ""
        self._draws: Scope = NOWHERE
        self._administers = False
        self._key = secrets.randbits(48) + 1
        self._number = 0
        self._drawn_at = 0.0
        self._kind = ""
        self._allowed: dict[tuple[int, ...], bool] = {}

    def meet(self, user: User) -> None:
        """Who this is."""
        draws = scope_of(user, Permission.ANNOTATE)
        if draws != self._draws:
            self._draws, self._allowed = draws, {}
        self._user, self._name = user.pk, user.get_full_name() or user.get_username()
        self._administers = scope_of(user, Permission.ADMINISTER).everything

    async def hear(self, message: Mapping[str, Any]) -> None:
        """The page shows annotations from now on; or its hand draws: ``{"type": "stroke", "kind", "points"}``."""
        if message["type"] == "annotations":
            self._wants, self._generation = True, -1
            return
        points = _points(message.get("points"))
        kind = str(message.get("kind"))
        if kind not in SYMBOLS:
            raise ValueError("stroke: no such kind")
        now = time.monotonic()
        if points and now - self._drawn_at < LEAST_S:
            return
        if not points:
            self._end()
            return
        self._drawn_at = now
        regions = await in_database(self._regions, points)
        if regions is not None:
            self._kind = kind
            self._say(points, regions)

    async def left(self) -> None:
        """The socket is closed: its hand draws no more."""
        self._end()

    def messages(self) -> list[dict[str, Any]]:
        """What to tell now."""
        feed, source = self._feed, self._feed.source
        everything = self._generation != feed.generation
        items = feed.everything() if everything else feed.since(self._tick)
        self._generation, self._tick = feed.generation, feed.tick
        if not self._wants or self._sight is None:
            return []
        if everything:
            drawn = [item for item in items if item.key < 0 and item.key != -self._key]
            return [source.snapshot([item for item in drawn if self._in_sight(item.value["regions"], [])], "")]
        told = (self._told(item) for item in items if item.key != -self._key)
        return [message for message in told if message is not None]

    def _told(self, item: Item) -> dict[str, Any] | None:
        value = item.value
        if item.key < 0:
            return self._feed.source.change(item, "") if self._in_sight(value["regions"], []) else None
        shown = value["annotation"]
        is_open = not shown["hidden"] or self._administers or (shown["author"] or {}).get("id") == self._user
        if not item.over and is_open and self._in_sight(value["regions"], value["organizations"]):
            return self._feed.source.change(item, "")
        if self._in_sight(value["ever_regions"], value["ever_organizations"]):
            return {"type": "annotation_gone", "id": item.key}
        return None

    def _in_sight(self, regions: Sequence[int], organizations: Sequence[int]) -> bool:
        assert self._sight is not None
        if self._sight.everything:
            return True
        width = max(len(regions), len(organizations))
        padded = [np.array([*keys, *[0] * (width - len(keys))], np.int64) for keys in (organizations, regions)]
        return bool(self._sight.covers(*padded).any())

    def _regions(self, points: Sequence[Sequence[float]]) -> list[int] | None:
        """The districts that a stroke passes; None where it is not this person's to draw there."""
        lon, lat = zip(*points, strict=True)
        found = sorted({key for key in districts().locate_one(lon, lat).tolist() if key > 0})
        if tuple(found) not in self._allowed:
            self._allowed[tuple(found)] = annotates_at(self._draws, found, [])
        return found if self._allowed[tuple(found)] else None

    def _end(self) -> None:
        if self._kind:
            last = next((item for item in self._feed.everything() if item.key == -self._key), None)
            self._say([], last.value["regions"] if last is not None else [])
            self._kind = ""

    def _say(self, points: Sequence[Sequence[float]], regions: Sequence[int]) -> None:
        self._number += 1
        stroke = {
            "id": self._key,
            "number": self._number,
            "kind": self._kind,
            "points": points,
            "author": {"id": self._user, "name": self._name},
            "at": time.time(),
        }
        payload = json.dumps({"stroke": stroke, "regions": list(regions)}, ensure_ascii=False).encode()
        # At once in this process, whatever the broker does.
        self._feed.take(self._feed.source.read(payload))
        self._feed.publish("st/annotations/live", payload)


def _points(given: Any) -> list[list[float]]:
    if not isinstance(given, list) or len(given) > MOST_STROKE_POINTS:
        raise ValueError("stroke: too many points")
    points = [[float(lon), float(lat)] for lon, lat in given]
    if not all(math.isfinite(lon) and abs(lon) <= 180 and abs(lat) <= 90 for lon, lat in points):
        raise ValueError("stroke: not a place")
    return points
