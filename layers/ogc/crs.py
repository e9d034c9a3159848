"""Coordinate reference systems by their addresses (OGC 18-058r1), axes in the order each authority prescribes.

Besides EPSG's there are those that only we know: the city's own grids and the shifted degrees of web maps
(:mod:`gis.crs`), each under an address of this interface that says what it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from django.utils.translation import gettext as _
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.enums import TransformDirection

from gis.crs import city_grids, find_datum
from layers.ogc.exceptions import BadParameterError, NotFoundError

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/{}"
WEB_MERCATOR = EPSG.format(3857)
EPSG_CODES = (4326, 3857, 4490, 4549, 4528)
"""WGS 84, Web Mercator, CGCS2000, and its Gauss-Krüger planes of Shanghai: by meridian 120° E, by zone 40."""
SHIFTED = ("gcj02", "bd09")
_PIECES = 20
"""A box's side becomes so many pieces before it is bent into another system."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Crs:
    """One system: its address, and how it is reached."""

    uri: str
    code: int | None = None
    datum: str = ""

    def from_crs84(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Coordinates in this system, in its own order of axes, of longitudes and latitudes."""
        if self.datum:
            return find_datum(self.datum).forward(x, y)
        return (x, y) if self.code is None else _transformer(self.code).transform(x, y)

    def to_crs84(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Longitudes and latitudes of coordinates in this system, given in its own order of axes."""
        if self.datum:
            return find_datum(self.datum).inverse(x, y)
        if self.code is None:
            return x, y
        return _transformer(self.code).transform(x, y, direction=TransformDirection.INVERSE)


@lru_cache(maxsize=16)
def _transformer(code: int) -> Transformer:
    """For both ways: between two datums, PROJ looks for a way for a quarter of a second."""
    return Transformer.from_crs(CRS.from_user_input("OGC:CRS84"), CRS.from_epsg(code))


def known(root: str) -> dict[str, Crs]:
    """Every system on offer by its address; ``root``: address of this interface, without a slash at its end."""
    found = {CRS84: Crs(CRS84)}
    for code in EPSG_CODES:
        found[EPSG.format(code)] = Crs(EPSG.format(code), code)
    for name in (*SHIFTED, *city_grids()):
        found[f"{root}/crs/{name}"] = Crs(f"{root}/crs/{name}", datum=name)
    return found


def find(uri: str, root: str, parameter: str) -> Crs:
    """The system of that address; a short ``EPSG:4490`` will do, and brackets around it are taken off.

    Raises
    ------
    BadParameterError
        It is not on offer.
    """
    text = uri.strip().removeprefix("[").removesuffix("]")
    if text.upper().startswith("EPSG:"):
        text = EPSG.format(text[5:])
    try:
        return known(root)[text]
    except KeyError:
        offered = "、".join(known(root))
        raise BadParameterError(
            _("参数 %(name)s：不支持坐标系“%(crs)s”，可用：%(offered)s")
            % {"name": parameter, "crs": uri[:200], "offered": offered}
        ) from None


def described(name: str) -> dict[str, Any]:
    """What a system is that only we know.

    Raises
    ------
    NotFoundError
        None of that name.
    """
    if name not in (*SHIFTED, *city_grids()):
        raise NotFoundError(_("没有名为“%(name)s”的坐标系") % {"name": name[:80]})
    texts = {"gcj02": _("GCJ-02：中国网络地图的偏移经纬度（度）"), "bd09": _("BD-09：百度地图的偏移经纬度（度）")}
    definition = city_grids().get(name, "")
    axes = ["lon", "lat"] if find_datum(name).geographic else ["easting", "northing"]
    return {"id": name, "title": texts.get(name, name), "proj": definition, "axes": axes}


def reproject(shapes: NDArray[Any], crs: Crs, *, back: bool = False) -> NDArray[Any]:
    """Shapes in ``crs`` of shapes in CRS84; ``back``: the other way.

    Raises
    ------
    BadParameterError
        A coordinate has no place there.
    """
    if crs.uri == CRS84:
        return shapes
    convert = crs.to_crs84 if back else crs.from_crs84

    def columns(points: Floats) -> Floats:
        x, y = convert(points[:, 0], points[:, 1])
        good = bool(np.isfinite(x).all() and np.isfinite(y).all())
        if good and back:
            # PROJ wraps what lies beyond the world: it comes back as another place.
            again = np.column_stack(crs.from_crs84(x, y))
            good = bool((np.abs(x) <= 180).all() and (np.abs(y) <= 90).all())
            good = good and bool(np.allclose(again, points, rtol=1e-6, atol=1 if np.abs(points).max() > 360 else 1e-6))
        if not good:
            raise BadParameterError(_("有坐标超出坐标系 %(crs)s 的范围") % {"crs": crs.uri})
        return np.column_stack([x, y])

    return shapely.transform(shapes, columns)


def box(values: list[float], crs: Crs) -> shapely.Geometry:
    """The ground that a ``bbox`` of four or six numbers covers, in CRS84; heights are passed over.

    Raises
    ------
    BadParameterError
        No box, or one that lies nowhere.
    """
    if len(values) not in (4, 6) or not all(math.isfinite(value) for value in values):
        raise BadParameterError(_("参数 bbox 应为 4 或 6 个数：西,南,东,北（含高程时为 6 个）"))
    half = len(values) // 2
    (x1, y1), (x2, y2) = values[:2], values[half : half + 2]
    if crs.uri == CRS84:
        if not (-180 <= x1 <= 180 and -180 <= x2 <= 180 and -90 <= y1 <= y2 <= 90):
            raise BadParameterError(_("参数 bbox 超出经纬度范围，或南北颠倒；顺序为 西,南,东,北"))
        if x1 > x2:  # across the date line
            return shapely.union(shapely.box(x1, y1, 180, y2), shapely.box(-180, y1, x2, y2))
        return shapely.box(x1, y1, x2, y2)
    if x1 > x2 or y1 > y2:
        raise BadParameterError(_("参数 bbox 的下限大于上限；坐标轴顺序按坐标系 %(crs)s 的规定") % {"crs": crs.uri})
    outline = shapely.segmentize(shapely.box(x1, y1, x2, y2), max(x2 - x1, y2 - y1, 1e-9) / _PIECES)
    return reproject(np.array([outline]), crs, back=True)[0]
