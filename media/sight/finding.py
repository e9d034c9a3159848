"""Fields of view of channels, and cameras around a place; the database is asked with the caller's own rows."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce

from media.models import Channel
from media.sight.geometry import ASSUMED_DEG, ASSUMED_M, Sight, around, way

MOST_AROUND = 2000


class Near(NamedTuple):
    """A camera around a place."""

    channel: Channel
    distance_m: float
    covers: bool


def heading_of(channel: Channel) -> float | None:
    """Where a fixed camera looks, degrees from north: as its head says it stands, else as it was put up."""
    gaze = getattr(channel, "gaze", None)
    if gaze is not None and gaze.pan_deg is not None:
        return (channel.pan_zero_deg + gaze.pan_deg) % 360
    return channel.heading_deg


def place_of(channel: Channel) -> tuple[float, float] | None:
    """Where a camera is: on what carries it, where it last said, or where it was put up."""
    for asset in (channel.carrier, channel.asset):
        state = getattr(asset, "state", None)
        if state is not None:
            return state.lon, state.lat
    return None if channel.lon is None or channel.lat is None else (channel.lon, channel.lat)


def sight_of(channel: Channel) -> Sight | None:
    """What a camera sees of the ground; None where its place or direction is not known, or something carries it.

    One that moves by itself is taken to look where it goes.
    """
    place, heading_deg = place_of(channel), heading_of(channel)
    if channel.device.follow_position:
        state = getattr(channel.asset, "state", None)
        heading_deg = state.heading_deg if state is not None else None
    if place is None or heading_deg is None or channel.carrier_id is not None:
        return None
    view_deg, _view_v_deg, view_m = lens_of(channel)
    assumed = view_deg is None or view_m is None or channel.device.follow_position
    return Sight(*place, heading_deg, view_deg or ASSUMED_DEG, view_m or ASSUMED_M, assumed)


def lens_of(channel: Channel) -> tuple[float | None, float | None, float | None]:
    """Opening from side to side and from top to bottom, degrees, and how far it sees, metres.

    What its head says counts before what was written down: it zooms.
    """
    gaze = getattr(channel, "gaze", None)
    said = (gaze.view_deg, gaze.view_v_deg, gaze.view_m) if gaze is not None else (None, None, None)
    return said[0] or channel.view_deg, said[1] or channel.view_v_deg, said[2] or channel.view_m


def with_places(rows: QuerySet[Channel]) -> Any:
    """Channels with all that :func:`sight_of` looks at, and ``at_lon`` and ``at_lat`` to choose by."""
    return rows.select_related("device", "device__owner", "asset__state", "carrier__state", "gaze").annotate(
        at_lon=Coalesce(F("carrier__state__lon"), F("asset__state__lon"), F("lon")),
        at_lat=Coalesce(F("carrier__state__lat"), F("asset__state__lat"), F("lat")),
    )


def within_box(west: float, south: float, east: float, north: float) -> Q:
    """Of :func:`with_places`, those inside."""
    return Q(at_lon__range=(west, east), at_lat__range=(south, north))


def near(
    rows: QuerySet[Channel], lon: float, lat: float, radius_m: float, most: int, about: int | None = None
) -> list[Near]:
    """Cameras around a place: of those that are online first its own, then those that look at it, the nearest first.

    Parameters
    ----------
    rows : queryset of Channel
        Whose the asker may see.
    lon, lat : float
        Degrees.
    about : int, optional
        Primary key of the asset that something has happened to: it may be a camera, or carry one, and be elsewhere now.
    """
    own = Q(pk__in=()) if about is None else Q(asset=about) | Q(carrier=about)
    placed = with_places(rows.filter(listed=True))
    around_it = placed.filter(within_box(*around(lon, lat, radius_m))).exclude(own)[:MOST_AROUND]
    ranked: list[tuple[tuple[bool, bool, bool, float], Near]] = []
    for is_own, channels in ((True, placed.filter(own)), (False, around_it)):
        for channel in channels:
            if channel.at_lon is None or channel.at_lat is None:
                continue
            distance_m, _bearing = way(channel.at_lon, channel.at_lat, lon, lat)
            if is_own or distance_m <= radius_m:
                sight = sight_of(channel)
                covers = sight is not None and sight.covers(lon, lat)
                rank = (not channel.online, not is_own, not covers, distance_m)
                ranked.append((rank, Near(channel, distance_m, covers)))
    return [found for _rank, found in sorted(ranked, key=lambda pair: pair[0])[:most]]
