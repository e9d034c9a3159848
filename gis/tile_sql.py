"""The query that makes a vector tile: each feature where they are few; the largest, and counts of the rest, where many.

Tiles follow the Mapbox Vector Tile Specification 2.1 (extent 4096). Columns of our own begin with ``_``, which no
property's name does.
"""

# ruff: noqa: S608 - SQL of declarations, which developers write, and of numbers of our own

from __future__ import annotations

from typing import Any

from gis.tile_grid import BUFFER, EDGE_M, EXTENT, check_tile, mercator, pixel_of, tile_bounds, tile_geometry, tile_shape
from gis.tiles import ScopeClause, TileLayer

MOST_FEATURES = 2000
"""More than these are generalised, and say so."""
MOST_SHAPES = 500
"""So many of them are drawn as themselves even then."""
CELLS = 64
"""To the side of a tile, in which the others are counted."""
LARGE_PX = 16
"""A shape that is smaller is never drawn as itself where there are too many."""


def tile_sql(
    layer: TileLayer,
    z: int,
    x: int,
    y: int,
    clause: ScopeClause,
    most: int | None = None,
    shapes: int = MOST_SHAPES,
) -> tuple[str, list[Any]]:
    """Query for one tile, and its values. It answers one row: the tile's bytes.

    Below the last zoom shapes are simplified to half a pixel and features under ``drop_below_px`` left out. Of more
    than ``most`` features (:data:`MOST_FEATURES`) at most so many ``shapes`` are drawn as themselves, and the others
    counted in cells of eight pixels, each in the tile that its middle lies in. Rows are read once either way.

    Raises
    ------
    TileOutOfRangeError
        No such tile.
    """
    check_tile(layer, z, x, y)
    condition, values = clause
    pixel_deg, squeeze = pixel_of(z, x, y)
    simplified = tile_shape(f"ST_Simplify(_shape, {pixel_deg / 2 * squeeze!r}, true)", z, x, y)
    drawn = simplified if z < layer.max_zoom else tile_shape("_shape", z, x, y)
    limit_deg = layer.drop_below_px * pixel_deg if z < layer.max_zoom else 0.0
    rows = f"FROM {fixed(layer.source)} WHERE {fixed(' AND '.join(conditions_of(layer, z, x, y)))} AND ({condition})"
    names = ", ".join(["feature_id", *(f'"{name}"' for name, _text in layer.properties)])
    most = MOST_FEATURES if most is None else most
    parts = [
        f"WITH seen AS MATERIALIZED ({_seen(layer, rows, names, limit_deg, squeeze)}),",
        "total AS MATERIALIZED (SELECT count(*) FILTER (WHERE _kept) AS n FROM seen)",
        f"SELECT CASE WHEN n <= {most} THEN (",
        as_tile(layer, f"SELECT {names}, {drawn} AS geometry FROM seen WHERE _kept"),
        ") ELSE (",
        f"WITH large AS MATERIALIZED (SELECT feature_id FROM seen WHERE _size >= {LARGE_PX * pixel_deg!r}",
        f"ORDER BY _size DESC LIMIT {shapes}),",
        "cell AS (SELECT count(*)::int AS n, avg(_px) AS px, avg(_py) AS py FROM seen",
        f"WHERE feature_id NOT IN (SELECT feature_id FROM large) GROUP BY {grouped('_px', '_py', z, CELLS)})",
        as_tile(
            layer,
            f"SELECT {names}, NULL::boolean AS generalised, NULL::int AS point_count, {simplified} AS geometry"
            f" FROM seen JOIN large USING (feature_id) UNION ALL {counted(layer, 'cell', z, x, y)}",
        ),
        ") END FROM total",
    ]
    return " ".join(parts), list(values)


def _seen(layer: TileLayer, rows: str, names: str, limit_deg: float, squeeze: float) -> str:
    """SQL of everything there: properties, ``_shape``, ``_size`` (degrees), middle (EPSG:3857), whether it is kept."""
    columns = fixed(", ".join([*columns_of(layer), f"{layer.geometry} AS _shape"]))
    if layer.point[0]:
        px, py = mercator(*layer.point)
        # A point is shown wherever all are, and never among the largest.
        return f"SELECT {columns}, 0::float8 AS _size, {px} AS _px, {py} AS _py, true AS _kept {rows}"
    px, py = mercator("(ST_XMin(_box) + ST_XMax(_box)) / 2", "(ST_YMin(_box) + ST_YMax(_box)) / 2")
    size = f"greatest(ST_XMax(_box) - ST_XMin(_box), (ST_YMax(_box) - ST_YMin(_box)) / {squeeze!r})"
    # A box is made of all the vertices: once (hence OFFSET), and not again for each of its sides.
    return (
        f"SELECT {names}, CASE WHEN _size >= {limit_deg!r} THEN _shape END AS _shape, _size, _px, _py, "
        f"_size >= {limit_deg!r} AS _kept FROM (SELECT *, {size} AS _size, {px} AS _px, {py} AS _py FROM ("
        f"SELECT {columns}, Box3D({fixed(layer.geometry)}) AS _box {rows} OFFSET 0) AS boxed OFFSET 0) AS measured"
    )


def columns_of(layer: TileLayer) -> list[str]:
    """SQL of a feature's number and properties."""
    return [f"{layer.feature_id} AS feature_id", *(f'{text} AS "{name}"' for name, text in layer.properties)]


def conditions_of(layer: TileLayer, z: int, x: int, y: int) -> list[str]:
    """SQL conditions for what belongs into a tile and its margin, the scope's excepted."""
    bounds = tile_bounds(z, x, y, BUFFER / EXTENT)
    west, south, east, north = map(repr, bounds)
    if layer.point[0]:
        lon, lat = layer.point
        near = f"{lon} BETWEEN {west} AND {east} AND {lat} BETWEEN {south} AND {north}"
    else:
        near = f"{layer.geometry} && ST_MakeEnvelope({west}, {south}, {east}, {north}, 4326)"
    conditions = [f"({layer.where})", near]
    if layer.within is not None:
        conditions.append(f"({layer.within(bounds)})")
    if layer.feature_min_zoom:
        # A plain comparison with a number, so that an index over the far zooms' features can serve.
        conditions.append(f"{layer.feature_min_zoom} <= {z}")
    return conditions


def grouped(px: str, py: str, z: int, cells: int) -> str:
    """SQL of the cells, so many to the side of a tile, in which places of EPSG:3857 lie."""
    cell_m = 2 * EDGE_M / (cells << z)
    return f"floor({px} / {cell_m!r}), floor({py} / {cell_m!r})"


def counted(layer: TileLayer, cells: str, z: int, x: int, y: int) -> str:
    """SQL of cells (n, px, py) as points that say what they stand for, with no properties else."""
    nothing = ", ".join(["NULL AS feature_id", *(f'NULL AS "{name}"' for name, _text in layer.properties)])
    point = tile_geometry("ST_SetSRID(ST_MakePoint(px, py), 3857)", z, x, y)
    return f"SELECT {nothing}, true AS generalised, n AS point_count, {point} AS geometry FROM {cells}"


def as_tile(layer: TileLayer, features: str) -> str:
    """SQL of a tile's bytes, of features whose ``geometry`` is in its own units; those that have none are not in it."""
    # Materialised, because otherwise every shape would be cut twice: to see whether it is there, and to show it.
    return (
        f"SELECT ST_AsMVT(feature, '{layer.name}', {EXTENT}, 'geometry', 'feature_id') FROM "
        f"(SELECT * FROM ({features}) AS cut OFFSET 0) AS feature WHERE geometry IS NOT NULL"
    )


def fixed(text: str) -> str:
    """A declaration's SQL among places for values: a percent sign in it means itself."""
    return text.replace("%", "%%")
