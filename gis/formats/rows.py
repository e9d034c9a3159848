"""The rows that the reading process delivered: refused, repaired as told, and brought to EPSG:4326."""

from __future__ import annotations

import json
from collections.abc import Collection

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from gis.crs import Datum
from gis.formats.reasons import row_text, shape_names
from gis.formats.values import Offer, Reading, Refusal

FIXED_COLUMNS = 6
"""Columns of the process's answer before the attributes (:func:`gis.confined.arrowrows.write_rows`)."""


class RowsReader:
    """Makes a reading of the rows that the process delivered."""

    def __init__(self, table: pa.Table, datum: Datum, types: Collection[str] | None, swap_axes: bool) -> None:
        self._table, self._datum, self._types, self._swap = table, datum, types, swap_axes
        self._rows = table.column("row").to_numpy()
        self._reasons: list[str | None] = table.column("reason").to_pylist()
        self._details: list[str | None] = table.column("detail").to_pylist()
        self._fixes = [tuple(text.split()) if text else () for text in table.column("fixes").to_pylist()]
        self._shapes = _from_wkb(table.column("shape"))
        self._fixed = _from_wkb(table.column("fixed"))
        self._refused: dict[int, Refusal] = {}

    def read(self, repair: frozenset[str], repair_rows: Collection[int] | None) -> Reading:
        """Refuse, repair as told, convert, and collect."""
        repaired = self._repair(repair, repair_rows)
        for i, reason in enumerate(self._reasons):
            if reason is not None:
                detail = json.loads(self._details[i] or "{}")
                text = row_text(reason, detail, hopeless=not self._fixes[i])
                self._refuse(i, reason, text, self._fixes[i])
        self._check_types()
        at = np.array([i for i in range(len(self._rows)) if i not in self._refused], dtype=np.int64)
        placed = self._convert(at)
        kept = np.array([i for i in at.tolist() if i not in self._refused], dtype=np.int64)
        good = np.isin(at, kept, assume_unique=True)
        fields = {
            self._table.schema.field(column).metadata[b"name"].decode(): _objects(self._table.column(column), kept)
            for column in self._table.column_names[FIXED_COLUMNS:]
        }
        return Reading(
            "",
            "",
            self._datum.name,
            self._rows[kept],
            placed[good],
            self._shapes[kept],
            fields,
            [self._refused[i] for i in sorted(self._refused)],
            self._offers(),
            {int(self._rows[i]): fixes for i, fixes in repaired.items() if i not in self._refused},
        )

    def _repair(self, repair: frozenset[str], repair_rows: Collection[int] | None) -> dict[int, tuple[str, ...]]:
        done = {}
        for i, fixes in enumerate(self._fixes):
            if fixes and repair.issuperset(fixes) and (repair_rows is None or int(self._rows[i]) in repair_rows):
                self._shapes[i], self._reasons[i] = self._fixed[i], None
                done[i] = fixes
        return done

    def _refuse(self, i: int, reason: str, text: str, fixes: tuple[str, ...] = ()) -> None:
        self._refused[i] = Refusal(int(self._rows[i]), reason, text, fixes)

    def _check_types(self) -> None:
        if self._types is None:
            return
        for i, shape in enumerate(self._shapes):
            kind = (
                self._fixed[i].geom_type if shape is None and self._fixed[i] is not None else shape and shape.geom_type
            )
            if kind and kind not in self._types and self._reasons[i] != "collection":
                detail = {"type": shape_names([kind]), "wanted": shape_names(self._types)}
                self._refuse(i, "wrong_type", row_text("wrong_type", detail, hopeless=True))

    def _convert(self, at: NDArray[np.int64]) -> NDArray[np.object_]:
        """Shapes of these rows in EPSG:4326; those that the datum cannot contain are refused."""
        placed, bad = to_4326(self._shapes[at], self._datum, self._swap)
        for k, (x, y) in bad.items():
            detail = {"x": f"{x:.10g}", "y": f"{y:.10g}", "datum": self._datum.name}
            swapped = bool(self._datum.contains(np.array([y]), np.array([x]))[0])
            reason = "axes_swapped" if swapped else "out_of_range"
            self._refuse(int(at[k]), reason, row_text(reason, detail, hopeless=True))
        return placed

    def _offers(self) -> list[Offer]:
        at = [i for i, refusal in sorted(self._refused.items()) if refusal.fixes]
        before, outside = to_4326(self._shapes[at], self._datum, self._swap)
        after, beyond = to_4326(self._fixed[at], self._datum, self._swap)
        return [
            Offer(int(self._rows[i]), self._fixes[i], None if k in outside else before[k], after[k])
            for k, i in enumerate(at)
            if k not in beyond
        ]


def to_4326(
    shapes: NDArray[np.object_], datum: Datum, swap_axes: bool = False
) -> tuple[NDArray[np.object_], dict[int, tuple[float, float]]]:
    """Shapes of a datum in EPSG:4326, without heights, and those that it cannot contain.

    Parameters
    ----------
    shapes : array of shapely geometries or None, shape (n,)
    datum : Datum
    swap_axes : bool
        Their second number is the easting or longitude.

    Returns
    -------
    placed : array of shapely geometries, shape (n,)
    bad : dict of int to (x, y)
        By index: the first pair that does not belong into the datum or does not come out of it.
    """
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    if swap_axes:
        points = points[:, ::-1]
    fits = datum.contains(points[:, 0], points[:, 1])
    lon, lat = datum.inverse(np.where(fits, points[:, 0], np.nan), np.where(fits, points[:, 1], np.nan))
    fits &= (np.abs(lon) <= 180) & (np.abs(lat) <= 90)
    bad: dict[int, tuple[float, float]] = {}
    for k in np.flatnonzero(~fits)[::-1].tolist():
        bad[int(owner[k])] = (float(points[k, 0]), float(points[k, 1]))
    flat = shapely.force_2d(shapes)
    return shapely.set_coordinates(flat, np.column_stack([np.nan_to_num(lon), np.nan_to_num(lat)])), bad


def _from_wkb(column: pa.ChunkedArray) -> NDArray[np.object_]:
    return np.asarray(shapely.from_wkb(np.array(column.to_pylist(), dtype=object)), dtype=object)


def _objects(column: pa.ChunkedArray, at: NDArray[np.int64]) -> NDArray[np.object_]:
    values = np.empty(len(column), dtype=object)
    values[:] = column.to_pylist()
    return values[at]
