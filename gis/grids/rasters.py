"""A raster's values on the cells of a grid.

rasterio is imported where it works: it brings half a second of start-up (and boto3, where that is installed) to every
process that only reads declarations of grids.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from gis.grids.lattice import Cells

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Raster:
    """One band: ``values`` float[rows, columns], NaN for none; ``transform`` from column and row to ``crs``."""

    values: Floats
    transform: Affine
    crs: str


def onto(cells: Cells, raster: Raster) -> Floats:
    """What a raster says of each cell: float64[n], NaN where it says nothing.

    Squares get the mean of what lies within them, weighted by area (a coarser raster is interpolated between its
    pixels); hexagons the pixel at their centre.
    """
    from rasterio.crs import CRS
    from rasterio.enums import Resampling
    from rasterio.warp import reproject, transform

    values = np.asarray(raster.values, float)
    if cells.window is None:
        lon, lat = cells.degrees
        x, y = transform(CRS.from_epsg(4326), CRS.from_string(raster.crs), lon.tolist(), lat.tolist())[:2]
        column, row = _inverse(raster.transform, np.array(x), np.array(y))
        return _pixels(values, row, column)
    window = cells.window
    pixel_deg = max(abs(raster.transform.a), abs(raster.transform.e))
    finer = pixel_deg * (111_000 if CRS.from_string(raster.crs).is_geographic else 1) <= window.cell_m
    made = np.full(window.shape, np.nan)
    reproject(
        values,
        made,
        src_transform=raster.transform,
        src_crs=raster.crs,
        src_nodata=np.nan,
        dst_transform=window.transform,
        dst_crs=f"EPSG:{cells.epsg}",
        dst_nodata=np.nan,
        resampling=Resampling.average if finer else Resampling.bilinear,
    )
    return made[::-1].reshape(-1)[cells.flat]


def _inverse(transform: Affine, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    back = ~transform
    return back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f


def _pixels(values: Floats, row: Floats, column: Floats) -> Floats:
    r, c = np.floor(row), np.floor(column)
    within = (r >= 0) & (r < values.shape[0]) & (c >= 0) & (c < values.shape[1])
    found = np.full(len(row), np.nan)
    found[within] = values[r[within].astype(np.int64), c[within].astype(np.int64)]
    return found
