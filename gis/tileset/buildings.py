"""Columns of buildings, as the writer takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from gis.cityplan.frame import METRES_PER_DEGREE
from gis.vectorfile import FileRows

SMALLEST_M2 = 0.5
LARGEST_M = 5_000.0


@dataclass(frozen=True)
class Buildings:
    """Footprints and what is known of them.

    Attributes
    ----------
    footprint : array of Polygon or MultiPolygon, shape (n,)
        EPSG:4326, valid.
    height_m : array of float64, shape (n,)
        From the ground to the roof; positive.
    identifier, name : sequence of str, length n
    """

    footprint: NDArray[np.object_]
    height_m: NDArray[np.float64]
    identifier: Sequence[str]
    name: Sequence[str]

    def __len__(self) -> int:
        return len(self.footprint)

    def only(self, rows: NDArray[np.int64]) -> Buildings:
        """The buildings with these numbers."""
        picked = rows.tolist()
        return Buildings(
            self.footprint[rows],
            self.height_m[rows],
            [self.identifier[i] for i in picked],
            [self.name[i] for i in picked],
        )

    def size_m(self) -> NDArray[np.float64]:
        """Diagonal of each building's box in metres: how much is wrong while it is not drawn."""
        across_m, along_m = _extent_m(self.footprint)
        return np.sqrt(across_m**2 + along_m**2 + self.height_m**2)


def _extent_m(shapes: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    west, south, east, north = shapely.bounds(shapes).T
    return (east - west) * METRES_PER_DEGREE * np.cos(np.radians((south + north) / 2)), (
        north - south
    ) * METRES_PER_DEGREE


def refuse_odd_sizes(rows: FileRows) -> None:
    """Refuse footprints that are no building's: a speck, or something of several kilometres."""
    across_m, along_m = _extent_m(rows.geometry)
    latitude = np.radians(shapely.bounds(rows.geometry)[:, 1])
    area_m2 = shapely.area(rows.geometry) * METRES_PER_DEGREE**2 * np.cos(latitude)
    small, large = area_m2 < SMALLEST_M2, np.hypot(across_m, along_m) > LARGEST_M
    reasons = np.where(
        small, _("占地不足 %(least)s 平方米") % {"least": SMALLEST_M2}, _("跨度超过 %(most)d 米") % {"most": LARGEST_M}
    )
    rows.refuse(small | large, reasons[small | large].tolist())
