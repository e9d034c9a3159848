"""What can be asked, and the shape on the map that it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import shapely
from django.utils.translation import gettext as _
from ninja import Schema
from pydantic import Field
from shapely.geometry.base import BaseGeometry

from access.scope import Scope
from gis.models import Region
from gis.plane import from_plane, to_plane
from layers.exceptions import QuestionError
from layers.queries import feature_shape
from layers.registry import registry
from layers.sources import LiveAssets
from layers.tiles import tile_layer
from twin.models import Area, Asset

MOST_VERTICES = 5_000
MOST_NEAREST = 500
FARTHEST_M = 200_000.0

Lon = Annotated[float, Field(ge=-180, le=180)]
Lat = Annotated[float, Field(ge=-89, le=89)]
Metres = Annotated[float, Field(gt=0, le=FARTHEST_M)]
Line = Annotated[list[tuple[Lon, Lat]], Field(min_length=2, max_length=MOST_VERTICES)]


class Circle(Schema):
    """Within a radius of a place."""

    type: Literal["circle"]
    lon: Lon
    lat: Lat
    radius_m: Metres


class Rectangle(Schema):
    """West, south, east, north."""

    type: Literal["rectangle"]
    bbox: tuple[Lon, Lat, Lon, Lat]


class Freehand(Schema):
    """A ring as it was drawn, closed or not; where it crosses itself, everything it goes around counts."""

    type: Literal["polygon"]
    ring: Annotated[list[tuple[Lon, Lat]], Field(min_length=3, max_length=MOST_VERTICES)]


class Corridor(Schema):
    """Within half a width of a line."""

    type: Literal["corridor"]
    line: Line
    width_m: Metres


class Near(Schema):
    """Within a radius of a thing on the map: ``asset`` or ``area`` with its id, ``row`` with its layer's id, too."""

    type: Literal["near"]
    thing: Literal["asset", "area", "row"]
    id: int
    layer: str = ""
    radius_m: Metres


class InDistrict(Schema):
    """In the region with this code."""

    type: Literal["district"]
    code: Annotated[str, Field(max_length=12)]


class Nearest(Schema):
    """The ``k`` nearest of each layer, no further than ``radius_m``."""

    type: Literal["nearest"]
    lon: Lon
    lat: Lat
    k: Annotated[int, Field(ge=1, le=MOST_NEAREST)] = 10
    radius_m: Metres = FARTHEST_M


class Crossed(Schema):
    """Who passed a line from one moment to another (milliseconds since 1970 UTC); live things only."""

    type: Literal["crossed"]
    line: Line
    start: float = Field(alias="from")
    end: float = Field(alias="to")


Where = Annotated[
    Circle | Rectangle | Freehand | Corridor | Near | InDistrict | Nearest | Crossed, Field(discriminator="type")
]


@dataclass(frozen=True)
class Asked:
    """A question on the map.

    Attributes
    ----------
    shape : shapely geometry
        What is looked into, degrees; of a crossing the line.
    centre : (longitude, latitude), optional
        From where distances are told.
    nearest : int
        So many of each layer; 0: all.
    region : Region, optional
        Things that know their district are asked by it.
    """

    shape: BaseGeometry
    centre: tuple[float, float] | None = None
    nearest: int = 0
    region: Region | None = None


def understand(where: Any, scope: Scope) -> Asked:
    """The shape of a question.

    Raises
    ------
    QuestionError
        It means nothing on the map, or names a thing outside the scope.
    """
    match where:
        case Circle():
            centre = (where.lon, where.lat)
            return Asked(_around(shapely.Point(centre), where.radius_m), centre)
        case Nearest():
            centre = (where.lon, where.lat)
            return Asked(_around(shapely.Point(centre), where.radius_m), centre, where.k)
        case Rectangle():
            west, south, east, north = where.bbox
            if not (west < east and south < north):
                raise QuestionError(_("矩形应按西、南、东、北给出，西小于东，南小于北。"))
            return Asked(shapely.box(*where.bbox))
        case Freehand():
            return Asked(_freehand(where.ring))
        case Corridor():
            return Asked(_around(_line(where.line), where.width_m / 2))
        case Near():
            thing = _thing(where, scope)
            middle = thing.representative_point()
            return Asked(_around(thing, where.radius_m), (middle.x, middle.y))
        case InDistrict():
            return _district(where.code)
        case Crossed():
            return Asked(_line(where.line))
    raise QuestionError(_("看不懂这个查询。"))


def _around(shape: BaseGeometry, radius_m: float) -> BaseGeometry:
    planes, east_m = to_plane(np.array([shape], object))
    grown = shapely.buffer(planes, radius_m, quad_segs=32)
    return from_plane(np.asarray(grown, object), east_m)[0]


def _line(points: list[tuple[float, float]]) -> BaseGeometry:
    line = shapely.LineString(points)
    if line.length == 0:
        raise QuestionError(_("线的各点重合，请画出长度。"))
    return line


def _freehand(ring: list[tuple[float, float]]) -> BaseGeometry:
    # The union of the loops that a hand drew, whichever way round they run.
    loops = shapely.polygonize([shapely.unary_union(shapely.LinearRing(ring))])
    shape = shapely.unary_union(loops)
    if shape.is_empty:
        raise QuestionError(_("圈出的范围没有面积，请重新圈画。"))
    return shape


def _district(code: str) -> Asked:
    region = Region.objects.filter(code=code).first()
    if region is None:
        raise QuestionError(_("没有代码为“%(code)s”的行政区。") % {"code": code})
    return Asked(shapely.from_wkb(bytes(region.boundary.wkb)), region=region)


def _thing(where: Near, scope: Scope) -> BaseGeometry:
    shape: BaseGeometry | None = None
    if where.thing == "asset":
        asset = Asset.objects.within(scope).filter(pk=where.id, state__isnull=False).select_related("state").first()
        shape = shapely.Point(asset.state.lon, asset.state.lat) if asset else None
    elif where.thing == "area":
        area = Area.objects.within(scope).filter(pk=where.id).first()
        shape = shapely.from_wkb(bytes(area.boundary.wkb)) if area else None
    else:
        layer = next((each for each in registry.map_layers() if each.id == where.layer), None)
        tiled = tile_layer(layer) if layer and not isinstance(layer.source, LiveAssets) else None
        shape = feature_shape(tiled, where.id, scope) if tiled else None
    if shape is None:
        raise QuestionError(_("没有这个对象，或不在您的数据范围内，或还没有位置。"))
    return shape
