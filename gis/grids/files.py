"""Cells as files for others: cloud-optimised GeoTIFF and GeoParquet."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gis.exceptions import GridError
from gis.grids.lattice import Cells

Columns = Mapping[str, NDArray]


def geotiff(cells: Cells, bands: Columns, tags: Mapping[str, str]) -> bytes:
    """A cloud-optimised GeoTIFF (COG) of a square grid: a float32 band for each column, NaN where there is no cell.

    Parameters
    ----------
    cells : Cells
        Of squares.
    bands : mapping of float[n]
        By name.
    tags : mapping
        Said of the whole file.

    Raises
    ------
    GridError
        Hexagons have no rows and columns.
    """
    if cells.window is None:
        raise GridError("hexagons have no rows and columns: take the GeoParquet file")
    window = cells.window
    profile = {
        "driver": "COG", "dtype": "float32", "count": len(bands), "height": window.shape[0], "width": window.shape[1],
        "crs": f"EPSG:{cells.epsg}", "transform": window.transform, "nodata": np.nan, "compress": "deflate",
    }  # fmt: skip
    from rasterio.io import MemoryFile  # late: see gis/grids/rasters.py

    with MemoryFile() as memory:
        with memory.open(**profile) as file:
            for number, (name, values) in enumerate(bands.items(), 1):
                whole = np.full(window.shape[0] * window.shape[1], np.nan, np.float32)
                whole[cells.flat] = values
                file.write(whole.reshape(window.shape)[::-1], number)
                file.set_band_description(number, name)
            file.update_tags(**tags)
        return bytes(memory.getbuffer())


def geoparquet(cells: Cells, at: NDArray[np.int64], columns: Columns, tags: Mapping[str, str]) -> bytes:
    """A GeoParquet 1.1 file of some cells: their id, the columns, and their outlines as WKB in degrees (OGC:CRS84).

    Parameters
    ----------
    at : int64[k]
        Places of the cells.
    columns : mapping of arrays of k
        By name.
    """
    outlines = cells.outlines(at)
    bounds = shapely.total_bounds(outlines).tolist() if len(at) else []
    column = {
        "encoding": "WKB",
        "geometry_types": ["Polygon"],
        "crs": json.loads(CRS.from_user_input("OGC:CRS84").to_json()),
    }
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": column | ({"bbox": bounds} if bounds else {})},
    }
    table = pa.table(
        {
            "cell": pa.array(cells.id[at]),
            **{name: pa.array(values) for name, values in columns.items()},
            "geometry": pa.array(shapely.to_wkb(outlines), pa.binary()),
        }
    ).replace_schema_metadata({"geo": json.dumps(geo), **tags})
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()
