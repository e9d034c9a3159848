"""Sums of dense layers for far zooms: made once after a change, read by every tile.

A layer of more than :data:`DENSE` features keeps, for each zoom below :data:`DETAIL_ZOOM`, counts in cells of 16
pixels, for everybody who sees all of it and by region for those who see some; and the features that are large enough
there to be drawn as themselves. Whoever sees by organization has few things, which are counted on the spot.

A job brings the sums up to date (:mod:`twin.tasks`): a far tile may show what was a minute ago, a near one never.
"""

# ruff: noqa: S608 - SQL of declarations, which developers write, and of numbers of our own

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from gis.models import Pyramid
from gis.notices import stamp_of
from gis.tile_grid import EDGE_M, mercator, pixel_of, tile_shape
from gis.tile_sql import as_tile, columns_of, counted, fixed, grouped
from gis.tiles import ScopeClause, TileLayer, TileScope

DENSE = 5_000
DETAIL_ZOOM = 12
CELLS = 32
"""To the side of a tile: at most a thousand of them."""
LARGE_PX = 64
_PIXELS = 512
_KINDS = 2
_ZOOMS = 32
_LOCK = 0x5A71


def pyramid_sql(
    cursor: Any, layer: TileLayer, z: int, x: int, y: int, clause: ScopeClause, scope: TileScope | None
) -> tuple[str, list[Any]] | None:
    """Query for a tile from the sums, and its values; None where there are none for this layer, zoom or scope."""
    if z >= DETAIL_ZOOM:
        return None
    whole = clause[0] == "TRUE"
    if not whole and (scope is None or scope.sql(organization="p")[0] != "FALSE"):
        return None
    cursor.execute("SELECT id FROM geo_pyramid WHERE digest = %s AND features > %s", [layer.summed, DENSE])
    found = cursor.fetchone()
    if found is None:
        return None
    condition, values = ("TRUE", []) if whole or scope is None else scope.sql(regions=("p",))
    among = "" if whole else f"AND EXISTS (SELECT 1 FROM unnest(string_to_array(regions, '|')) AS p WHERE {condition})"
    size_m = 2 * EDGE_M / (1 << z)
    west, north = x * size_m - EDGE_M, EDGE_M - y * size_m
    key, margin_m = _key(found[0], z, whole), size_m / 64
    corners = (west - margin_m, north - size_m - margin_m), (west + size_m + margin_m, north + margin_m)
    line = ", ".join(f"ST_MakePoint({px!r}, {py!r}, {key})" for px, py in corners)
    pixel_deg, squeeze = pixel_of(z, x, y)
    shape = tile_shape(f"ST_Simplify({layer.geometry}, {pixel_deg / 2 * squeeze!r}, true)", z, x, y)
    columns = [*columns_of(layer), "NULL::boolean AS generalised", "NULL::int AS point_count", f"{shape} AS geometry"]
    large = (
        f"SELECT {fixed(', '.join(columns))} FROM {fixed(layer.source)} WHERE ({fixed(layer.where)}) "
        f"AND ({clause[0]}) AND {fixed(layer.feature_id)} = ANY(ARRAY(SELECT feature_id FROM found))"
    )
    parts = [
        "WITH found AS MATERIALIZED (SELECT feature_id, count, ST_X(place) AS px, ST_Y(place) AS py FROM (",
        "SELECT feature_id, count, regions, CASE WHEN feature_id IS NULL THEN place END AS place",
        f"FROM geo_pyramidcell WHERE place &&& ST_SetSRID(ST_MakeLine({line}), 3857)) AS near WHERE TRUE {among}),",
        "cell AS (SELECT sum(count)::int AS n, sum(px * count) / sum(count) AS px, sum(py * count) / sum(count) AS py",
        f"FROM found WHERE feature_id IS NULL GROUP BY {grouped('px', 'py', z, CELLS)})",
        as_tile(layer, f"{large} UNION ALL {counted(layer, 'cell', z, x, y)}"),
    ]
    return " ".join(parts), [*values, *clause[1]]


def _key(number: int, zoom: int, whole: bool) -> int:
    """Height at which the sums of one layer, zoom and kind lie; a whole number, exact as a float."""
    return (number * _ZOOMS + zoom) * _KINDS + int(whole)


def bring_up_to_date(layers: Iterable[TileLayer]) -> list[str]:
    """Sum up what changed; returns the names of the layers that were."""
    return [
        layer.name for layer in layers if layer.min_zoom < DETAIL_ZOOM and not layer.feature_min_zoom and refresh(layer)
    ]


def refresh(layer: TileLayer) -> bool:
    """Sum a layer up, where it is dense and something changed; whether anything was done.

    Things that move have changed whenever anybody looks.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [_LOCK, layer.summed])
        version = stamp_of(layer.topics) if layer.topics else 0
        known = Pyramid.objects.filter(digest=layer.summed).first()
        if known is not None and layer.topics and known.version == version:
            return False
        features = _collect(cursor, layer)
        Pyramid.objects.filter(digest=layer.summed).delete()
        made = Pyramid.objects.create(
            layer=layer.name, digest=layer.summed, version=version, features=features, built_at=timezone.now()
        )
        for zoom in range(layer.min_zoom, DETAIL_ZOOM) if features > DENSE else ():
            _sum_up(cursor, layer, made.pk, zoom)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE geo_pyramidcell")
    return True


def _collect(cursor: Any, layer: TileLayer) -> int:
    """Boxes of all features in EPSG:3857, in a table of this transaction; returns how many."""
    shape = layer.geometry
    low = mercator(f"ST_XMin({shape})", f"ST_YMin({shape})")
    high = mercator(f"ST_XMax({shape})", f"ST_YMax({shape})")
    regions = ", ".join(layer.scope_regions) or "NULL"
    cursor.execute("DROP TABLE IF EXISTS pg_temp.pyramid_source")
    cursor.execute(
        f"CREATE TEMPORARY TABLE pyramid_source ON COMMIT DROP AS SELECT {layer.feature_id} AS feature_id, "
        f"{low[0]} AS x0, {low[1]} AS y0, {high[0]} AS x1, {high[1]} AS y1, concat_ws('|', {regions}) AS regions "
        f"FROM {layer.source} WHERE ({layer.where}) AND {shape} IS NOT NULL"
    )
    cursor.execute("SELECT count(*) FROM pyramid_source")
    return int(cursor.fetchone()[0])


def _sum_up(cursor: Any, layer: TileLayer, number: int, zoom: int) -> None:
    size_m = 2 * EDGE_M / (1 << zoom)
    large_m, cell_m = LARGE_PX * size_m / _PIXELS, size_m / CELLS
    insert = "INSERT INTO geo_pyramidcell (pyramid_id, feature_id, count, regions, place)"
    for whole in (True, False) if layer.scope_organization or layer.scope_regions else (True,):
        key = _key(number, zoom, whole)
        regions = "''" if whole else "regions"
        grouped = "" if whole else ", regions"
        cursor.execute(
            f"""{insert} SELECT %s, feature_id, 1, {regions}, ST_SetSRID(ST_MakeLine(
                    ST_MakePoint(x0, y0, {key}), ST_MakePoint(x1, y1, {key})), 3857)
                FROM pyramid_source WHERE greatest(x1 - x0, y1 - y0) >= {large_m!r}""",
            [number],
        )
        cursor.execute(
            f"""{insert} SELECT %s, NULL, count(*), {regions}, ST_SetSRID(ST_MakePoint(
                    avg(x0 + x1) / 2, avg(y0 + y1) / 2, {key}), 3857)
                FROM pyramid_source WHERE greatest(x1 - x0, y1 - y0) < {large_m!r}
                GROUP BY floor((x0 + x1) / 2 / {cell_m!r}), floor((y0 + y1) / 2 / {cell_m!r}){grouped}""",
            [number],
        )
