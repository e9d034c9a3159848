"""The basemap (底图): a drawn city to begin with, the city's own files as they come.

Every kind (roads, water …) comes from one source at a time. The drawn ones are marked as such in the database and named
as such wherever the map says where its data come from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from django.db import connection, transaction
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from gis.cityplan import Features, draw_city
from gis.exceptions import VectorFileError
from gis.models import BaseFeature, Region
from gis.regions import ADMINISTRATIVE, city_region
from gis.vectorfile import LINES, POLYGONS, FileRows, Refusal, heights_m, read_rows

Kind = BaseFeature.Kind
# Another drawing for the same city and seed gets another number.
DRAWING = 1
GEOMETRY_TYPES = {
    Kind.ROAD: LINES,
    Kind.WATER: POLYGONS | LINES,
    Kind.GREEN: POLYGONS,
    Kind.BLOCK: POLYGONS,
    Kind.BUILDING: POLYGONS,
}
# Farthest zoom by class. The first class of a kind is that of rows whose own is unknown.
ZOOMS: dict[str, dict[str, int]] = {
    Kind.ROAD: {"local": 13, "motorway": 6, "trunk": 8, "arterial": 10, "secondary": 11},
    Kind.WATER: {"river": 8, "lake": 8, "canal": 10},
    Kind.GREEN: {"park": 11, "wood": 9, "belt": 8},
    Kind.BLOCK: {"residential": 12, "commercial": 12, "industrial": 12, "urban": 6},
    Kind.BUILDING: {"house": 14, "midrise": 14, "tower": 13, "landmark": 13},
}
# What others call our classes: OpenStreetMap's values and those of Chinese road standards.
CLASS_NAMES = {
    Kind.ROAD: {
        "motorway": "motorway motorway_link trunk 高速公路 快速路 高架",
        "trunk": "trunk_link primary 国道 省道 主干路 主干道",
        "arterial": "primary_link secondary 次干路 次干道 县道",
        "secondary": "secondary_link tertiary tertiary_link 支路 乡道",
    },
    Kind.WATER: {
        "lake": "lake pond reservoir basin 湖泊 水库 坑塘",
        "canal": "canal stream ditch drain 运河 河道 沟渠",
        "river": "river riverbank 河流",
    },
    Kind.GREEN: {"wood": "forest wood 林地", "belt": "greenbelt 绿带", "park": "park garden grass 公园 绿地"},
    Kind.BLOCK: {
        "commercial": "commercial retail 商业",
        "industrial": "industrial 工业",
        "residential": "residential 居住",
    },
    Kind.BUILDING: {},
}
TOWER_M, MIDRISE_M = 90.0, 24.0
# Rows farther than this from the city's bounds are taken for a wrong datum, in degrees.
MARGIN_DEG = 0.2


@dataclass
class BasemapReport:
    """What was written: counts by kind, kinds left as they were, rows refused."""

    written: dict[str, int] = field(default_factory=dict)
    unchanged: bool = False
    refused: list[Refusal] = field(default_factory=list)


def generate(kinds: Sequence[str] = (), *, seed: int | None = None) -> BasemapReport:
    """Draw the city and store the drawing; again and again without harm.

    Parameters
    ----------
    kinds : sequence of str
        Kinds to draw, replacing what is there, imported or not. When left out all are drawn, unless the same
        drawing is there already or a file has been imported: the city's own data are not mixed with a drawing unasked.
    seed : int, optional
        Decides the drawing; the city's code when left out.

    Raises
    ------
    UnknownRegionError
        The city is not loaded.
    """
    city = city_region()
    districts = _districts(city)
    seed = int(hashlib.sha256(city.code.encode()).hexdigest()[:8], 16) if seed is None else seed
    outline = hashlib.sha256(b"".join(districts)).hexdigest()[:12]
    source = f"sandtable-city-{DRAWING}-{seed}-{outline}"
    if not kinds:
        stored = BaseFeature.objects.values_list("generated", "source").distinct()
        if any(not generated or name == source for generated, name in stored):
            return BasemapReport(unchanged=True)
    wanted = list(kinds) or list(Kind.values)
    drawn = draw_city(city.code, list(shapely.from_wkb(districts)), seed)
    drawn = drawn.only(np.isin(drawn.kind, wanted))
    return BasemapReport(_replace(wanted, drawn, source, generated=True))


def _districts(city: Region) -> list[bytes]:
    """Boundaries (WKB) of the city's districts, or of the city where it has none."""
    below = Region.objects.under(city.path).filter(level__in=ADMINISTRATIVE)
    divided = below.exclude(pk=city.pk).values("parent")
    return [
        bytes(shape.wkb) for shape in below.exclude(pk__in=divided).order_by("pk").values_list("boundary", flat=True)
    ]


@dataclass(frozen=True)
class Wanted:
    """What to take from a file.

    Attributes
    ----------
    kind : str
        A :class:`BaseFeature.Kind`.
    datum, layer, encoding : str, optional
        As :func:`gis.vectorfile.read_rows` takes them.
    name_field, class_field, height_field, levels_field : str, optional
        Fields with names, classes (ours, OpenStreetMap's or Chinese road classes), metres and storeys.
    floor_m : float
        Height of a storey in metres.
    attribution : str
        Where the data come from; the file's name when empty.
    """

    kind: str
    datum: str | None = None
    layer: str | None = None
    encoding: str | None = None
    name_field: str | None = None
    class_field: str | None = None
    height_field: str | None = None
    levels_field: str | None = None
    floor_m: float = 3.0
    attribution: str = ""


def import_file(path: Path, wanted: Wanted) -> BasemapReport:
    """Replace one kind by the rows of a file.

    Raises
    ------
    VectorFileError
        The file cannot be read, or not one of its rows can be used: what was there stays.
    UnknownRegionError
        The city is not loaded.
    """
    west, south, east, north = city_region().boundary.extent
    rows = read_rows(
        path, GEOMETRY_TYPES[Kind(wanted.kind)], datum=wanted.datum, layer=wanted.layer, encoding=wanted.encoding
    )
    near = shapely.box(west - MARGIN_DEG, south - MARGIN_DEG, east + MARGIN_DEG, north + MARGIN_DEG)
    rows.refuse(~shapely.intersects(near, rows.geometry), _("远在城市范围之外，坐标系是否有误？"))
    height_m = np.full(len(rows), np.nan)
    if wanted.kind == Kind.BUILDING:
        height_m = heights_m(
            rows,
            height_field=wanted.height_field,
            levels_field=wanted.levels_field,
            floor_m=wanted.floor_m,
            default_m=None,
            required=False,
        )
    if not len(rows):
        reason = rows.refused[0].reason if rows.refused else _("文件是空的")
        raise VectorFileError(_("%(path)s 没有可用的行：%(reason)s") % {"path": path.name, "reason": reason})
    category = _categories(rows, wanted, height_m)
    blank = np.full(len(rows), "", dtype=object)
    names = rows.texts(wanted.name_field) if wanted.name_field else blank
    zooms = ZOOMS[wanted.kind]
    taken = Features(
        np.full(len(rows), wanted.kind, dtype=object),
        category,
        np.array([name[:120] for name in names.tolist()], dtype=object),
        np.array([zooms[name] for name in category], dtype=np.int64),
        height_m,
        rows.geometry,
    )
    source = (wanted.attribution or path.name)[:200]
    return BasemapReport(_replace([wanted.kind], taken, source, generated=False), refused=rows.refused)


def _categories(rows: FileRows, wanted: Wanted, height_m: NDArray[np.float64]) -> NDArray[Any]:
    ours = ZOOMS[wanted.kind]
    if wanted.class_field:
        names = {word: name for name, words in CLASS_NAMES[Kind(wanted.kind)].items() for word in words.split()}
        # OpenStreetMap's words go first: its "trunk" is an expressway.
        names = {name: name for name in ours} | names
        given = rows.texts(wanted.class_field)
        return np.array([names.get(word.lower(), next(iter(ours))) for word in given], dtype=object)
    if wanted.kind == Kind.BUILDING:
        return np.where(height_m > TOWER_M, "tower", np.where(height_m > MIDRISE_M, "midrise", "house")).astype(object)
    return np.full(len(rows), next(iter(ours)), dtype=object)


def remove(kind: str) -> int:
    """Remove every feature of a kind; returns how many there were."""
    return BaseFeature.objects.filter(kind=kind).delete()[0]


def _replace(kinds: Iterable[str], taken: Features, source: str, *, generated: bool) -> dict[str, int]:
    """Store features in the place of all others of these kinds, in one transaction; counts by kind."""
    encoded = shapely.to_wkb(shapely.set_srid(taken.geometry, 4326), hex=True, include_srid=True)
    height_m = [None if value != value else value for value in taken.height_m.tolist()]
    with transaction.atomic(), connection.cursor() as cursor:
        BaseFeature.objects.filter(kind__in=list(kinds)).delete()
        statement = (
            "COPY geo_basefeature (kind, category, name, height_m, min_zoom, generated, source, geometry) FROM STDIN"
        )
        with cursor.copy(statement) as copy:
            for row in zip(taken.kind, taken.category, taken.name, height_m, taken.min_zoom, encoded, strict=True):
                kind, category, name, height, zoom, shape = row
                copy.write_row((kind, category, name, height, int(zoom), generated, source, shape))
    with connection.cursor() as cursor:
        # The planner must know at once how many there are of each kind.
        cursor.execute("ANALYZE geo_basefeature")
    names, counts = np.unique(taken.kind.astype(str), return_counts=True)
    return dict(zip(names.tolist(), counts.tolist(), strict=True))


def footprints() -> tuple[NDArray[Any], NDArray[np.float64], list[str], list[str]]:
    """The basemap's buildings that have a height: shapes (EPSG:4326), heights in metres, ids and names."""
    found = BaseFeature.objects.filter(kind=Kind.BUILDING, height_m__isnull=False).order_by("pk")
    rows = list(found.values_list("geometry", "height_m", "pk", "name"))
    shapes = shapely.from_wkb(np.array([bytes(row[0].wkb) for row in rows], dtype=object))
    return shapes, np.array([row[1] for row in rows]), [str(row[2]) for row in rows], [row[3] for row in rows]
