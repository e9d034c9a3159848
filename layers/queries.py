"""Reading what a layer shows: within a scope, and within a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import shapely
from django.contrib.gis.geos import Polygon
from django.db import DatabaseError, connection, transaction
from django.db.models import BooleanField, Case, QuerySet, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _
from shapely.geometry.base import BaseGeometry

from access.scope import WHOLE_CITY, Scope
from gis.tiles import QUERY_CANCELED, TileLayer
from layers.exceptions import LayerFailedError
from layers.sources import LiveAssets
from twin.kinds import SILENCED, kind_of
from twin.models import Asset

logger = logging.getLogger(__name__)

Bounds = tuple[float, float, float, float]


def live(source: LiveAssets, scope: Scope) -> QuerySet[Asset]:
    """Things in use of the source's kind, inside the scope."""
    return Asset.objects.within(scope).filter(kind=source.kind, active=True)


def with_silence(rows: QuerySet[Asset], source: LiveAssets) -> QuerySet[Any]:
    """The assets with ``silent``: not heard for longer than their kind may be."""
    since = timezone.now() - timedelta(seconds=kind_of(source.kind).silent_after_s)
    silent = When(state__ts__lt=since, state__status__in=SILENCED, then=Value(True))
    return rows.annotate(silent=Case(silent, default=Value(False), output_field=BooleanField()))


def select_from(layer: TileLayer, columns: str, scope: Scope, tail: str = "", where: str = "TRUE") -> list[tuple]:
    """Rows of ``SELECT columns FROM`` a tile layer's source, inside the scope.

    ``columns``, ``where`` and ``tail`` (joins excepted, what follows the condition) are written by a developer.

    Raises
    ------
    LayerFailedError
        The database could not answer, or needed longer than the layer's ``timeout_ms``.
    """
    condition, values = layer.scope_clause(scope)
    before = ["SELECT", columns, "FROM", layer.source, "WHERE", f"({layer.where}) AND ({where}) AND"]
    # Only the scope's condition has places for values; a percent sign in a declaration means itself.
    parts = [*(part.replace("%", "%%") for part in before), f"({condition})", tail.replace("%", "%%")]
    with limited(layer), connection.cursor() as cursor:
        cursor.execute(" ".join(parts), values)
        return cursor.fetchall()


def features_in(
    layer: TileLayer,
    shape: BaseGeometry,
    scope: Scope,
    state: str,
    centre: tuple[float, float] | None,
    are_points: bool,
) -> list[tuple]:
    """Features that meet a shape (degrees): id, longitude and latitude of a point on it, metres from the centre (None
    where there is none, and for points, of which they follow), and ``state`` (an SQL expression of the layer).

    Raises
    ------
    LayerFailedError
        As :func:`select_from`.
    """
    geometry = layer.geometry
    spot = geometry if are_points else f"ST_PointOnSurface({geometry})"
    away = "NULL"
    if centre is not None and not are_points:
        away = f"ST_Distance({geometry}::geography, {_literal(shapely.Point(centre))}::geography)"
    columns = f"{layer.feature_id}, ST_X({spot}), ST_Y({spot}), {away}, {state}"
    return select_from(layer, columns, scope, where=f"ST_Intersects({geometry}, {_literal(shape)})")


def properties_of(layer: TileLayer, names: Sequence[str], ids: list[int]) -> dict[int, tuple[Any, ...]]:
    """Some properties by id of features that are known to be in scope."""
    if not ids:
        return {}
    columns = ", ".join((layer.feature_id, *(column_of(layer, name) for name in names)))
    some = ", ".join(str(int(each)) for each in ids)
    rows = select_from(layer, columns, WHOLE_CITY, where=f"{layer.feature_id} IN ({some})")
    return {pk: values for pk, *values in rows}  # type: ignore[misc]


def feature_shape(layer: TileLayer, feature: int, scope: Scope) -> BaseGeometry | None:
    """The shape of one feature in scope, degrees; None where there is none."""
    rows = select_from(layer, f"ST_AsBinary({layer.geometry})", scope, where=f"{layer.feature_id} = {int(feature)}")
    return shapely.from_wkb(bytes(rows[0][0])) if rows and rows[0][0] is not None else None


def _literal(shape: BaseGeometry) -> str:
    """A shape as SQL: hexadecimal digits, whatever it came from."""
    return f"ST_GeomFromWKB('\\x{shapely.to_wkb(shape, hex=True)}'::bytea, 4326)"


def inside(layer: TileLayer, bounds: Bounds) -> str:
    """SQL condition: the feature meets the bounds (west, south, east, north in degrees)."""
    west, south, east, north = Polygon.from_bbox(bounds).extent
    return f"{layer.geometry} && ST_MakeEnvelope({west!r}, {south!r}, {east!r}, {north!r}, 4326)"


@contextmanager
def limited(layer: TileLayer) -> Iterator[None]:
    """Give up where the database needs longer than the layer allows; what fails, fails for this layer alone.

    Raises
    ------
    LayerFailedError
        In place of whatever the database said, which is logged.
    """
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                # To compile a query over thousands of rows, or to call further processes to it, takes longer than it.
                cursor.execute(
                    "SELECT set_config('statement_timeout', %s, true), set_config('jit', 'off', true),"
                    " set_config('max_parallel_workers_per_gather', '0', true)",
                    [str(layer.timeout_ms)],
                )
            yield
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', '0', true)")
    except DatabaseError as error:
        logger.exception("map layer %s: the database could not answer", layer.name)
        slow = getattr(error.__cause__, "sqlstate", None) == QUERY_CANCELED
        text = _("图层“%(layer)s”响应过慢，请稍后再试") if slow else _("图层“%(layer)s”暂时无法读取")
        raise LayerFailedError(text % {"layer": layer.title}) from error


def column_of(layer: TileLayer, name: str) -> Any:
    """SQL of one of the layer's properties."""
    return dict(layer.properties)[name]
