"""From what a tablet says to what a wall is told: everything the wall needs, and nothing its account may not see."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext

from access.audit import Action, record
from access.models import User
from access.scope import Scope, scope_of
from command.director.exceptions import WallError
from command.director.messages import Fold, LookInto, OpenThing, Order, PlayTour, ShowScene, Steer
from command.director.models import Scene, Tour, Wall
from command.director.push import publish_wall
from command.director.rights import seen
from command.director.store import give, present
from command.models import Alert
from gis.models import Region
from twin.models import Asset

NEEDS_TOUR = frozenset({"stop", "pause", "resume", "next", "previous"})


def tell(wall: Wall, order: Order, by: User) -> Wall:
    """Give a wall an order, on the ledger.

    Raises
    ------
    WallError
        The wall is gone, plays no tour, or its account may not see what it is to show.
    Scene.DoesNotExist, Tour.DoesNotExist
        Not for ``by``.
    """
    if not present(wall):
        raise WallError(gettext("大屏“%s”已离线，指令未发出。") % wall.title)
    sees = scope_of(wall.user)
    run: dict[str, Any] | None = None
    named = ""
    told = order.dict()
    if isinstance(order, ShowScene):
        scene = seen(Scene, by).get(pk=order.scene)
        told, named = {"do": "scene", "shown": fitted(scene, sees)}, scene.name
    elif isinstance(order, PlayTour):
        tour = seen(Tour, by).get(pk=order.tour)
        run, named = _run(tour, by, sees), tour.name
    elif isinstance(order, Steer) and order.do in NEEDS_TOUR and wall.run is None:
        raise WallError(gettext("大屏“%s”没有在播放巡演。") % wall.title)
    elif isinstance(order, LookInto) and order.district and order.district != district_for(order.district, sees):
        raise WallError(gettext("大屏“%s”的账号无权查看这个区。") % wall.title)
    elif isinstance(order, OpenThing):
        model: Any = Asset if order.do == "asset" else Alert
        if not model.objects.within(sees).filter(pk=order.id).exists():
            raise WallError(gettext("大屏“%s”的账号无权查看该对象或预警。") % wall.title)
    elif isinstance(order, Fold):
        told["folded"] = sorted(set(order.folded))
    detail = order.dict() | ({"name": named} if named else {})
    record(Action.CHANGE, subject=wall, actor=by, detail={"order": detail})
    told_wall = give(wall.pk, told, by, run)
    publish_wall(told_wall)
    return told_wall


def fitted(scene: Scene, sees: Scope) -> dict[str, Any]:
    """A scene as a wall is told of it; without a district or a thing that the wall's account may not see."""
    asset = None
    if scene.asset_id is not None and Asset.objects.within(sees).filter(pk=scene.asset_id).exists():
        asset = scene.asset_id
    return {
        "scene": scene.pk,
        "name": scene.name,
        "view": {key: getattr(scene, key) for key in ("lon", "lat", "zoom", "pitch", "bearing")},
        "district": district_for(scene.district, sees),
        "layers": scene.layers,
        "folded": scene.folded,
        "asset": asset,
    }


def district_for(code: str, sees: Scope) -> str:
    """The code itself where the scope covers this district, else ""."""
    if not code:
        return ""
    path = Region.objects.filter(code=code, level=Region.Level.DISTRICT).values_list("path", flat=True).first()
    if path is None:
        return ""
    return code if sees.everything or path.startswith(sees.region_paths) else ""


def _run(tour: Tour, by: User, sees: Scope) -> dict[str, Any]:
    allowed = set(seen(Scene, by).values_list("pk", flat=True))
    steps = [
        {**fitted(step.scene, sees), "dwell_s": step.dwell_s}
        for step in tour.steps.select_related("scene").order_by("position", "pk")
        if step.scene_id in allowed
    ]
    if not steps:
        raise WallError(gettext("巡演“%s”里没有您可以播放的场景。") % tour.name)
    return {"tour": tour.pk, "name": tour.name, "loop": tour.loop, "steps": steps}
