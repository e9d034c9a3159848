"""What a scope sees of a risk grid: grades of cells, tiles, one cell, files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from access.scope import Scope
from gis.grids.files import geoparquet, geotiff
from gis.grids.grading import Grade
from gis.grids.paint import Rgba, picture, tile_cells
from layers.colours import GRADE_TOKENS, WALL, alpha_of
from layers.contract import RiskGrid
from layers.grids.ground import Ground, ground_of
from twin.grids.models import GridRun
from twin.grids.store import Drawn, newest, read_run

FARTHEST_ZOOM, NEAREST_ZOOM = 5, 16
"""Zooms with tiles; nearer ones enlarge the last."""
FILL_OPACITY = {Grade.NONE: 0.0, Grade.BLUE: 0.22, Grade.YELLOW: 0.45, Grade.ORANGE: 0.55, Grade.RED: 0.65}
"""The graver, the denser: low risk all over a city must not hide it."""
PALETTE: Sequence[Rgba] = [
    (*(WALL[GRADE_TOKENS[grade]] if grade else (0, 0, 0)), alpha_of(FILL_OPACITY[grade])) for grade in Grade
]


@dataclass(frozen=True)
class Shown:
    """A run as somebody sees it: ``seen`` bool[n] says of which cells."""

    run: GridRun
    ground: Ground
    drawn: Drawn
    seen: NDArray[np.bool_]

    def grades(self, index: str) -> NDArray[np.uint8]:
        """Grades of all cells: uint8[n], 0 for those that are not seen."""
        return np.where(self.seen, self.drawn.thresholds[index].grade(self.drawn.columns[index]), 0).astype(np.uint8)


def show(grid: RiskGrid, scope: Scope, at: datetime | None = None, district: str = "") -> Shown | None:
    """The run that held at a moment (now); None where there was none yet.

    Raises
    ------
    UnknownRegionError
        The city is not loaded.
    """
    run = newest(grid.id, at)
    if run is None:
        return None
    ground = ground_of(grid.grid)
    return Shown(run, ground, read_run(run.pk, ground.cells), ground.seen(scope, district))


def tile(shown: Shown, index: str, z: int, x: int, y: int) -> bytes:
    """A map tile (PNG, 256 pixels, EPSG:3857) coloured by grade."""
    at = tile_cells(shown.ground.cells, z, x, y)
    grades = np.append(shown.grades(index), np.uint8(0))
    return picture(grades[at], PALETTE)


def cell_at(shown: Shown, lon: float, lat: float) -> int | None:
    """The place of the cell at a point, None where there is none to be seen."""
    at = int(shown.ground.cells.locate(np.array([lon]), np.array([lat]))[0])
    return at if at >= 0 and shown.seen[at] else None


def in_view(shown: Shown, index: str, bounds: tuple[float, float, float, float], most: int) -> list[dict[str, Any]]:
    """Graded cells whose centre is in view (west, south, east, north) as GeoJSON features, at most ``most`` and one."""
    west, south, east, north = bounds
    lon, lat = shown.ground.cells.degrees
    grades = shown.grades(index)
    within = (grades > 0) & (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    at = np.flatnonzero(within)[: most + 1]
    shapes = shapely.to_geojson(shown.ground.cells.outlines(at))
    values = shown.drawn.columns[index][at]
    return [
        {
            "type": "Feature",
            "geometry": json.loads(shape),
            "properties": {"grade": int(grades[k]), "label": f"{value:.1f}"},
        }
        for shape, k, value in zip(shapes, at.tolist(), values.tolist(), strict=True)
    ]


def as_geotiff(shown: Shown) -> bytes:
    """All indices and factors as a COG; cells that are not seen are NaN. Raises GridError for hexagons."""
    bands = {name: np.where(shown.seen, column, np.nan) for name, column in shown.drawn.columns.items()}
    return geotiff(shown.ground.cells, bands, _tags(shown.run))


def as_geoparquet(shown: Shown) -> bytes:
    """The cells that are seen and have any index, with their grades, as GeoParquet."""
    indices = [name for name in shown.drawn.columns if name in shown.drawn.thresholds]
    valued = np.any([~np.isnan(shown.drawn.columns[name]) for name in indices], axis=0)
    at = np.flatnonzero(shown.seen & valued)
    columns: dict[str, Any] = {"district": shown.ground.district_code[at].tolist()}
    columns |= {name: column[at] for name, column in shown.drawn.columns.items()}
    columns |= {f"{name}_grade": shown.grades(name)[at] for name in indices}
    return geoparquet(shown.ground.cells, at, columns, _tags(shown.run))


def _tags(run: GridRun) -> dict[str, str]:
    return {"sandtable_grid": run.grid, "sandtable_at": run.at.isoformat(), "sandtable_lattice": run.lattice}
