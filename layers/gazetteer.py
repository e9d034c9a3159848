"""Places by name (地名): regions, organizations, what was imported onto the basemap; coordinates in any datum."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from django.contrib.gis.db.models.functions import PointOnSurface
from django.contrib.gis.geos import Point
from django.db import models
from django.db.models import QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from access.models import Organization
from access.scope import Scope
from gis.crs import find_datum, to_wgs84
from gis.exceptions import GisError
from gis.models import BaseFeature, Region
from layers.findings import Finding
from layers.search import Table, TableIndex

_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_PAIR = re.compile(rf"^(?:(?P<datum>\S*[^\d\s,，.+-]\S*)[\s:：]+)?(?P<x>{_NUMBER})\s*[,，;；\s]\s*(?P<y>{_NUMBER})$")
_SEXAGESIMAL = re.compile(
    rf"(?P<d>\d+)\s*[°度]\s*(?:(?P<m>{_NUMBER})\s*[′'’分]\s*)?(?:(?P<s>{_NUMBER})\s*[″\"”秒]\s*)?(?P<side>[NSEW东西南北])?",
    re.IGNORECASE,
)
_USUAL = ("wgs84", "gcj02", "bd09")
_NAMES = {"wgs84": "WGS 84", "gcj02": "GCJ-02", "bd09": "BD-09"}


@dataclass(frozen=True)
class OpenTable(Table):
    """A table that keeps no secrets: whoever may see anything sees all of it, as on the map."""

    def within(self, scope: Scope) -> QuerySet:
        """All its rows; none for somebody who may see nothing."""
        return self.rows().none() if scope.empty else self.rows()


class NamedFeatures(OpenTable):
    """Features of the basemap that have a name."""

    def rows(self) -> QuerySet:
        """Those with a name."""
        return BaseFeature.objects.exclude(name="")


TABLES: tuple[Table, ...] = (
    OpenTable("region", Region, ("name", "name_en", "code"), ("regions",)),
    Table("organization", Organization, ("name", "uscc"), ("organizations", "regions")),
    NamedFeatures("place", BaseFeature, ("name",), ("basemap",)),
)


@cache
def gazetteer() -> list[TableIndex]:
    """This process's indexes of places."""
    return [TableIndex(table) for table in TABLES]


def places(table: Table, keys: list[int]) -> list[Finding]:
    """What a search shows of the rows with these keys, in their order; who may see them has been asked already."""
    found = _READERS[table.key](keys) if keys else {}
    return [found[key] for key in keys if key in found]


def _regions(keys: list[int]) -> dict[int, Finding]:
    found = {}
    for row in Region.objects.filter(pk__in=keys).annotate(spot=PointOnSurface("boundary")).defer("boundary"):
        name = (row.name_en or row.name) if get_language() == "en" else row.name
        found[row.pk] = _finding("region", row, name, f"{row.level_name} · {row.code}", row.spot)
    return found


def _organizations(keys: list[int]) -> dict[int, Finding]:
    rows = Organization.objects.filter(pk__in=keys).select_related("region").annotate(spot=PointOnSurface("site"))
    return {
        row.pk: _finding("organization", row, row.name, f"{row.get_kind_display()} · {row.region.name}", row.spot)
        for row in rows.defer("site", "region__boundary", "region__boundary_source")
    }


def _features(keys: list[int]) -> dict[int, Finding]:
    rows = BaseFeature.objects.filter(pk__in=keys).annotate(spot=PointOnSurface("geometry")).defer("geometry")
    return {row.pk: _finding("place", row, row.name, row.get_kind_display(), row.spot) for row in rows}


def _finding(kind: str, row: models.Model, title: str, subtitle: str, spot: Point | None) -> Finding:
    lon, lat = (spot.x, spot.y) if spot else (None, None)
    return Finding(kind, row.pk, None, kind, title, subtitle, lon, lat)


_READERS = {"region": _regions, "organization": _organizations, "place": _features}


def coordinates(query: str) -> list[Finding]:
    """The places that a pair of coordinates can mean; none for a text that is no such pair.

    ``121.47, 31.23`` (either order where only one is possible), ``121°28′12″E 31°13′48″N``, and with the name of a
    datum before it in any: ``gcj02 121.47 31.23``, ``cgcs2000-gk3-cm120 545000 3456000``. Without one, degrees are
    taken as WGS 84, GCJ-02 and BD-09 in turn, each said beside.
    """
    text = query.strip()
    degrees = _sexagesimal(text)
    if degrees is not None:
        return _meant(_USUAL, *degrees)
    pair = _PAIR.match(text)
    if pair is None:
        return []
    x, y = float(pair["x"]), float(pair["y"])
    if pair["datum"]:
        return _meant((pair["datum"],), x, y)
    return _meant(_USUAL, x, y)


def _sexagesimal(text: str) -> tuple[float, float] | None:
    parts = list(_SEXAGESIMAL.finditer(text))
    rest = _SEXAGESIMAL.sub("", text).strip(" ,，;；")
    if len(parts) != 2 or rest:
        return None
    degrees = []
    for part in parts:
        value = float(part["d"]) + float(part["m"] or 0) / 60 + float(part["s"] or 0) / 3600
        side = (part["side"] or "").upper()
        degrees.append((-value if side in ("S", "W", "南", "西") else value, side in ("N", "S", "南", "北")))
    (first, first_is_lat), (second, _second_is_lat) = degrees
    return (second, first) if first_is_lat else (first, second)


def _meant(datums: tuple[str, ...], x: float, y: float) -> list[Finding]:
    found: list[Finding] = []
    for name in datums:
        try:
            datum = find_datum(name)
            if datum.geographic and abs(y) > 90 >= abs(x):
                x, y = y, x
            lon, lat = to_wgs84(x, y, name)
        except GisError:
            continue
        said = _NAMES.get(datum.name, datum.name)
        digits = 6 if datum.geographic else 2
        subtitle = _("按 %(datum)s 坐标") % {"datum": said}
        found.append(
            Finding("coordinates", len(found), None, "place", f"{x:.{digits}f}, {y:.{digits}f}", subtitle, lon, lat)
        )
    return found
