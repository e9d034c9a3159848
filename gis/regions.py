"""Loads the regions of a city, and answers which region is where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from django.conf import settings
from django.contrib.gis.geos import GEOSGeometry
from django.db import transaction
from django.utils.translation import gettext as _

from gis import boundary_data
from gis.boundary_data import BoundaryRow
from gis.crs import geometry_to_wgs84
from gis.exceptions import BoundaryDataError, UnknownRegionError
from gis.fences import FenceIndex
from gis.models import Region

# Official English names of the demonstration city; the package has Chinese ones only.
ENGLISH_NAMES = {
    "310000": "Shanghai",
    "310101": "Huangpu District",
    "310104": "Xuhui District",
    "310105": "Changning District",
    "310106": "Jing'an District",
    "310107": "Putuo District",
    "310109": "Hongkou District",
    "310110": "Yangpu District",
    "310112": "Minhang District",
    "310113": "Baoshan District",
    "310114": "Jiading District",
    "310115": "Pudong New Area",
    "310116": "Jinshan District",
    "310117": "Songjiang District",
    "310118": "Qingpu District",
    "310120": "Fengxian District",
    "310151": "Chongming District",
}
ADMINISTRATIVE = (Region.Level.PROVINCE, Region.Level.CITY, Region.Level.DISTRICT)


@dataclass
class LoadReport:
    """What loading did: the region of the code itself, and how many regions were written."""

    region: Region
    created: int = 0
    updated: int = 0
    unchanged: int = 0

    def count(self, outcome: str) -> None:
        """Add one to ``created``, ``updated`` or ``unchanged``."""
        setattr(self, outcome, getattr(self, outcome) + 1)


def load_city(code: str) -> LoadReport:
    """Load the region with this code and everything below it; again and again without harm.

    A province brings its cities and their districts, a city its districts, a district or county-level city itself. The
    region hangs under its province or city if that is loaded, otherwise it is a root. Existing regions are updated in
    place by code, keeping names that somebody may have corrected, and not written at all when nothing changed.

    Parameters
    ----------
    code : str
        Six-digit code of GB/T 2260, e.g. ``310000``.

    Raises
    ------
    UnknownRegionError
        No such code; the message (in Chinese) names near ones.
    """
    top = boundary_data.find(code.strip())
    with transaction.atomic():
        above = [c for c in (top.city_code, top.province_code) if c and c != top.code]
        loaded = Region.objects.in_bulk(above, field_name="code")
        region, outcome = _store(top, next((loaded[c] for c in above if c in loaded), None))
        report = LoadReport(region)
        report.count(outcome)
        _load_below(top, region, report)
    return report


def _load_below(row: BoundaryRow, region: Region, report: LoadReport) -> None:
    for child in boundary_data.children(row):
        below, outcome = _store(child, region)
        report.count(outcome)
        _load_below(child, below, report)


def _store(row: BoundaryRow, parent: Region | None) -> tuple[Region, str]:
    """Create or update one region; what was done is a field of LoadReport."""
    delivered = boundary_data.boundary(row)
    facts = {
        "level": _level(row),
        "parent": parent,
        "boundary": _geos(usable_boundary(geometry_to_wgs84(delivered, boundary_data.DATUM)), 4326),
        "boundary_source": _geos(delivered, 0),
        "datum": boundary_data.DATUM,
        "source": boundary_data.source_name(),
    }
    region = Region.objects.filter(code=row.code).select_related("parent").first()
    if region is None:
        name_en = ENGLISH_NAMES.get(row.code, "")
        return Region.objects.create(code=row.code, name=row.name, name_en=name_en, **facts), "created"
    # A root stays where somebody hung it; what has a parent in the data goes there.
    if parent is None:
        facts["parent"] = region.parent
    if all(getattr(region, field) == value for field, value in facts.items()):
        return region, "unchanged"
    for field, value in facts.items():
        setattr(region, field, value)
    region.save()
    return region, "updated"


def _level(row: BoundaryRow) -> str:
    """Level of a row. Municipalities and special regions are governed as one city, so they are cities here."""
    if row.table == "province" and any(child.table == "city" for child in boundary_data.children(row)):
        return Region.Level.PROVINCE
    return Region.Level.DISTRICT if row.table == "district" else Region.Level.CITY


def _geos(shape: shapely.MultiPolygon, srid: int) -> GEOSGeometry:
    return GEOSGeometry(memoryview(shapely.to_wkb(shape)), srid=srid)


def usable_boundary(shape: shapely.Geometry) -> shapely.MultiPolygon:
    """A valid multipolygon of the same area.

    Raises
    ------
    BoundaryDataError
        Nothing with an area is left.
    """
    valid = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    parts = [part for part in shapely.get_parts(valid, return_index=False) if part.geom_type == "Polygon"]
    if not parts or shapely.area(parts).sum() == 0:
        raise BoundaryDataError("the boundary has no area")
    return shapely.MultiPolygon(parts)


def region_path(code: str) -> str:
    """Path of a loaded region, e.g. ``/310000/310115/``.

    Raises
    ------
    UnknownRegionError
        No region with this code is loaded.
    """
    path = Region.objects.filter(code=code).values_list("path", flat=True).first()
    if path is None:
        raise UnknownRegionError(_("行政区 %(code)s 尚未装入") % {"code": code})
    return path


def city_region() -> Region:
    """The region of this installation's city (setting ``CITY_CODE``).

    Raises
    ------
    UnknownRegionError
        It is not loaded: ``manage.py loadcity`` does that.
    """
    region = Region.objects.filter(code=settings.CITY_CODE).first()
    if region is None:
        raise UnknownRegionError(
            _("城市 %(code)s 尚未装入，请先运行 manage.py loadcity") % {"code": settings.CITY_CODE}
        )
    return region


def district_index() -> FenceIndex:
    """Index for "in which district is this": :meth:`gis.fences.FenceIndex.locate_one` answers with primary keys.

    Holds the administrative regions that no other administrative region divides further: the districts, and cities
    that have none. Subdistricts and parks do not count.
    """
    divided = Region.objects.filter(parent__isnull=False, level__in=ADMINISTRATIVE).values("parent")
    found = Region.objects.filter(level__in=ADMINISTRATIVE).exclude(pk__in=divided).order_by("pk")
    pairs = list(found.values_list("pk", "boundary"))
    shapes = shapely.from_wkb([bytes(boundary.wkb) for _pk, boundary in pairs])
    return FenceIndex.build(np.array([pk for pk, _boundary in pairs], dtype=np.int64), shapes)
