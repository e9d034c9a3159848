"""Alerts, as far as cameras are concerned: those near record it, and what they have of it is bound to it."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from gis.plane import M_PER_DEG
from media.models import Channel
from media.recordings.models import RecordingMark, RecordingOrder, RecordingPolicy
from media.recordings.store import channels_of

MOST_CHANNELS = 20
LATE = timedelta(minutes=10)
"""An alert that is told later than this is bound to what there is, and records nothing more."""


def alert_raised(number: str, title: str, asset: int | None, place: tuple[float, float] | None, at: datetime) -> int:
    """Have cameras record an alert; returns how many are concerned.

    Parameters
    ----------
    number : str
        The alert's own.
    asset : int or None
        Key of what it is about; a camera's own alert concerns that camera however far.
    place : (lon, lat) or None
        Degrees, WGS 84.
    """
    concerned = 0
    taken: set[int] = set()
    near = _near(asset, place)
    for policy in RecordingPolicy.objects.filter(enabled=True).select_related("owner") if near else ():
        within = channels_of(policy)
        for channel, distance_m in near:
            if channel.pk in taken or channel.pk not in within or distance_m > policy.near_m:
                continue
            taken.add(channel.pk)
            concerned += 1
            since, until = at - timedelta(seconds=policy.before_s), at + timedelta(seconds=policy.after_s)
            if policy.mode == RecordingPolicy.Mode.ALERT and timezone.now() - at < LATE:
                RecordingOrder.objects.create(
                    channel=channel, kind=RecordingOrder.Kind.ALERT, starts_at=since, ends_at=until,
                    reason=title[:200], retention_days=policy.retention_days,
                )  # fmt: skip
            RecordingMark.objects.create(
                channel=channel, kind=RecordingMark.Kind.ALERT, starts_at=since, ends_at=until, number=number,
                text=title[:200],
            )  # fmt: skip
            if concerned >= MOST_CHANNELS:
                return concerned
    return concerned


def alert_closed(number: str) -> None:
    """Let go what was bound to an alert."""
    bound = RecordingMark.objects.filter(kind=RecordingMark.Kind.ALERT, number=number, released_at=None)
    bound.update(released_at=timezone.now())


def _near(asset: int | None, place: tuple[float, float] | None) -> list[tuple[Channel, float]]:
    """Channels of an asset or around a place, the nearest first, with metres."""
    wanted = Q(pk__in=())
    if asset is not None:
        wanted |= Q(asset=asset)
    furthest_m = max(RecordingPolicy.objects.filter(enabled=True).values_list("near_m", flat=True), default=-1)
    if furthest_m < 0:
        return []
    if place is not None:
        lon, lat = place
        north = furthest_m / M_PER_DEG
        east = north / max(0.01, math.cos(math.radians(lat)))
        wanted |= Q(lon__range=(lon - east, lon + east), lat__range=(lat - north, lat + north))
    found = []
    for channel in Channel.objects.filter(wanted, listed=True):
        if asset is not None and channel.asset_id == asset:
            found.append((channel, 0.0))
        elif place is not None and channel.lon is not None and channel.lat is not None:
            east_m = (channel.lon - place[0]) * M_PER_DEG * math.cos(math.radians(place[1]))
            north_m = (channel.lat - place[1]) * M_PER_DEG
            found.append((channel, math.hypot(east_m, north_m)))
    return sorted(found, key=lambda pair: pair[1])
