"""Scenes, tours and walls over HTTP, for tablets and for walls that save what they show."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from ninja import Router, Status
from ninja.errors import HttpError
from ninja.params import Path

from access.models import User
from access.scope import scope_of
from command.director.exceptions import WallError
from command.director.messages import SceneIn, SceneName, State, Told, TourIn
from command.director.models import Placed, Scene, Tour, TourStep, Wall
from command.director.orders import tell
from command.director.rights import Driver, PlacedModel, keeps, place_for, seen
from command.director.store import present, record_of, remembered, told_of
from twin.models import Asset

router = Router(tags=["director"])

MOST_KEPT = 500
"""Scenes, and tours, that one listing gives."""


def _user(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]


@router.get("/scenes")
def scenes(request: HttpRequest) -> dict[str, Any]:
    """Scenes in one's scope and one's own: ``{"scenes": […]}``; ``kept``: whether one may change it."""
    user = _user(request)
    return {"scenes": [_scene(each, user) for each in seen(Scene, user).order_by("position", "name", "pk")[:MOST_KEPT]]}


@router.post("/scenes", response={201: dict[str, Any]})
def add_scene(request: HttpRequest, given: SceneIn) -> Any:
    """Save a scene; it belongs where its maker does."""
    return Status(201, _scene(_new_scene(_user(request), given), _user(request)))


@router.put("/scenes/{int:scene_id}")
def change_scene(request: HttpRequest, scene_id: Path[int], given: SceneIn) -> dict[str, Any]:
    """Make a scene what is given; 403: seen, but not one's own to change."""
    scene = _kept(Scene, _user(request), scene_id)
    _fill(scene, given, _user(request))
    scene.save()
    return _scene(scene, _user(request))


@router.delete("/scenes/{int:scene_id}", response={204: None})
def delete_scene(request: HttpRequest, scene_id: Path[int]) -> Any:
    """Delete a scene, out of its tours, too."""
    _kept(Scene, _user(request), scene_id).delete()
    return Status(204, None)


@router.get("/tours")
def tours(request: HttpRequest) -> dict[str, Any]:
    """Tours in one's scope and one's own with their steps: ``{"tours": […]}``."""
    user = _user(request)
    found = seen(Tour, user).prefetch_related("steps__scene").order_by("position", "name", "pk")[:MOST_KEPT]
    return {"tours": [_tour(each, user) for each in found]}


@router.post("/tours", response={201: dict[str, Any]})
def add_tour(request: HttpRequest, given: TourIn) -> Any:
    """Save a tour of scenes that one sees."""
    user = _user(request)
    region, organization = place_for(user)
    tour = Tour(created_by=user, region=region, organization=organization)
    return Status(201, _write_tour(tour, given, user))


@router.put("/tours/{int:tour_id}")
def change_tour(request: HttpRequest, tour_id: Path[int], given: TourIn) -> dict[str, Any]:
    """Make a tour what is given; a wall that plays it plays on what it was given."""
    return _write_tour(_kept(Tour, _user(request), tour_id), given, _user(request))


@router.delete("/tours/{int:tour_id}", response={204: None})
def delete_tour(request: HttpRequest, tour_id: Path[int]) -> Any:
    """Delete a tour."""
    _kept(Tour, _user(request), tour_id).delete()
    return Status(204, None)


@router.get("/walls")
def walls(request: HttpRequest) -> dict[str, Any]:
    """Walls that one may drive, those that left within a day included: ``{"walls": […]}``."""
    driver = Driver.of(_user(request))
    found = [wall for wall in remembered() if driver.drives(wall.user_id, scope_of(wall.user))]
    return {"walls": [{**told_of(record_of(wall)), "present": present(wall)} for wall in found]}


@router.post("/walls/{int:wall_id}/orders", response={202: dict[str, Any]})
def order(request: HttpRequest, wall_id: Path[int], said: Told) -> Any:
    """Tell a wall to do something: ``{"number"}``, which the wall names when it is done. 409: it cannot."""
    try:
        wall = tell(_driven(request, wall_id), said.order, _user(request))
    except (Scene.DoesNotExist, Tour.DoesNotExist):
        raise HttpError(404, gettext("没有这个场景或巡演。")) from None
    except WallError as error:
        return JsonResponse({"detail": str(error)}, status=409)
    return Status(202, {"number": wall.number})


@router.post("/walls/{int:wall_id}/scene", response={201: dict[str, Any]})
def keep_picture(request: HttpRequest, wall_id: Path[int], given: SceneName) -> Any:
    """Save what is on the wall now as a scene of one's own."""
    wall = _driven(request, wall_id)
    if not wall.state:
        return JsonResponse({"detail": gettext("大屏还没有报告画面。")}, status=409)
    state = State.model_validate(wall.state)
    whole = SceneIn(
        name=given.name,
        district=state.district,
        layers=state.layers,
        folded=state.folded,
        asset=state.asset,
        **state.view.dict(),
    )
    return Status(201, _scene(_new_scene(_user(request), whole), _user(request)))


def _driven(request: HttpRequest, wall_id: int) -> Wall:
    """The wall, if one may drive it; others are not found."""
    wall = get_object_or_404(Wall.objects.select_related("user"), pk=wall_id)
    if not Driver.of(_user(request)).drives(wall.user_id, scope_of(wall.user)):
        raise HttpError(404, "Not Found")
    return wall


def _kept(model: type[PlacedModel], user: User, key: int) -> PlacedModel:
    thing = get_object_or_404(seen(model, user), pk=key)
    if not keeps(thing, user):
        raise HttpError(403, gettext("您可以使用它，但不能修改或删除。"))
    return thing


def _new_scene(user: User, given: SceneIn) -> Scene:
    region, organization = place_for(user)
    scene = Scene(created_by=user, region=region, organization=organization)
    _fill(scene, given, user)
    scene.save()
    return scene


def _fill(scene: Scene, given: SceneIn, user: User) -> None:
    values = given.dict()
    asset = values.pop("asset")
    for name, value in values.items():
        setattr(scene, name, value)
    scene.name = scene.name.strip()
    # What its maker does not see is not in it.
    scene.asset = None if asset is None else Asset.objects.within(scope_of(user)).filter(pk=asset).first()


def _write_tour(tour: Tour, given: TourIn, user: User) -> dict[str, Any]:
    wanted = {step.scene for step in given.steps}
    if missing := wanted - set(seen(Scene, user).filter(pk__in=wanted).values_list("pk", flat=True)):
        raise HttpError(404, gettext("没有编号为 %d 的场景。") % min(missing))
    with transaction.atomic():
        tour.name, tour.loop, tour.position = given.name.strip(), given.loop, given.position
        tour.save()
        tour.steps.all().delete()
        steps = [
            TourStep(tour=tour, scene_id=step.scene, dwell_s=step.dwell_s, position=place)
            for place, step in enumerate(given.steps)
        ]
        TourStep.objects.bulk_create(steps)
    return _tour(Tour.objects.prefetch_related("steps__scene").get(pk=tour.pk), user)


def _scene(scene: Scene, user: User) -> dict[str, Any]:
    return {
        **_named(scene, user),
        **{key: getattr(scene, key) for key in ("lon", "lat", "zoom", "pitch", "bearing", "district")},
        "layers": scene.layers,
        "folded": scene.folded,
        "asset": scene.asset_id,
    }


def _tour(tour: Tour, user: User) -> dict[str, Any]:
    steps = [{"scene": step.scene_id, "name": step.scene.name, "dwell_s": step.dwell_s} for step in tour.steps.all()]
    return {**_named(tour, user), "loop": tour.loop, "steps": steps}


def _named(thing: Placed, user: User) -> dict[str, Any]:
    return {"id": thing.pk, "name": thing.name, "position": thing.position, "kept": keeps(thing, user)}
