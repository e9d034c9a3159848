"""The record of walls: who is there, what is on them, what they were told. Every change has a version of its own."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from access.models import User
from access.scope import Scope, scope_of
from command.director.messages import Playing, Report
from command.director.models import Wall

ALIVE_S = 12.0
"""A wall says something every few seconds; not heard for this long, it is gone."""
REMEMBERED = timedelta(hours=24)
"""A wall that is gone stays in lists for this long, as gone."""
FORGOTTEN = timedelta(days=30)
MOST_WAITING = 50
ORDER_AGE_S = 30
"""An order that a wall was away for is not carried out later than this: nobody expects it any more."""
CODE_SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH = 3


def announce(user: User, key: UUID, name: str, again: bool, holder: str) -> Wall | None:
    """A screen says that it is there.

    Parameters
    ----------
    user : User
        Who opened it.
    key : UUID
        Which wall it takes itself for.
    name : str
        What people call it; "" where nobody has named it.
    again : bool
        It has been this wall before (a page that was reloaded, a socket that broke).
    holder : str
        The socket that speaks for it.

    Returns
    -------
    Wall or None
        None: another page is this wall now; this one must take another key.
    """
    now = timezone.now()
    with transaction.atomic():
        Wall.objects.filter(user=user, seen_at__lt=now - FORGOTTEN).delete()
        code = "".join(secrets.choice(CODE_SIGNS) for _sign in range(CODE_LENGTH))
        first = {"code": code, "since": now, "seen_at": now, "left_at": now}
        Wall.objects.get_or_create(user=user, key=key, defaults=first)
        wall = Wall.objects.select_for_update(of=("self",)).select_related("user").get(user=user, key=key)
        if present(wall) and wall.holder != holder:
            if not again:
                return None
        elif not present(wall):
            wall.since = now
        wall.orders = [order for order in wall.orders if order["at"] > now.timestamp() - ORDER_AGE_S]
        if wall.run is not None and wall.run["run"] > wall.done and wall.run["run"] not in _numbers(wall):
            wall.run = None  # its order came too late, so it never began
        wall.name, wall.holder, wall.seen_at, wall.left_at = name.strip(), holder, now, None
        _save(wall)
    return wall


def report(wall_id: int, holder: str, said: Report) -> Wall | None:
    """A wall says what is on it; None where another page is this wall now."""
    with transaction.atomic():
        wall = Wall.objects.select_for_update(of=("self",)).select_related("user").filter(pk=wall_id).first()
        if wall is None or wall.holder != holder:
            return None
        wall.seen_at, wall.left_at = timezone.now(), None
        wall.state = said.state.dict()
        if said.done > wall.done:
            wall.done, wall.fault = min(said.done, wall.number), said.fault
        wall.orders = [order for order in wall.orders if order["number"] > wall.done]
        _take_playing(wall, said.playing)
        _save(wall)
    return wall


def _numbers(wall: Wall) -> set[int]:
    return {order["number"] for order in wall.orders}


def _take_playing(wall: Wall, playing: Playing | None) -> None:
    run = wall.run
    if run is None or run["run"] > wall.done:
        return  # it does not know of this tour yet
    if playing is None:
        wall.run = None
    elif playing.run == run["run"] and playing.step < len(run["steps"]):
        wall.run = {**run, **playing.dict()}


def leave(wall_id: int, holder: str) -> Wall | None:
    """The socket that spoke for a wall is closed; None where another speaks for it already."""
    with transaction.atomic():
        wall = Wall.objects.select_for_update(of=("self",)).select_related("user").filter(pk=wall_id).first()
        if wall is None or wall.holder != holder:
            return None
        wall.left_at = timezone.now()
        _save(wall)
    return wall


def give(wall_id: int, order: Mapping[str, Any], by: User, run: Mapping[str, Any] | None = None) -> Wall:
    """Give a wall an order.

    Parameters
    ----------
    wall_id : int
        Which.
    order : mapping
        What to do, with everything needed to do it.
    by : User
        Who says so.
    run : mapping, optional
        The tour that begins with this order.

    Raises
    ------
    Wall.DoesNotExist
        There is no such wall.
    """
    with transaction.atomic():
        wall = Wall.objects.select_for_update(of=("self",)).select_related("user").get(pk=wall_id)
        wall.number += 1
        number = {"number": wall.number, "driver": by.get_full_name(), "at": timezone.now().timestamp()}
        if run is not None:
            wall.run = {"run": wall.number, "step": 0, "paused": False, "why": "", "until": None, **run}
            order = {**order, "playing": wall.run}
        wall.orders = [*wall.orders, {**order, **number}][-MOST_WAITING:]
        _save(wall)
    return wall


def _save(wall: Wall) -> None:
    wall.version += 1
    wall.save()


def present(wall: Wall) -> bool:
    """Whether the wall is there: its socket is open and it was heard a moment ago."""
    return wall.left_at is None and timezone.now() - wall.seen_at < timedelta(seconds=ALIVE_S)


def remembered() -> list[Wall]:
    """Walls that are there or were a short while ago."""
    return list(Wall.objects.filter(seen_at__gt=timezone.now() - REMEMBERED).select_related("user"))


def record_of(wall: Wall) -> dict[str, Any]:
    """A wall as processes tell each other of it."""
    sees = scope_of(wall.user)
    return {
        "id": wall.pk,
        "version": wall.version,
        "name": wall.title,
        "named": wall.name,
        "code": wall.code,
        "user": {"id": wall.user.pk, "name": wall.user.get_full_name()},
        "sees": [sees.everything, sees.region_paths, sees.organization_paths],
        "since": wall.since.timestamp() * 1000,
        "seen_at": wall.seen_at.timestamp() * 1000,
        "left_at": wall.left_at and wall.left_at.timestamp() * 1000,
        "state": wall.state,
        "run": wall.run,
        "orders": wall.orders,
        "number": wall.number,
        "done": wall.done,
        "fault": wall.fault,
    }


def sees_of(record: Mapping[str, Any]) -> Scope:
    """What the account of a wall may see, from its record."""
    everything, regions, organizations = record["sees"]
    return Scope(everything, tuple(regions), tuple(organizations))


def told_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """A wall as a tablet gets it: times in milliseconds since 1970; of the tour what is shown, not what it needs."""
    run = record["run"]
    kept = {key: value for key, value in record.items() if key not in ("sees", "orders", "version")}
    if run is not None:
        steps = [{"name": step["name"], "dwell_s": step["dwell_s"]} for step in run["steps"]]
        kept["run"] = {**run, "steps": steps}
    return kept
