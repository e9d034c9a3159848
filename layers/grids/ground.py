"""The cells of a grid over this city, and whose they are."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray

from access.scope import Scope
from gis.grids.lattice import Cells, Grid
from gis.models import Region
from gis.notices import stamp_of
from gis.regions import city_region
from twin.live.sight import district_table, sight_of
from twin.live.viewer import look_up

_lock = threading.Lock()
_grounds: dict[str, tuple[int, Ground]] = {}
_AGGREGATED = (Region.Level.DISTRICT, Region.Level.SUBDISTRICT)


@dataclass(frozen=True)
class Ground:
    """Cells with their regions.

    Attributes
    ----------
    version : int
        Of the regions.
    city : Region
        Whose they are.
    cells : Cells
        All of them.
    place : int64[n]
        Key of the smallest region (street, else district) that has each cell's centre; 0 for none.
    above : dict
        Of each district and street its key and its cells' places.
    codes : dict
        Code of the district by key of the smallest region.
    """

    version: int
    city: Region
    cells: Cells
    place: NDArray[np.int64]
    above: dict[int, NDArray[np.int64]]
    codes: dict[int, str]

    def seen(self, scope: Scope, district: str = "") -> NDArray[np.bool_]:
        """Which cells a scope shows (those in its regions), in one district alone where its code is given."""
        shown = np.ones(len(self.cells), bool) if scope.everything else look_up(sight_of(scope).regions, self.place)
        return shown & look_up(district_table(district), self.place) if district else shown

    @cached_property
    def district_code(self) -> NDArray[np.object_]:
        """Code of each cell's district, empty for none."""
        keys, at = np.unique(self.place, return_inverse=True)
        return np.array([self.codes.get(key, "") for key in keys.tolist()], object)[at]


def ground_of(grid: Grid) -> Ground:
    """The cells of a grid over this city, made anew when a region has changed.

    Raises
    ------
    UnknownRegionError
        The city is not loaded.
    GridError
        The grid cannot cover it.
    """
    version = stamp_of(["regions"])
    with _lock:
        found = _grounds.get(grid.key)
        if found is None or found[0] != version:
            found = _grounds[grid.key] = (version, _lay(grid, version))
        return found[1]


def _lay(grid: Grid, version: int) -> Ground:
    city = city_region()
    cells = grid.cells(shapely.from_wkb(bytes(city.boundary.wkb)))
    place = np.zeros(len(cells), np.int64)
    above: dict[int, NDArray[np.int64]] = {}
    regions = Region.objects.filter(path__startswith=city.path, level__in=_AGGREGATED)
    codes: dict[int, str] = {}
    districts = {each.path: each.code for each in regions.filter(level=Region.Level.DISTRICT).defer("boundary")}
    for level in _AGGREGATED:
        found = list(regions.filter(level=level).order_by("pk"))
        if not found:
            continue
        at = cells.regions([shapely.from_wkb(bytes(region.boundary.wkb)) for region in found])
        for number, region in enumerate(found):
            own = np.flatnonzero(at == number)
            if level == Region.Level.SUBDISTRICT:
                # Streets need not cover the city: a cell nearest to one may lie in a district that has none.
                own = own[place[own] == (region.parent_id or 0)]
            above[region.pk] = own
            place[own] = region.pk
            codes[region.pk] = next((code for path, code in districts.items() if region.path.startswith(path)), "")
    return Ground(version, city, cells, place, above, codes)
