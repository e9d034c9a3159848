"""A tile's bytes, whatever it takes: in detail where that fits, generalised where it does not, from sums when far.

A tile never loses features without saying so. What is too many to be drawn one by one is put together into points
with ``generalised`` = true and ``point_count``, the number of features that each stands for.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext as _

from gis.exceptions import TileTimeoutError
from gis.pyramid import pyramid_sql
from gis.tile_grid import check_tile
from gis.tile_sql import MOST_SHAPES, tile_sql
from gis.tiles import QUERY_CANCELED, ScopeClause, TileLayer, TileScope

MOST_BYTES = 500_000
_SHAPES = (MOST_SHAPES, 100, 0)
"""How many of the largest shapes are tried to be kept as they are."""


def render_tile(
    layer: TileLayer, z: int, x: int, y: int, scope_clause: ScopeClause, scope: TileScope | None = None
) -> bytes:
    """Make one tile.

    Parameters
    ----------
    scope : TileScope, optional
        Whose ``scope_clause`` it is: lets far zooms of dense layers be taken from sums.

    Raises
    ------
    TileOutOfRangeError
        No such tile.
    TileTimeoutError
        The database needed longer than the layer's ``timeout_ms``.
    """
    check_tile(layer, z, x, y)
    try:
        # Somebody else's transaction goes on where a tile fails; there is none around a request's.
        kept = transaction.atomic() if connection.in_atomic_block else nullcontext()
        with kept, connection.cursor() as cursor:
            return _rendered(cursor, layer, z, x, y, scope_clause, scope)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", None) != QUERY_CANCELED:
            raise
        raise TileTimeoutError(
            _("图层 %(layer)s 的瓦片 %(tile)s 未能在 %(limit)d 毫秒内生成，请稍后再试")
            % {"layer": layer.name, "tile": f"{z}/{x}/{y}", "limit": layer.timeout_ms}
        ) from error


def _rendered(
    cursor: Any, layer: TileLayer, z: int, x: int, y: int, clause: ScopeClause, scope: TileScope | None
) -> bytes:
    summed = pyramid_sql(cursor, layer, z, x, y, clause, scope)
    content = _asked(cursor, layer, *(summed or tile_sql(layer, z, x, y, clause)))
    for shapes in _SHAPES:
        if len(content) <= MOST_BYTES:
            break
        content = _asked(cursor, layer, *tile_sql(layer, z, x, y, clause, 0, shapes))
    return content


def _asked(cursor: Any, layer: TileLayer, query: str, values: list[Any]) -> bytes:
    """What a tile's query answers, within the layer's time.

    Settings and query go together: to begin, set, ask and commit one by one would take as long as a small tile.
    """
    # Compiling a tile's query takes longer than running it, and so does calling helpers.
    settings = (
        "SELECT set_config('statement_timeout', %s, true), set_config('jit', 'off', true), "
        "set_config('max_parallel_workers_per_gather', '0', true); "
    )
    cursor.execute(settings + query, [str(layer.timeout_ms), *values])
    cursor.nextset()
    return bytes(cursor.fetchone()[0])
