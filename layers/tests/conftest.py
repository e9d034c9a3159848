"""A city of two districts with a few drones and fences, and a module that shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.test import Client
from django.utils import timezone

from access.identifiers import make_uscc
from access.models import Grant, Organization, User
from gis.models import Region
from gis.tiles import TileLayer
from layers import gazetteer, search
from layers.contract import (
    Areas,
    CardField,
    ColourBy,
    DistrictColourStyle,
    HeatStyle,
    IconStyle,
    LayerModule,
    LegendEntry,
    LiveAssets,
    MapLayer,
    PointStyle,
    PolygonStyle,
    Rows,
    TileSource,
    Token,
    VolumeStyle,
)
from layers.registry import ModuleRegistry, registry
from twin.models import Area, Asset, State

WEST, EAST = (121.0, 31.0, 121.5, 31.5), (121.5, 31.0, 122.0, 31.5)


def box(bounds):
    return MultiPolygon(Polygon.from_bbox(bounds), srid=4326)


@dataclass
class Town:
    """Rows by name: ``west`` and ``east``."""

    regions: dict[str, Region]
    firms: dict[str, Organization]
    drones: dict[str, Asset]
    fences: dict[str, Area]

    def client(self, role, **place):
        """A browser of somebody who was just given this role there."""
        user = User.objects.create_user(f"{role}-{User.objects.count()}", display_name="王工")
        if role is not None:
            Grant.objects.create(user=user, role=role, **place)
        client = Client()
        client.force_login(user)
        return client


@pytest.fixture
def town(db):
    city = Region.objects.create(code="310000", name="上海市", level="city", boundary=box((121.0, 31.0, 122.0, 31.5)))
    regions, firms, drones, fences = {}, {}, {}, {}
    for i, (name, bounds) in enumerate({"west": WEST, "east": EAST}.items()):
        regions[name] = Region.objects.create(
            code=f"31010{i}", name=("西区", "东区")[i], name_en=name.title(), level="district", parent=city,
            boundary=box(bounds),
        )  # fmt: skip
        firms[name] = Organization.objects.create(
            name=("西郊船厂", "东海石化")[i], uscc=make_uscc(Random(i)), kind="enterprise", region=regions[name]
        )
        lon = bounds[0] + 0.25
        fences[name] = Area.objects.create(
            name=("西侧围栏", "东侧禁飞区")[i], kind=("fence", "key_area")[i], z_max_m=(40, None)[i],
            boundary=box((lon - 0.1, 31.1, lon + 0.1, 31.3)), owner=firms[name], region=regions[name],
        )  # fmt: skip
        drones[name] = Asset.objects.create(
            kind="drone", code=f"UAV-00{i}", name=("巡检无人机", "测绘无人机")[i], owner=firms[name]
        )
        State.objects.create(
            asset=drones[name], ts=timezone.now() - timedelta(hours=i), received_at=timezone.now(), lon=lon, lat=31.2,
            status=1, region=regions[name], heading_deg=90.0,
        )  # fmt: skip
    return Town(regions, firms, drones, fences)


DRONES = LiveAssets("drone")
FENCES = Rows(
    Area,
    geometry="boundary",
    properties=("name", "kind", "z_max_m", "owner__name"),
    topics=("areas", "organizations"),
    where=(("active", True),),
)
DISTRICTS = TileLayer(
    name="kites.districts", title="区", source="geo_region AS r", geometry="r.boundary", topics=("regions",),
    properties=(("name", "r.name"),), feature_id="r.id", where="r.level = 'district'", open_to_all=True,
)  # fmt: skip


def layer(name, source, style, **fields):
    return MapLayer(id=f"kites.{name}", title=f"图层{name}", group="飞行", source=source, style=style, **fields)


LAYERS = (
    layer("drones", DRONES, IconStyle(), card=(CardField("state.alt_m", "高度", "m"),), search=("owner__name",)),
    layer("points", DRONES, PointStyle()),
    layer("heat", DRONES, HeatStyle(), visible=False),
    layer("shares", DRONES, DistrictColourStyle(), visible=False),
    layer("areas", Areas(("fence",)), VolumeStyle(colour=Token.ORANGE)),
    layer(
        "rows",
        FENCES,
        PolygonStyle(colour=ColourBy("kind", (("fence", Token.ACCENT), ("key_area", Token.RED)))),
        legend=(LegendEntry("围栏", Token.ACCENT, "fence"), LegendEntry("重点区域", Token.RED, "key_area")),
        search=("owner__name",),
    ),
    layer("districts", TileSource(DISTRICTS, "polygon"), PolygonStyle(fill_opacity=0)),
)


@pytest.fixture
def kites(monkeypatch):
    """The one module there is."""
    only = ModuleRegistry()
    only.register("kites", LayerModule(key="kites", title="风筝", map_layers=LAYERS))
    only.freeze()
    for name, value in vars(only).items():
        monkeypatch.setattr(registry, name, value)
    search.indexes.cache_clear()
    gazetteer.gazetteer.cache_clear()
    yield only
    search.indexes.cache_clear()
    gazetteer.gazetteer.cache_clear()
