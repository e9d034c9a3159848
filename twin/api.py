"""What a map asks about one asset."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import get_language
from ninja import Query, Router, Schema
from ninja.params import Path

from access.scope import scope_of
from gis.models import Region
from twin.kinds import kind_of
from twin.models import Asset, State
from twin.reading import reading
from twin.track_out import TrackOut, track_out
from twin.views import place_name

router = Router(tags=["assets"])

MOST_MINUTES = 24 * 60


class NameOut(Schema):
    """Something with a name."""

    name: str


class RegionOut(Schema):
    """A region."""

    code: str
    name: str


class StateOut(Schema):
    """Latest state; metres, metres a second, degrees."""

    time: datetime
    lon: float
    lat: float
    alt_m: float | None
    speed_m_s: float | None
    heading_deg: float | None
    status: int
    attrs: dict


class AssetOut(Schema):
    """An asset and its present."""

    id: int
    kind: str
    code: str
    name: str
    owner: NameOut | None
    region: RegionOut | None
    state: StateOut | None


def _visible(request: HttpRequest, asset_id: int) -> Asset:
    """The asset in use, if the user may see it; 404 otherwise, so that nobody learns what exists elsewhere."""
    assets = Asset.objects.within(scope_of(request.user)).filter(active=True)
    return get_object_or_404(assets.select_related("owner", "state__region"), pk=asset_id)


def asset_out(asset: Asset, region: Region | None, state: StateOut | None) -> AssetOut:
    """An asset as a map is told of it, the district in the reader's language."""
    return AssetOut(
        id=asset.pk,
        kind=asset.kind,
        code=asset.code,
        name=asset.name,
        owner=NameOut(name=asset.owner.name) if asset.owner else None,
        region=RegionOut(code=region.code, name=place_name(region, get_language())) if region else None,
        state=state,
    )


@router.get("/assets/{int:asset_id}", response=AssetOut)
def asset(request: HttpRequest, asset_id: Path[int]) -> AssetOut:
    """One asset with its owner, its district and its latest state."""
    found = _visible(request, asset_id)
    state: State | None = getattr(found, "state", None)
    region = state.region if state else None
    return asset_out(
        found,
        region,
        None
        if state is None
        else StateOut(
            time=state.ts,
            lon=state.lon,
            lat=state.lat,
            alt_m=state.alt_m,
            speed_m_s=state.speed_m_s,
            heading_deg=state.heading_deg,
            status=state.status,
            attrs=state.attrs,
        ),
    )


@router.get("/assets/{int:asset_id}/track", response=TrackOut)
def track(request: HttpRequest, asset_id: Path[int], minutes: Query[int] = 60) -> TrackOut:
    """Where one asset was in the last minutes (at most a day), what that tells, the newest points of too many."""
    found = _visible(request, asset_id)
    end = timezone.now()
    start = end - timedelta(minutes=max(1, min(minutes, MOST_MINUTES)))
    return reading(lambda cursor: track_out(cursor, kind_of(found.kind), found.pk, start, end))
