"""Demo rows of the chemical park, for the people and zones that ``manage.py loaddemo`` made."""

from __future__ import annotations

from random import Random

from access.identifiers import make_mobile
from access.models import Organization
from devices.demo.plan import PARTS, WHOLE, make_plan
from devices.demo.store import districts_of
from gis.models import Region
from layers.chempark.models import Plant, TagHolder, Zone
from twin.kinds import PERSON
from twin.models import Area, Asset

DEMO = "示例"
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = ("丽", "志刚", "海燕", "强", "敏", "俊杰", "永梅", "德明", "晓峰", "秀英", "文涛", "金凤")
POSTS = ("中控", "外操", "检修", "装卸", "安全")
TANK_POST = "罐区值守"


def fill(city: Region, seed: str) -> None:
    """Register the demo's plants, the limits of their zones, and who carries the tags. What is there is left alone.

    ``seed`` is that of the plan (:func:`devices.demo.plan.make_plan`), which says who keeps to which zone; with another
    one everybody keeps to the whole site.

    The first chemical plant is as it should be; in the second the whole site is over its limit and nobody holds the
    tank area's post, so that the demo has something to show.
    """
    plants = Organization.objects.filter(
        name__startswith=DEMO, site__isnull=False, region__path__startswith=city.path
    ).order_by("pk")
    plan = make_plan(city.name, districts_of(city), seed)
    kept = {thing.code: thing.zone for thing in plan.things if thing.kind == PERSON.key}
    chemical = 0
    for organization in plants:
        areas = list(Area.objects.filter(owner=organization, kind=Area.Kind.ZONE).order_by("pk"))
        whole_only = len(areas) < 2
        chemical += not whole_only
        plant, _new = Plant.objects.get_or_create(
            organization=organization,
            defaults={
                "hazard": Plant.Hazard.NONE if whole_only else (Plant.Hazard.ONE, Plant.Hazard.THREE)[chemical % 2],
                "duty_telephone": make_mobile(Random(f"{seed}/{organization.name}")),  # noqa: S311
            },
        )
        zones = [_zone(plant, area, troubled=not whole_only and chemical == 2) for area in areas]
        people = Asset.objects.filter(kind=PERSON.key, owner=organization).order_by("code")
        for asset in people:
            own = next((zone for zone in zones if zone.area.name == kept.get(asset.code)), zones[0] if zones else None)
            _holder(plant, asset, own, seed)


def _zone(plant: Plant, area: Area, troubled: bool) -> Zone:
    limits: dict[str, object] = {"most_people": 60, "gathering_people": 10}
    if area.name.endswith(WHOLE):
        limits |= {"most_people": 5 if troubled else 30, "least_people": 1, "still_limit_s": 180}
    elif area.name.endswith(PARTS[0]):
        limits |= {"most_people": 10, "stay_limit_min": 240}
        limits |= {"post": TANK_POST, "post_people": 1} if troubled else {}
    zone, _new = Zone.objects.get_or_create(area=area, defaults={"plant": plant, **limits})
    return zone


def _holder(plant: Plant, asset: Asset, own: Zone | None, seed: str) -> None:
    rng = Random(f"{seed}/{asset.code}")  # noqa: S311
    holder, new = TagHolder.objects.get_or_create(
        asset=asset,
        defaults={
            "name": rng.choice(SURNAMES) + rng.choice(GIVEN),
            "telephone": make_mobile(rng),
            "plant": plant,
            "post": rng.choice(POSTS),
        },
    )
    if new and own is not None:
        holder.zones.add(own)
