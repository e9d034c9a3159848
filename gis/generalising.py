"""Tiles of places where too much is: the largest shapes as they are, the rest counted in cells of eight pixels."""

# ruff: noqa: S608 - SQL of declarations, which developers write, and of numbers of our own

from __future__ import annotations

from typing import Any

from gis.tiles import EXTENT, ScopeClause, TileLayer, conditions_of, fixed, pixel_of, tile_geometry, tile_shape

EDGE_M = 20037508.342789244
CELLS = 64
"""To the side of a tile."""
LARGE_PX = 16
"""A shape that is smaller is never drawn as itself where there are too many."""


def mercator(lon: str, lat: str) -> tuple[str, str]:
    """SQL of EPSG:3857 of degrees: the formula alone takes a tenth of what a transformation does."""
    return (
        f"({lon}) * {EDGE_M / 180!r}",
        f"ln(tan(pi() / 4 + least(greatest({lat}, -85.05), 85.05) * pi() / 360)) * 6378137.0",
    )


def middle_of(shape: str) -> tuple[str, str]:
    """SQL of the middle of a shape's box (degrees) in EPSG:3857."""
    return mercator(f"(ST_XMin({shape}) + ST_XMax({shape})) / 2", f"(ST_YMin({shape}) + ST_YMax({shape})) / 2")


def generalised_sql(
    layer: TileLayer, z: int, x: int, y: int, clause: ScopeClause, shapes: int
) -> tuple[str, list[Any]]:
    """Query for a tile of which at most so many ``shapes`` are drawn as themselves, and its values.

    A feature is counted in the tile that its middle lies in.
    """
    condition, values = clause
    pixel_deg, squeeze = pixel_of(z, x, y)
    shape = layer.geometry
    size = f"greatest(ST_XMax({shape}) - ST_XMin({shape}), (ST_YMax({shape}) - ST_YMin({shape})) / {squeeze!r})"
    px, py = middle_of(shape)
    cell_m = 2 * EDGE_M / (CELLS << z)
    names = [name for name, _text in layer.properties]
    columns = [f'{text} AS "{name}"' for name, text in layer.properties]
    where = fixed(" AND ".join(conditions_of(layer, z, x, y))) + f" AND ({condition})"
    drawn = tile_shape(f"ST_Simplify(shape, {pixel_deg / 2 * squeeze!r}, true)", z, x, y)
    parts = [
        f"WITH seen AS MATERIALIZED (SELECT {fixed(', '.join([f'{layer.feature_id} AS feature_id', *columns]))},",
        fixed(f"{shape} AS shape, {size} AS size, {px} AS px, {py} AS py"),
        f"FROM {fixed(layer.source)} WHERE {where}),",
        f"large AS MATERIALIZED (SELECT feature_id FROM seen WHERE size >= {LARGE_PX * pixel_deg!r}",
        f"ORDER BY size DESC LIMIT {shapes}),",
        "cell AS (SELECT count(*)::int AS n, avg(px) AS px, avg(py) AS py FROM seen",
        "WHERE feature_id NOT IN (SELECT feature_id FROM large)",
        f"GROUP BY floor(px / {cell_m!r}), floor(py / {cell_m!r})),",
        together(
            names,
            "cell",
            f"SELECT {_named(names)}, {drawn} AS geometry FROM seen JOIN large USING (feature_id)",
            z,
            x,
            y,
        ),
        f"SELECT ST_AsMVT(feature, '{layer.name}', {EXTENT}, 'geometry', 'feature_id')",
        "FROM feature WHERE geometry IS NOT NULL",
    ]
    return " ".join(parts), list(values)


def together(names: list[str], cells: str, shapes: str, z: int, x: int, y: int) -> str:
    """SQL of ``feature``: shapes as they are, and cells (n, px, py) as points that say what they stand for."""
    nothing = ", ".join(["NULL AS feature_id", *(f'NULL AS "{name}"' for name in names)])
    point = tile_geometry("ST_SetSRID(ST_MakePoint(px, py), 3857)", z, x, y)
    return (
        f"feature AS MATERIALIZED ({shapes} UNION ALL "
        f"SELECT {nothing}, true AS generalised, n AS point_count, {point} AS geometry FROM {cells})"
    )


def _named(names: list[str]) -> str:
    """The columns of a shape, as :func:`together` wants them."""
    quoted = [f'"{name}"' for name in names]
    return ", ".join(["feature_id", *quoted, "NULL::boolean AS generalised", "NULL::int AS point_count"])
