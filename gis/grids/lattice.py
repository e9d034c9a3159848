"""Declared grids, and their cells over a region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import h3.api.basic_int as h3
import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from gis.crs import from_wgs84, to_wgs84
from gis.exceptions import GridError
from gis.nearness import ranges

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]
Pairs = tuple[Ids, Ids]

EDGES_M = (100, 200, 250, 500, 1000, 2000)
RESOLUTIONS = (5, 10)
MOST_CELLS = 4_000_000
"""Beyond, a grid is meant for a smaller region: 0.3 GB of columns."""
_ROW = 1 << 24


@dataclass(frozen=True)
class SquareGrid:
    """Squares of ``cell_m`` metres, their corners at multiples of it in a projected CRS (方格).

    Attributes
    ----------
    cell_m : int
        Edge in metres: one of :data:`EDGES_M`.
    epsg : int, optional
        EPSG code of a CGCS2000 Gauss-Krüger CRS (4502 to 4554 as :mod:`gis.crs` knows them); left out, the 3-degree
        one by central meridian that is nearest to the region's middle.

    Raises
    ------
    GridError
        Another edge.
    """

    cell_m: int
    epsg: int | None = None

    def __post_init__(self) -> None:
        if self.cell_m not in EDGES_M:
            raise GridError(f"a grid of {self.cell_m} m: take one of {EDGES_M}")

    @property
    def key(self) -> str:
        """Short text that tells grids apart."""
        return f"square-{self.cell_m}"

    def cells(self, region: BaseGeometry) -> Cells:
        """Its cells that ``region`` (a polygon in degrees of EPSG:4326) touches.

        Raises
        ------
        GridError
            The region is empty, or would have more than :data:`MOST_CELLS`.
        """
        epsg = self.epsg or plane_of(region)
        plane = on_plane(_polygons(region), epsg)
        if shapely.is_empty(plane).any():
            raise GridError(f"a region that EPSG:{epsg} cannot hold")
        west, south, east, north = shapely.total_bounds(plane)
        column, row = int(west // self.cell_m), int(south // self.cell_m)
        shape = (int(north // self.cell_m) - row + 1, int(east // self.cell_m) - column + 1)
        if shape[0] * shape[1] > MOST_CELLS:
            raise GridError(f"{shape[0]} x {shape[1]} cells of {self.cell_m} m: take a larger edge or a smaller region")
        window = Window(row, column, shape, self.cell_m)
        inside = window.burn(list(plane), [1] * len(plane), all_touched=True) > 0
        flat = np.flatnonzero(inside)
        r, c = np.divmod(flat, shape[1])
        x, y = (column + c + 0.5) * self.cell_m, (row + r + 0.5) * self.cell_m
        return Cells(self, epsg, (row + r) * _ROW + column + c, x, y, self.cell_m / 2, window)


@dataclass(frozen=True)
class H3Grid:
    """Hexagons of H3 (Uber's open grid, Apache 2.0) at one ``resolution``: 7 about 5 km², 8 0.7 km², 9 0.1 km².

    Raises
    ------
    GridError
        A resolution outside :data:`RESOLUTIONS`.
    """

    resolution: int

    def __post_init__(self) -> None:
        if not RESOLUTIONS[0] <= self.resolution <= RESOLUTIONS[1]:
            raise GridError(f"H3 resolution {self.resolution}: take {RESOLUTIONS[0]} to {RESOLUTIONS[1]}")

    @property
    def key(self) -> str:
        """Short text that tells grids apart."""
        return f"h3-{self.resolution}"

    @property
    def cell_m(self) -> float:
        """About how wide a cell is, in metres: the edge of a square as large."""
        return float(np.sqrt(h3.average_hexagon_area(self.resolution, unit="m^2")))

    def cells(self, region: BaseGeometry) -> Cells:
        """Its cells that ``region`` touches; as :meth:`SquareGrid.cells`."""
        epsg = plane_of(region)
        found: set[int] = set()
        for part in _polygons(region):
            shape = h3.geo_to_h3shape(shapely.geometry.mapping(shapely.force_2d(part)))
            found.update(h3.h3shape_to_cells_experimental(shape, self.resolution, contain="overlap"))
        if len(found) > MOST_CELLS:
            raise GridError(f"{len(found)} cells of H3 {self.resolution}: take a smaller resolution or region")
        ids = np.array(sorted(found), np.int64)
        centres = np.array([h3.cell_to_latlng(cell) for cell in ids.tolist()])
        x, y = from_wgs84(centres[:, 1], centres[:, 0], f"epsg:{epsg}")
        # The inscribed circle of a regular hexagon; H3's differ from it by some per cent.
        inner_m = float(np.sqrt(h3.average_hexagon_area(self.resolution, unit="m^2") / (2 * np.sqrt(3))))
        return Cells(self, epsg, ids, x, y, inner_m, None)


Grid = SquareGrid | H3Grid


@dataclass(frozen=True)
class Window:
    """The rectangle of a square grid that holds all cells: first ``row`` (southernmost), first ``column``, ``shape``
    (rows, columns) and the edge in metres."""

    row: int
    column: int
    shape: tuple[int, int]
    cell_m: int

    @property
    def transform(self) -> Affine:
        """Of a picture whose first row is the northernmost, as GDAL has it."""
        west, north = self.column * self.cell_m, (self.row + self.shape[0]) * self.cell_m
        return Affine(self.cell_m, 0, west, 0, -self.cell_m, north)

    def burn(self, shapes: Sequence[Any], values: Sequence[int], all_touched: bool) -> NDArray[np.int32]:
        """The value of the last shape (on the plane) that covers each cell, 0 where none does; southernmost first."""
        from rasterio.features import rasterize  # late: see gis/grids/rasters.py

        pairs = zip(shapes, values, strict=True)
        burnt = rasterize(pairs, self.shape, transform=self.transform, all_touched=all_touched, dtype="int32")
        return burnt[::-1]


@dataclass(frozen=True)
class Cells:
    """Cells as columns, by id.

    Attributes
    ----------
    grid : SquareGrid or H3Grid
        What they belong to.
    epsg : int
        The plane of ``x`` and ``y``.
    id : int64[n]
        Ascending; of squares row and column, of hexagons H3's own index.
    x, y : float64[n]
        Centres in metres on the plane, easting first.
    inner_m : float
        Radius of the circle inside a cell.
    window : Window or None
        Of squares.
    """

    grid: Grid
    epsg: int
    id: Ids
    x: Floats
    y: Floats
    inner_m: float
    window: Window | None

    def __len__(self) -> int:
        return len(self.id)

    @cached_property
    def degrees(self) -> tuple[Floats, Floats]:
        """Longitude and latitude of the centres, EPSG:4326."""
        return to_wgs84(self.x, self.y, f"epsg:{self.epsg}")

    @cached_property
    def flat(self) -> Ids:
        """Where each cell is in the window's array, row by row from the south; of squares only."""
        window = self._window()
        row, column = np.divmod(self.id, _ROW)
        return (row - window.row) * window.shape[1] + column - window.column

    @cached_property
    def _at(self) -> NDArray[np.int32]:
        """Which cell is at each place of the window, -1 for none."""
        shape = self._window().shape
        at = np.full(shape[0] * shape[1], -1, np.int32)
        at[self.flat] = np.arange(len(self), dtype=np.int32)
        return at

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(shapely.points(self.x, self.y))

    def near(self, bounds: Floats) -> Pairs:
        """Which cells have their centre within which boxes.

        Parameters
        ----------
        bounds : float64[k, 4]
            West, south, east, north in metres on the plane.

        Returns
        -------
        box, cell : int64[m]
            Pairs, by box.
        """
        if self.window is None:
            box, cell = self._tree.query(shapely.box(*bounds.T))
            order = np.argsort(box, kind="stable")
            return box[order], cell[order]
        window, edge = self.window, self.window.cell_m
        first = np.array([window.column, window.row])
        low = np.ceil(bounds[:, :2] / edge - 0.5).astype(np.int64) - first
        high = np.floor(bounds[:, 2:] / edge - 0.5).astype(np.int64) - first
        low = np.maximum(low, 0)
        high = np.minimum(high, [window.shape[1] - 1, window.shape[0] - 1])
        wide, tall = np.maximum(high - low + 1, 0).astype(np.int64).T
        tall = np.where(wide > 0, tall, 0).astype(np.int64)
        # One run of neighbouring places for each row of each box.
        strip = np.repeat(np.arange(len(bounds)), tall)
        row = ranges(low[:, 1].astype(np.int64), tall)
        width = wide[strip]
        place = ranges((row * window.shape[1] + low[strip, 0]).astype(np.int64), width)
        cell = self._at[place]
        box = np.repeat(strip, width)
        known = cell >= 0
        return box[known], cell[known].astype(np.int64)

    def locate(self, lon: Floats, lat: Floats) -> Ids:
        """Which cell (its place in the columns) each point is in, -1 for none: int64[k]; degrees, any shape."""
        if self.window is None:
            resolution = self.grid.resolution  # type: ignore[union-attr]
            pairs = zip(np.nan_to_num(lat).ravel().tolist(), np.nan_to_num(lon).ravel().tolist(), strict=True)
            wanted = np.fromiter((h3.latlng_to_cell(*pair, resolution) for pair in pairs), np.int64, lon.size)
            at = np.searchsorted(self.id, wanted).clip(max=len(self) - 1)
            return np.where(self.id[at] == wanted, at, -1).reshape(lon.shape)
        window, edge = self.window, self.window.cell_m
        x, y = from_wgs84(lon, lat, f"epsg:{self.epsg}", strict=False)
        column, row = np.floor(x / edge) - window.column, np.floor(y / edge) - window.row
        # What is not finite compares false.
        within = (row >= 0) & (row < window.shape[0]) & (column >= 0) & (column < window.shape[1])
        found = np.full(lon.shape, -1, np.int64)
        found[within] = self._at[(row[within] * window.shape[1] + column[within]).astype(np.int64)]
        return found

    def regions(self, shapes: Sequence[BaseGeometry]) -> Ids:
        """In which shape each cell's centre is, else the nearest: its number; of several the last.

        ``shapes``: polygons in degrees. A cell on the edge, whose centre lies outside, still belongs to somebody.
        """
        plane = [on_plane(_polygons(shape), self.epsg) for shape in shapes]
        if not plane:
            return np.full(len(self), -1, np.int64)
        parts = np.concatenate(plane)
        number = np.repeat(np.arange(len(plane)), [len(each) for each in plane])
        if self.window is not None:
            burnt = self.window.burn(list(parts), (number + 1).tolist(), all_touched=False)
            found = burnt.reshape(-1)[self.flat].astype(np.int64) - 1
        else:
            found = np.full(len(self), -1, np.int64)
            shapely.prepare(parts)
            for one, part in zip(number.tolist(), parts, strict=True):
                found[shapely.contains_xy(part, self.x, self.y)] = one
        none = np.flatnonzero(found < 0)
        tree = shapely.STRtree(shapely.simplify(parts, self.inner_m))
        found[none] = number[tree.nearest(shapely.points(self.x[none], self.y[none]))]
        return found

    def outlines(self, at: Ids) -> NDArray[np.object_]:
        """Polygons of some cells (by their place in the columns), degrees: object[k]."""
        if self.window is None:
            rings = [np.array(h3.cell_to_boundary(cell))[:, ::-1] for cell in self.id[at].tolist()]
            return np.array([shapely.Polygon(ring) for ring in rings], object)
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * self.inner_m
        points = np.stack([self.x[at], self.y[at]], 1)[:, None] + corners
        lon, lat = to_wgs84(points[..., 0], points[..., 1], f"epsg:{self.epsg}")
        return np.asarray(shapely.polygons(np.stack([lon, lat], -1)), object)

    def _window(self) -> Window:
        if self.window is None:
            raise GridError(f"{self.grid.key} has no rows and columns")
        return self.window


def plane_of(region: BaseGeometry) -> int:
    """EPSG code of the CGCS2000 3-degree Gauss-Krüger plane whose central meridian is nearest to the region's middle.

    Raises
    ------
    GridError
        It is empty, or none of the planes (meridians 75 to 135) is near.
    """
    west, _south, east, _north = region.bounds if not region.is_empty else (np.nan,) * 4
    zone = np.rint((west + east) / 6)
    if not 25 <= zone <= 45:
        raise GridError("no CGCS2000 plane for this region: its middle lies outside 73.5 to 136.5 degrees east")
    return 4534 + int(zone) - 25


def on_plane(shapes: NDArray[np.object_], epsg: int) -> NDArray[np.object_]:
    """Shapes (object[n], degrees) in metres of a plane; one that the plane cannot hold whole becomes empty."""
    flat = np.array(shapely.force_2d(shapes), object)
    points, of = shapely.get_coordinates(flat, return_index=True)
    x, y = from_wgs84(points[:, 0], points[:, 1], f"epsg:{epsg}", strict=False)
    held = np.isfinite(x)
    beyond = np.unique(of[~held])
    flat[beyond] = shapely.Polygon()
    held = ~np.isin(of, beyond)
    return np.asarray(shapely.set_coordinates(flat, np.column_stack([x[held], y[held]])), object)


def _polygons(region: BaseGeometry) -> NDArray[np.object_]:
    parts = np.array([part for part in shapely.get_parts(region) if isinstance(part, shapely.Polygon)], object)
    if not len(parts):
        raise GridError("a region without a polygon has no cells")
    return parts
