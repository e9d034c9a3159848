"""What the rules of the park need to know from its registers; read in the process that judges, never while judging."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import shapely

from access.models import Organization
from command.rules import Attribute
from layers.chempark.ground import Ground
from layers.chempark.models import TagHolder, Zone

TOPIC = "chempark"


def _column(name: str) -> Attribute:
    """A column of the zones' register; rows that leave it empty are left out."""

    def load() -> Mapping[int, Any]:
        rows = Zone.objects.exclude(**{name: ""} if name == "post" else {name: None})
        return dict(rows.values_list("pk", name))

    return Attribute(f"chempark.{name}", "area", load, (TOPIC,))


def _grounds() -> Mapping[int, Ground]:
    rows = Zone.objects.filter(area__active=True).values_list("pk", "area__boundary")
    return {zone: Ground.of(shapely.from_wkb(bytes(boundary.wkb))) for zone, boundary in rows}


def _own_zones() -> Mapping[int, tuple[int, ...]]:
    rows = TagHolder.zones.through.objects.filter(zone__area__active=True).values_list("tagholder_id", "zone_id")
    found: dict[int, list[int]] = {}
    for holder, zone in rows.iterator():
        found.setdefault(holder, []).append(zone)
    return {holder: tuple(sorted(zones)) for holder, zones in found.items()}


def _sites() -> Mapping[int, Ground]:
    """Tag holder to the site of the plant where they work; all of one plant share one value."""
    sites = {
        plant: Ground.of(shapely.from_wkb(bytes(site.wkb)))
        for plant, site in Organization.objects.filter(
            pk__in=TagHolder.objects.values("plant"), site__isnull=False
        ).values_list("pk", "site")
        if site is not None
    }
    rows = TagHolder.objects.filter(plant__in=list(sites)).values_list("pk", "plant_id")
    return {holder: sites[plant] for holder, plant in rows.iterator()}


def _posts() -> Mapping[int, str]:
    return dict(TagHolder.objects.exclude(post="").values_list("pk", "post"))


MOST_PEOPLE = _column("most_people")
LEAST_PEOPLE = _column("least_people")
GATHERING_PEOPLE = _column("gathering_people")
STAY_LIMIT_MIN = _column("stay_limit_min")
STILL_LIMIT_S = _column("still_limit_s")
POST = _column("post")
POST_PEOPLE = _column("post_people")
GROUND = Attribute("chempark.ground", "area", _grounds, (TOPIC, "areas"))
OWN_ZONES = Attribute("chempark.own_zones", "asset", _own_zones, (TOPIC, "areas"))
SITE = Attribute("chempark.site", "asset", _sites, (TOPIC, "organizations"))
HOLDER_POST = Attribute("chempark.holder_post", "asset", _posts, (TOPIC,))
