"""The datums (坐标系) that have a name, and what each is.

Names are listed in :mod:`gis.crs`, which converts with them.
"""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.conf import settings
from django.utils.translation import gettext as _
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.enums import TransformDirection
from pyproj.exceptions import CRSError
from pyproj.transformer import TransformerGroup

from gis import china_datums
from gis.calibration.store import calibrated_datum, calibrated_names
from gis.exceptions import UnknownDatumError

Floats = NDArray[np.float64]
Pair = tuple[Floats, Floats]
Conversion = Callable[[Floats, Floats], Pair]

DEGREES = ((-180.0, 180.0), (-90.0, 90.0))
WEB_MERCATOR_M = 20037508.342789244
# The pole lies at 10,002 km of northing; eastings stay within 500 km of the central meridian, over five degrees.
NORTHING_M = (0.0, 10_003_000.0)


@dataclass(frozen=True)
class Datum:
    """A datum with its two conversions.

    Attributes
    ----------
    name : str
        Canonical name.
    geographic : bool
        True: coordinates are degrees. False: metres.
    x_range, y_range : tuple of float
        What its coordinates can be, edges included.
    forward, inverse : callable
        From and to EPSG:4326, on float64 arrays of shape (n,), without any check.
    """

    name: str
    geographic: bool
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    forward: Conversion
    inverse: Conversion

    def contains(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Whether each coordinate pair is finite and within the ranges."""
        return (x >= self.x_range[0]) & (x <= self.x_range[1]) & (y >= self.y_range[0]) & (y <= self.y_range[1])


def _same(x: Floats, y: Floats) -> Pair:
    return x.copy(), y.copy()


_BUILT_IN = {
    datum.name: datum
    for datum in (
        Datum("wgs84", True, *DEGREES, _same, _same),
        Datum("cgcs2000", True, *DEGREES, _same, _same),
        Datum("gcj02", True, *DEGREES, china_datums.wgs84_to_gcj02, china_datums.gcj02_to_wgs84),
        Datum("bd09", True, *DEGREES, china_datums.wgs84_to_bd09, china_datums.bd09_to_wgs84),
        Datum(
            "bd09mc",
            False,
            (-WEB_MERCATOR_M * 1.01, WEB_MERCATOR_M * 1.01),
            (-12.6e6, 12.6e6),
            china_datums.wgs84_to_bd09mc,
            china_datums.bd09mc_to_wgs84,
        ),
    )
}
WGS84 = _BUILT_IN["wgs84"]


def _gauss_krueger_names() -> dict[str, tuple[int, float]]:
    """EPSG code and false easting in metres by name: the codes run in blocks of zones and of central meridians."""
    names = {}
    for width, first_zone, last_zone, zoned_code, plain_code in ((6, 13, 23, 4491, 4502), (3, 25, 45, 4513, 4534)):
        for step, zone in enumerate(range(first_zone, last_zone + 1)):
            meridian = 75 + width * step
            names[f"cgcs2000-gk{width}-{zone}"] = (zoned_code + step, zone * 1e6 + 500_000.0)
            names[f"cgcs2000-gk{width}-cm{meridian}"] = (plain_code + step, 500_000.0)
    return names


_GAUSS_KRUEGER = _gauss_krueger_names()
RESERVED_NAMES = frozenset({*_BUILT_IN, *_GAUSS_KRUEGER, "epsg:3857"})
# Worse than this a published transformation is no transformation: Beijing 1954 and Xi'an 1980 need control points.
MOST_UNCERTAIN_M = 1.0
ANYTHING = (-np.finfo(float).max, np.finfo(float).max)
_BY_EPSG = {4326: "wgs84", 4490: "cgcs2000"} | {code: name for name, (code, _easting) in _GAUSS_KRUEGER.items()}


def _by_transformer(geographic: CRS, projected: CRS) -> tuple[Conversion, Conversion]:
    """Conversions by PROJ; what it cannot convert becomes infinite."""
    forward = Transformer.from_crs(geographic, projected, always_xy=True)
    inverse = Transformer.from_crs(projected, geographic, always_xy=True)
    return forward.transform, inverse.transform


@lru_cache(maxsize=128)
def _gauss_krueger(name: str) -> Datum:
    code, false_easting_m = _GAUSS_KRUEGER[name]
    forward, inverse = _by_transformer(CRS.from_epsg(4490), CRS.from_epsg(code))
    eastings = (false_easting_m - 500_000.0, false_easting_m + 500_000.0)
    return Datum(name, False, eastings, NORTHING_M, forward, inverse)


@lru_cache(maxsize=128)
def _from_proj(name: str, definition: str) -> Datum:
    """Datum of a PROJ string.

    Parameters that make PROJ read files or networks are refused: the string may come from a form.
    """
    if re.search(r"\+?\b(nadgrids|geoidgrids|grids|init|step|file|multipoint_file)\b", definition) or not re.search(
        r"(^|\s)\+?proj=[a-z]", definition
    ):
        raise UnknownDatumError(_("不能使用的 PROJ 定义：%(text)s") % {"text": definition})
    try:
        crs = CRS.from_proj4(definition)
        if not (crs.is_projected or crs.is_geographic):
            raise UnknownDatumError(_("PROJ 定义不是平面或经纬度坐标系：%(text)s") % {"text": definition})
        forward, inverse = _by_transformer(CRS.from_epsg(4326), crs)
    except CRSError as error:
        raise UnknownDatumError(
            _("PROJ 定义有误：%(text)s（%(error)s）") % {"text": definition, "error": error}
        ) from error
    return Datum(name, crs.is_geographic, ANYTHING, ANYTHING, forward, inverse)


@lru_cache(maxsize=128)
def _from_epsg(code: int) -> Datum:
    """Datum of any other EPSG code whose way to WGS 84 is known to a metre.

    PROJ would also take two ellipsoids for the same where it knows no transformation; that is a shift in silence.
    """
    name = f"epsg:{code}"
    try:
        crs = CRS.from_epsg(code)
    except CRSError:
        raise UnknownDatumError(_("未知的坐标系“%(name)s”：没有这个 EPSG 代码") % {"name": name}) from None
    if not (crs.is_projected or crs.is_geographic) or len(crs.axis_info) != 2:
        raise UnknownDatumError(_("未知的坐标系“%(name)s”：不是平面或经纬度坐标系") % {"name": name})
    with warnings.catch_warnings():
        # It regrets grids that it would have to fetch; the ways that are left state their accuracy.
        warnings.simplefilter("ignore")
        ways = TransformerGroup(crs, CRS.from_epsg(4326), always_xy=True, allow_ballpark=False).transformers
    # Several ways belong to several areas: a good one of another area is none here.
    if not ways or not all(0 <= way.accuracy <= MOST_UNCERTAIN_M for way in ways):
        raise UnknownDatumError(
            _("未知的坐标系“%(name)s”：%(crs)s 到 WGS 84 没有公开的精确参数，请用控制点做坐标标定")
            % {"name": name, "crs": crs.name}
        )
    way = ways[0]

    def forward(lon: Floats, lat: Floats) -> Pair:
        return way.transform(lon, lat, direction=TransformDirection.INVERSE)

    ranges = DEGREES if crs.is_geographic else (ANYTHING, ANYTHING)
    return Datum(name, crs.is_geographic, *ranges, forward, way.transform)


def city_grids() -> Mapping[str, str]:
    """The city's own grids: PROJ strings by lower-case name, from the setting ``SANDTABLE_CITY_GRIDS``."""
    return {name.strip().lower(): text for name, text in getattr(settings, "SANDTABLE_CITY_GRIDS", {}).items()}


def datum_names() -> list[str]:
    """Every datum that has a name here, the usual ones first."""
    return [*_BUILT_IN, *city_grids(), *calibrated_names(), "epsg:3857", *_GAUSS_KRUEGER]


def find_datum(name: str) -> Datum:
    """Look a datum up by name (letter case does not matter).

    Raises
    ------
    UnknownDatumError
        No such name, or a PROJ string that cannot be used.
    """
    text = name.strip()
    key = text.lower()
    if key.startswith("proj:"):
        return _from_proj(text, text[5:].strip())
    if match := re.fullmatch(r"epsg:(\d{4,6})", key):
        key = _BY_EPSG.get(int(match[1]), key)
    if key in _BUILT_IN:
        return _BUILT_IN[key]
    if key in _GAUSS_KRUEGER:
        return _gauss_krueger(key)
    if definition := city_grids().get(key):
        return _from_proj(key, definition)
    if match := re.fullmatch(r"epsg:(\d{4,6})", key):
        return _from_epsg(int(match[1]))
    if found := calibrated_datum(text):
        return found
    near = difflib.get_close_matches(key, datum_names(), n=3, cutoff=0.5)
    hint = _("，是否指 %(names)s？") % {"names": "、".join(near)} if near else ""
    raise UnknownDatumError(_("未知的坐标系“%(name)s”") % {"name": name} + hint)


def definition_of(datum: Datum) -> CRS | None:
    """What PROJ and other programs call this datum; None for those that only we know (GCJ-02, BD-09, calibrations)."""
    codes = {"wgs84": 4326, "cgcs2000": 4490} | {name: code for name, (code, _easting) in _GAUSS_KRUEGER.items()}
    if code := codes.get(datum.name):
        return CRS.from_epsg(code)
    if datum.name.startswith("epsg:"):
        return CRS.from_epsg(int(datum.name[5:]))
    definition = datum.name[5:] if datum.name.startswith("proj:") else city_grids().get(datum.name)
    return CRS.from_proj4(definition.strip()) if definition else None


def gauss_krueger_near(lon_deg: float, reach_deg: float = 4.5) -> list[str]:
    """Names of the zones whose central meridian lies within ``reach_deg`` of a longitude."""
    names = []
    for width in (3, 6):
        for step in range(21 if width == 3 else 11):
            meridian = 75 + width * step
            if abs(meridian - lon_deg) <= reach_deg:
                zone = (25 if width == 3 else 13) + step
                names += [f"cgcs2000-gk{width}-cm{meridian}", f"cgcs2000-gk{width}-{zone}"]
    return names
