"""Areas as the planners' desk lists and opens them: never all of them, a hundred thousand may be there."""

from __future__ import annotations

from typing import Any

from django.contrib.gis.geos import Polygon
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from ninja import Router
from ninja.errors import HttpError
from ninja.params import Path

from access.models import User
from access.roles import Permission
from access.scope import scope_of
from command.plan.lifecycle import DraftState
from command.plan.messages import told_area
from command.plan.models import AreaDraft
from command.plan.places import covers, planner
from gis.geodesy import area_m2
from twin.models import Area, AreaVersion

router = Router(tags=["plan"])

MOST_LISTED = 100
MOST_COUNTED = 10_000
MOST_VERSIONS = 200


def areas_seen(user: User) -> QuerySet[Area]:
    """Areas that somebody sees."""
    return Area.objects.within(scope_of(user)).select_related("owner__region", "region")


def area_seen(user: User, area_id: int) -> Area:
    """One of them.

    Raises
    ------
    HttpError
        404: there is none, or it is not for them.
    """
    area = areas_seen(user).filter(pk=area_id).first()
    if area is None:
        raise HttpError(404, "Not Found")
    return area


@router.get("/plan/areas")
def areas(
    request: HttpRequest, q: str = "", kind: str = "", bbox: str = "", after: int = 0, inactive: bool = False
) -> dict[str, Any]:
    """A page of areas by key: ``{"areas", "next", "count", "counted"}``.

    ``bbox``: west,south,east,north in degrees; ``after``: the ``next`` of the page before; ``count`` of all, up to
    10,000 (then ``counted`` is false).
    """
    found = areas_seen(planner(request)).filter(active=not inactive)
    if q.strip():
        found = found.filter(name__icontains=q.strip())
    if kind:
        found = found.filter(kind=kind)
    if bbox:
        found = found.filter(boundary__bboverlaps=_box(bbox))
    rows = list(found.filter(pk__gt=after).order_by("pk").defer("boundary", "line")[: MOST_LISTED + 1])
    boxes = {a.pk: a.boundary.extent for a in Area.objects.filter(pk__in=[r.pk for r in rows]).only("boundary")}
    count = len(found.order_by().values("pk")[: MOST_COUNTED + 1]) if not after else 0
    listed = rows[:MOST_LISTED]
    return {
        "areas": [
            {
                "id": area.pk,
                "name": area.name,
                "kind": area.kind,
                "version": area.version,
                "active": area.active,
                "region": area.region.name if area.region else "",
                "owner": area.owner.name if area.owner else "",
                "bbox": list(boxes[area.pk]),
            }
            for area in listed
        ],
        "next": listed[-1].pk if len(rows) > MOST_LISTED else None,
        "count": min(count, MOST_COUNTED),
        "counted": count <= MOST_COUNTED,
    }


@router.get("/plan/areas/{int:area_id}")
def one_area(request: HttpRequest, area_id: Path[int]) -> dict[str, Any]:
    """An area with its shape; ``draft``: the open draft about it, ``plans``: whether one may draw a change."""
    user = planner(request)
    area = area_seen(user, area_id)
    draft = AreaDraft.objects.filter(area=area, state__in=DraftState.open_states()).values_list("pk", flat=True).first()
    return told_area(area) | {"draft": draft, "plans": covers(user, Permission.PLAN, area)}


@router.get("/plan/areas/{int:area_id}/versions")
def versions(request: HttpRequest, area_id: Path[int]) -> dict[str, Any]:
    """What an area was, the newest first: ``{"versions": […]}`` with who made each, and its square metres."""
    area = area_seen(planner(request), area_id)
    made = {draft.made_version: draft for draft in area.drafts.filter(made_version__isnull=False)}
    rows = AreaVersion.objects.filter(area=area).select_related("changed_by").order_by("-version")[:MOST_VERSIONS]
    return {
        "versions": [
            {
                "version": row.version,
                "name": row.name,
                "active": row.active,
                "from": row.valid_from.isoformat() if row.valid_from else None,
                "to": row.valid_to.isoformat() if row.valid_to else None,
                "by": (row.changed_by.display_name or row.changed_by.get_username()) if row.changed_by else "",
                "draft": made[row.version].pk if row.version in made else None,
                "area_m2": area_m2(bytes(row.boundary.wkb)),
            }
            for row in rows
        ]
    }


@router.get("/plan/areas/{int:area_id}/versions/{int:number}")
def one_version(request: HttpRequest, area_id: Path[int], number: Path[int]) -> dict[str, Any]:
    """What an area was in one version, with its shape."""
    area = area_seen(planner(request), area_id)
    row = AreaVersion.objects.filter(area=area, version=number).first()
    if row is None:
        raise HttpError(404, "Not Found")
    return told_area(row)


def _box(text: str) -> Polygon:
    try:
        west, south, east, north = (float(edge) for edge in text.split(","))
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            raise ValueError
    except ValueError:
        raise HttpError(400, gettext("bbox 应为“西,南,东,北”四个度数。")) from None
    box = Polygon.from_bbox((west, south, east, north))
    box.srid = 4326
    return box
