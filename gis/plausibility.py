"""Nothing is shifted silently: do coordinates land where they should, and if not, what would make them?

A shift of web maps is some hundred metres: inside a city it shows at the edge only. Where several datums put the same
number of points inside, all of them are named, because the place alone cannot tell them apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from django.utils.translation import gettext as _
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gis.crs import find_datum
from gis.datums import Datum, Floats, calibrated_names, city_grids, gauss_krueger_near
from gis.exceptions import UnknownDatumError

SAMPLE = 5_000
"""Points looked at; of more, this many spread evenly over the file."""
USUAL = ("wgs84", "cgcs2000", "gcj02", "bd09", "bd09mc", "epsg:3857")
# CGCS2000 and WGS 84 in degrees are the same numbers here: one of them is enough to name.
SAME = {"cgcs2000": "wgs84"}


@dataclass(frozen=True)
class Trial:
    """What a datum would make of the coordinates.

    Attributes
    ----------
    datum : str
        Name; give it to :func:`gis.formats.read_features`.
    swapped : bool
        With the axes exchanged.
    inside : int
        Points, of those looked at, that would lie inside the region.
    """

    datum: str
    swapped: bool
    inside: int

    @property
    def text(self) -> str:
        """The datum, and whether the axes are exchanged, for a sentence."""
        return _("%(datum)s（两轴交换）") % {"datum": self.datum} if self.swapped else self.datum


@dataclass(frozen=True)
class Verdict:
    """Whether coordinates land in the region that was declared.

    Attributes
    ----------
    looked_at, inside : int
        Points looked at, and those inside under the declared datum.
    outside : array of int64
        Indices of the points outside, among those looked at.
    trials : tuple of Trial
        Every datum tried, the declared one first, then those that put most inside.
    better : tuple of Trial
        Those that put the most points inside, if that is more than the declared one; several if they are equal.
    text : str
        What to tell the user.
    """

    looked_at: int
    inside: int
    outside: NDArray[np.int64]
    trials: tuple[Trial, ...]
    better: tuple[Trial, ...]
    text: str

    @property
    def suspicious(self) -> bool:
        """Whether the user has to look: something lies outside."""
        return self.inside < self.looked_at


def check_place(
    x: Floats, y: Floats, datum: str, region: BaseGeometry, region_name: str, *, swapped: bool = False
) -> Verdict:
    """Look where points land.

    Parameters
    ----------
    x, y : array of float64, shape (n,)
        As they stand in the file.
    datum : str
        Declared.
    region : shapely polygon or multipolygon
        EPSG:4326; where they should be.
    region_name : str
        What it is called.
    swapped : bool
        The declared reading exchanges the axes.

    Raises
    ------
    UnknownDatumError
        No datum of that name.
    """
    chosen = np.unique(np.linspace(0, max(len(x) - 1, 0), min(len(x), SAMPLE)).astype(np.int64))[: len(x)]
    x, y = np.asarray(x, dtype=np.float64)[chosen], np.asarray(y, dtype=np.float64)[chosen]
    shapely.prepare(region)
    declared = find_datum(datum)
    within = _within(x, y, declared, region, swapped)
    first = Trial(declared.name, swapped, int(within.sum()))
    others = [
        Trial(candidate.name, flip, int(_within(x, y, candidate, region, flip).sum()))
        for candidate in _candidates(region)
        for flip in (False, True)
        if (SAME.get(candidate.name, candidate.name), flip) != (SAME.get(declared.name, declared.name), swapped)
    ]
    others.sort(key=lambda trial: -trial.inside)
    most = others[0].inside if others else 0
    better = tuple(trial for trial in others if trial.inside == most and most > first.inside)
    equal = [trial for trial in others if trial.inside == first.inside]
    outside = chosen[~within]
    return Verdict(
        len(x),
        first.inside,
        outside,
        (first, *others),
        better,
        _text(len(x), first, outside, better, equal, region_name),
    )


def check_shapes(shapes: NDArray[np.object_], datum: str, region: BaseGeometry, region_name: str, **more) -> Verdict:
    """As :func:`check_place`, with the middle of each shape (in the coordinates of ``datum``)."""
    middle = shapely.centroid(shapes)
    return check_place(shapely.get_x(middle), shapely.get_y(middle), datum, region, region_name, **more)


def _candidates(region: BaseGeometry) -> list[Datum]:
    """Datums that could belong here: the usual ones, the city's, calibrations, and zones whose meridian is near."""
    west, _south, east, _north = region.bounds
    names = [*USUAL, *city_grids(), *calibrated_names(), *gauss_krueger_near((west + east) / 2)]
    found: dict[str, Datum] = {}
    for name in names:
        if name not in SAME:
            try:
                found[name] = find_datum(name)
            except UnknownDatumError:
                continue
    return list(found.values())


def _within(x: Floats, y: Floats, datum: Datum, region: BaseGeometry, swapped: bool) -> NDArray[np.bool_]:
    if swapped:
        x, y = y, x
    fits = datum.contains(x, y)
    inside = np.zeros(len(x), dtype=bool)
    if fits.any():
        lon, lat = datum.inverse(x[fits], y[fits])
        inside[fits] = shapely.intersects_xy(region, lon, lat)
    return inside


def _text(
    total: int, declared: Trial, outside: NDArray[np.int64], better: tuple[Trial, ...], equal: list[Trial], name: str
) -> str:
    values = {
        "total": total,
        "inside": declared.inside,
        "outside": len(outside),
        "region": name,
        "datum": declared.text,
        "names": "、".join(trial.text for trial in (better or equal)[:6]),
        "most": better[0].inside if better else 0,
    }
    if not total:
        return _("没有可以核对位置的图形。")
    if not len(outside):
        text = _("按 %(datum)s 读取，核对的 %(total)d 处全部落在%(region)s范围内。")
        if equal:
            text += _("按 %(names)s 也是如此：范围不能区分它们，请以提供单位的说明为准。")
        return text % values
    text = _("按 %(datum)s 读取，核对的 %(total)d 处有 %(outside)d 处落在%(region)s范围以外。")
    if len(better) == 1:
        text += _("改按 %(names)s 读取，有 %(most)d 处落在范围内，请核对后改选。")
    elif better:
        text += _("改按以下任何一种读取，都有 %(most)d 处落在范围内：%(names)s。请向提供单位问清后改选。")
    elif declared.inside:
        text += _("没有别的坐标系能让更多的点落在范围内；若这些图形确在区外，可以继续。")
    else:
        text += _("已知的坐标系都不能使它落在范围内：请检查坐标，城市独立坐标系请先做坐标标定。")
    return text % values
