"""What the demo city consists of, worked out before anything is stored. Pure: borders and a seed in, a plan out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import shapely
from shapely import MultiPolygon, Point, Polygon

from devices.demo.places import M_PER_DEG, Ground

FIRMS = 24
PLANTS = 8
"""How many of the firms are plants with people on tags; the others build."""
MACHINES, PEOPLE, VEHICLES, DRONES = 160, 60, 16, 8
MOST_SITES = 64
KEY_AREAS = 6
CHEMICAL = "化工厂"
WHOLE, PREMISES = "危险化学品作业区", "厂区"
PARTS = ("罐区", "装置区", "装卸区", "公用工程区")
CHEMICAL_HEIGHT_M = 30.0
BEYOND_M = 60.0
VISITS = 2
"""How many key areas a machine visits to work in them."""
STORIES = {8: "straying_person", 16: "calling_person", 32: "still_person", 40: "straying_person"}
"""People of the first chemical plant to whom something happens soon; the last one leaves the site."""
SHIFTED = {"bd09": 40, "gcj02": 20}
"""Every so many machines one reports in that datum, as cheap trackers do; the first that fits counts."""


@dataclass(frozen=True)
class District:
    """A district (or a city without districts) with its border in EPSG:4326."""

    code: str
    name: str
    boundary: Polygon | MultiPolygon


@dataclass(frozen=True)
class PlannedOrganization:
    """An agency or firm; ``key`` is its name, unique in the plan."""

    name: str
    agency: bool
    district: str | None
    """District's code; None: the whole city."""
    site: Polygon | None = None


@dataclass(frozen=True)
class PlannedArea:
    """A fence, key area or zone."""

    name: str
    kind: str
    shape: Polygon | MultiPolygon
    district: str
    owner: str | None = None
    z_min_m: float | None = None
    z_max_m: float | None = None


@dataclass(frozen=True)
class PlannedThing:
    """An asset with its device and the life the simulator gives it; the profile is in WGS 84 whatever the datum.

    ``zone``: name of the area it keeps to, where that is one of the plan's.
    """

    kind: str
    code: str
    name: str
    owner: str
    datum: str
    profile: dict[str, Any]
    zone: str = ""


@dataclass
class Plan:
    """Everything of one demo city."""

    organizations: list[PlannedOrganization] = field(default_factory=list)
    areas: list[PlannedArea] = field(default_factory=list)
    things: list[PlannedThing] = field(default_factory=list)


@dataclass
class _Site:
    district: str
    owner: str
    shape: Polygon


def make_plan(city_name: str, districts: Sequence[District], seed: str) -> Plan:
    """Plan a demo city.

    Parameters
    ----------
    city_name : str
        Name of the whole.
    districts : sequence of District
        At least one; sites are spread over all of them.
    seed : str
        The same seed and borders give the same plan.

    Raises
    ------
    ValueError
        There is no district, or one without room for a site.
    """
    if not districts:
        raise ValueError("a demo city needs at least one district")
    return _Planner(city_name, sorted(districts, key=lambda d: d.code), seed).plan


class _Planner:
    def __init__(self, city_name: str, districts: list[District], seed: str) -> None:
        self.city_name = city_name
        self.districts = districts
        self.ground = {d.code: Ground(d.boundary) for d in districts}
        self.rng = Random(seed)  # noqa: S311
        self.plan = Plan()
        self.plants: list[PlannedOrganization] = []
        self.sites: list[_Site] = []
        self._agencies()
        self._firms()
        self._sites()
        self._plants()
        self._key_areas()
        self._machines()
        self._people()
        self._patrols()

    def _agencies(self) -> None:
        self.plan.organizations.append(PlannedOrganization(f"{self.city_name}指挥中心（示例）", True, None))
        for d in self.districts:
            self.plan.organizations.append(PlannedOrganization(self._agency_of(d), True, d.code))

    def _agency_of(self, district: District) -> str:
        # A city without districts is its own only one: two agencies must not have one name.
        tail = "分中心" if district.name == self.city_name else "指挥中心"
        return f"{district.name}{tail}（示例）"

    def _firms(self) -> None:
        counts: dict[str, int] = {}
        # Plants stand in the larger, outer districts, as they do.
        by_size = sorted(self.districts, key=lambda d: -self.ground[d.code].reach_m)
        for n in range(FIRMS):
            plant = n < PLANTS
            d = by_size[n % len(by_size)] if plant else self.districts[(n - PLANTS) % len(self.districts)]
            trade = CHEMICAL if n < 2 else "制造厂" if plant else "建设工程公司"
            number = counts[d.code + trade] = counts.get(d.code + trade, 0) + 1
            site = self.ground[d.code].site(self.rng, 350, 600) if plant else None
            firm = PlannedOrganization(f"示例{d.name}第{_numeral(number)}{trade}", False, d.code, site)
            self.plan.organizations.append(firm)
            if plant:
                self.plants.append(firm)

    def _sites(self) -> None:
        builders = [o for o in self.plan.organizations if not o.agency and o.site is None]
        each = max(1, min(3, MOST_SITES // len(self.districts)))
        for d in self.districts:
            own = [b for b in builders if b.district == d.code] or builders
            for n in range(each):
                owner = own[n % len(own)] if own is not builders else builders[len(self.sites) % len(builders)]
                shape = self.ground[d.code].site(self.rng)
                self.sites.append(_Site(d.code, owner.name, shape))
                self._area(f"{d.name}{_numeral(n + 1)}号工地围栏（示例）", "fence", shape, d.code, owner.name)

    def _plants(self) -> None:
        for plant in self.plants:
            site, district = _site_of(plant)
            chemical = plant.name.endswith(CHEMICAL)
            name = plant.name + (WHOLE if chemical else PREMISES)
            top = CHEMICAL_HEIGHT_M if chemical else None
            self._area(name, "zone", site, district, plant.name, top)
            if chemical:
                parts = self.ground[district].quarters(site)
                for part_name, part in zip(PARTS, parts, strict=True):
                    self._area(f"{plant.name}{part_name}", "zone", part, district, plant.name, top)

    def _key_areas(self) -> None:
        for d in self.rng.sample(self.districts, min(KEY_AREAS, len(self.districts))):
            shape = self.ground[d.code].disc(self.rng, 400, 900)
            self._area(f"{d.name}重点区域（示例）", "key_area", shape, d.code, None)

    def _machines(self) -> None:
        visits = self._visits()
        for n in range(MACHINES):
            home = self.sites[n % len(self.sites)]
            near = [s for s in self.sites if s.district == home.district and s is not home]
            rings = [_ring(home.shape), *(_ring(s.shape) for s in near[: 1 + n % 2])]
            datum = next((d for d, every in SHIFTED.items() if n % every == every - 1), "wgs84")
            profile: dict[str, Any] = {"sites": rings}
            if visit := visits.pop(home.district, None):
                profile |= {"behaviour": "visiting_machine", "visit": visit}
            self._thing("machine", f"W-{n + 1:04d}", f"{n + 1}号焊机", home.owner, profile, datum)

    def _visits(self) -> dict[str, list[tuple[float, float]]]:
        """By district, key areas that a machine of that district will visit."""
        areas = [area for area in self.plan.areas if area.kind == "key_area"][:VISITS]
        return {a.district: _ring(max(shapely.get_parts(a.shape), key=lambda part: part.area)) for a in areas}

    def _people(self) -> None:
        for n in range(PEOPLE):
            plant = self.plants[n % len(self.plants)]
            site, district = _site_of(plant)
            parts = self.ground[district].quarters(site)
            own = n // len(self.plants) % 4
            profile: dict[str, Any] = {"site": _ring(parts[own] if n % 3 else site)}
            if n in STORIES:
                there = _beyond(site) if n == max(STORIES) else parts[(own + 2) % 4].representative_point()
                profile |= {"behaviour": STORIES[n], "stray_to": (round(there.x, 7), round(there.y, 7))}
            chemical = plant.name.endswith(CHEMICAL)
            zone = plant.name + (PARTS[own] if chemical and n % 3 else WHOLE if chemical else PREMISES)
            self._thing("person", f"P-{n + 1:04d}", f"{n + 1}号作业人员", plant.name, profile, zone=zone)

    def _patrols(self) -> None:
        for n in range(VEHICLES):
            d = self.districts[n % len(self.districts)]
            route = self.ground[d.code].round_trip(self.rng, 6, min(2500, self.ground[d.code].reach_m / 3))
            self._thing("vehicle", f"V-{n + 1:03d}", f"{n + 1}号巡查车", self._agency_of(d), {"route": route})
        for n in range(DRONES):
            d = self.districts[n * 2 % len(self.districts)]
            home, *route = self.ground[d.code].round_trip(self.rng, 6, min(1200, self.ground[d.code].reach_m / 4))
            profile = {"home": home, "route": route, "height_m": 60 + 10 * (n % 6), "ground_m": 4}
            self._thing("drone", f"D-{n + 1:03d}", f"{n + 1}号无人机", self._agency_of(d), profile)

    def _thing(
        self, kind: str, code: str, name: str, owner: str, profile: dict[str, Any], datum: str = "wgs84", zone: str = ""
    ) -> None:
        self.plan.things.append(PlannedThing(kind, code, name, owner, datum, {"behaviour": kind, **profile}, zone))

    def _area(
        self,
        name: str,
        kind: str,
        shape: Polygon | MultiPolygon,
        district: str,
        owner: str | None,
        z_max_m: float | None = None,
    ) -> None:
        self.plan.areas.append(PlannedArea(name, kind, shape, district, owner, None, z_max_m))


def _numeral(number: int) -> str:
    """Chinese numeral of 1 to 99."""
    tens, ones = divmod(number, 10)
    digits = " 一二三四五六七八九"
    return ((digits[tens] if tens > 1 else "") + "十" if tens else "") + (digits[ones] if ones else "")


def _site_of(plant: PlannedOrganization) -> tuple[Polygon, str]:
    if plant.site is None or plant.district is None:
        raise ValueError(f"{plant.name} has no site")
    return plant.site, plant.district


def _beyond(site: Polygon) -> Point:
    """A point outside the site, some :data:`BEYOND_M` beyond a corner."""
    middle, corner = site.centroid, Point(site.exterior.coords[0])
    far_m = math.hypot((corner.x - middle.x) * math.cos(math.radians(middle.y)), corner.y - middle.y) * M_PER_DEG
    share = 1 + BEYOND_M / far_m
    return Point(middle.x + (corner.x - middle.x) * share, middle.y + (corner.y - middle.y) * share)


def _ring(shape: Polygon) -> list[tuple[float, float]]:
    return [(round(x, 7), round(y, 7)) for x, y in shape.exterior.coords[:-1]]
