"""What a drawn city consists of: columns, one row a feature."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Shapes = NDArray[np.object_]


@dataclass(frozen=True)
class Features:
    """Columns of equal length.

    Attributes
    ----------
    kind, category, name : array of str, shape (n,)
        As the fields of :class:`gis.models.BaseFeature`.
    min_zoom : array of int, shape (n,)
        Farthest zoom at which the feature is shown.
    height_m : array of float64, shape (n,)
        NaN: none.
    geometry : array of shapely geometries, shape (n,)
    """

    kind: NDArray[Any]
    category: NDArray[Any]
    name: NDArray[Any]
    min_zoom: NDArray[np.int64]
    height_m: NDArray[np.float64]
    geometry: Shapes

    def __len__(self) -> int:
        return len(self.geometry)

    def only(self, chosen: NDArray[Any]) -> Features:
        """The rows that ``chosen`` (a mask or row numbers) names."""
        return Features(*(column[chosen] for column in self._columns()))

    def moved(self, geometry: Shapes) -> Features:
        """The same rows with other geometries."""
        return Features(self.kind, self.category, self.name, self.min_zoom, self.height_m, geometry)

    def _columns(self) -> tuple[NDArray[Any], ...]:
        return self.kind, self.category, self.name, self.min_zoom, self.height_m, self.geometry


def features(
    kind: str,
    category: str | NDArray[Any],
    geometry: Sequence[Any] | Shapes,
    *,
    min_zoom: int | NDArray[Any],
    name: str | Sequence[str] = "",
    height_m: float | NDArray[Any] = np.nan,
) -> Features:
    """Make columns; single values hold for all rows."""
    shapes = np.asarray(geometry, dtype=object).reshape(-1)
    count = len(shapes)

    def column(values: Any, kind_of: Any) -> NDArray[Any]:
        return np.broadcast_to(np.asarray(values, dtype=kind_of), (count,)).copy()

    return Features(
        column(kind, object),
        column(category, object),
        column(name, object),
        column(min_zoom, np.int64),
        column(height_m, np.float64),
        shapes,
    )


def joined(parts: Iterable[Features]) -> Features:
    """All rows of all parts, without those whose geometry is empty."""
    columns = zip(*(part._columns() for part in parts), strict=True)
    whole = Features(*(np.concatenate(column) for column in columns))
    return whole.only(~shapely.is_empty(whole.geometry) & ~shapely.is_missing(whole.geometry))
