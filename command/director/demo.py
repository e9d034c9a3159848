"""Scenes and a tour for the demo city."""

from __future__ import annotations

from collections.abc import Sequence

from access.audit import Action
from access.models import AuditRecord
from command.director.models import Scene, Tour, TourStep
from gis.models import Region
from twin.models import Area

LOADER = "loadlayers"
"""Who the ledger says made them."""
CITY_ZOOM, DISTRICT_ZOOM, SITE_ZOOM = 9.2, 11.6, 15.2
CHARTS, LEFT = "day", "what-there-is"
"""Panels by the names that the screen gives them."""


def fill(city: Region, layers: Sequence[str]) -> bool:
    """Make three scenes and a tour of them; False where this was done before, whatever became of them since.

    Parameters
    ----------
    city : Region
        The demo's city.
    layers : sequence of str
        Ids of the layers that are shown in the whole city; the other two scenes leave the layers as they are.
    """
    made_before = AuditRecord.objects.filter(model=Scene._meta.label, action=Action.CREATE, actor_name=LOADER)
    if made_before.exists() or not city.boundary:
        return False
    middle = city.boundary.point_on_surface
    scenes = [
        Scene.objects.create(
            name="全市态势",
            lon=middle.x,
            lat=middle.y,
            zoom=CITY_ZOOM,
            layers=list(layers) or None,
            folded=[CHARTS],
            position=1,
        )
    ]
    area = (
        Area.objects.filter(kind=Area.Kind.KEY_AREA, region__path__startswith=city.path, active=True)
        .select_related("region")
        .order_by("pk")
        .first()
    )
    if area is not None and area.region is not None:
        around, place = area.region, area.boundary.point_on_surface
        code = around.code if around.level == Region.Level.DISTRICT else ""
        home = around.boundary.point_on_surface
        scenes.append(
            Scene.objects.create(
                name=f"{around.name}下钻",
                lon=home.x,
                lat=home.y,
                zoom=DISTRICT_ZOOM,
                district=code,
                folded=[CHARTS],
                position=2,
            )
        )
        scenes.append(
            Scene.objects.create(
                name="重点区域近景",
                lon=place.x,
                lat=place.y,
                zoom=SITE_ZOOM,
                pitch=56,
                bearing=-18,
                folded=[LEFT, CHARTS],
                position=3,
            )
        )
    tour = Tour.objects.create(name="迎检路线", position=1)
    steps = [TourStep(tour=tour, scene=scene, dwell_s=20, position=place) for place, scene in enumerate(scenes)]
    TourStep.objects.bulk_create(steps)
    return True
