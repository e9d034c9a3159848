"""A tile's bytes, whatever it takes: in detail where that fits, generalised where it does not, from sums when far.

A tile never loses features without saying so. What is too many to be drawn one by one is put together into points
with ``generalised`` = true and ``point_count``, the number of features that each stands for.
"""

from __future__ import annotations

from typing import Any

from django.db import OperationalError, connection, transaction
from django.utils.translation import gettext as _

from gis.exceptions import TileTimeoutError
from gis.generalising import generalised_sql
from gis.pyramid import pyramid_sql
from gis.tiles import MOST_FEATURES, QUERY_CANCELED, ScopeClause, TileLayer, TileScope, tile_sql

MOST_BYTES = 500_000
_SHAPES = (500, 100, 0)
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
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # Compiling a tile's query takes longer than running it, and so does calling helpers.
            cursor.execute(
                "SELECT set_config('statement_timeout', %s, true), set_config('jit', 'off', true), "
                "set_config('max_parallel_workers_per_gather', '0', true)",
                [str(layer.timeout_ms)],
            )
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
    tile_sql(layer, z, x, y, clause)  # refuses a tile that is none
    summed = pyramid_sql(cursor, layer, z, x, y, clause, scope)
    if summed is not None:
        # A list, even an empty one, makes Django read the doubled percent signs.
        cursor.execute(*summed)
        content = bytes(cursor.fetchone()[0])
        if len(content) <= MOST_BYTES:
            return content
    else:
        cursor.execute(*tile_sql(layer, z, x, y, clause))
        count, found = cursor.fetchone()
        content = bytes(found)
        if count <= MOST_FEATURES and len(content) <= MOST_BYTES:
            return content
    for shapes in _SHAPES:
        cursor.execute(*generalised_sql(layer, z, x, y, clause, shapes))
        content = bytes(cursor.fetchone()[0])
        if len(content) <= MOST_BYTES:
            break
    return content
