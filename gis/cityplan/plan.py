"""Draws the whole city, part by part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely

from gis.cityplan.blocks import draw_belt, draw_blocks, draw_urban_outline, sort_cells
from gis.cityplan.buildings import draw_buildings
from gis.cityplan.features import Features, joined
from gis.cityplan.frame import Frame
from gis.cityplan.lattice import STEP_M, Centre, bent_grid
from gis.cityplan.roads import RINGS, draw_grid_roads, draw_motorways
from gis.cityplan.sketches import KNOWN, Cluster, sketch_for
from gis.cityplan.water import draw_canals, draw_lakes_and_woods, draw_rivers

# One town for so many square kilometres of a district, never more than so many in all.
TOWN_KM2 = 26.0
MOST_TOWNS = 600


def draw_city(code: str, districts: Sequence[shapely.Geometry], seed: int) -> Features:
    """Draw a city within its districts.

    Parameters
    ----------
    code : str
        The city's code; some have a rough hint of their own (:mod:`gis.cityplan.sketches`).
    districts : sequence of shapely geometries
        Boundaries in EPSG:4326; nothing is drawn outside them.
    seed : int
        The same seed draws the same city.

    Returns
    -------
    Features
        Geometries in EPSG:4326, simple and valid.
    """
    frame = _frame(code, districts)
    areas = [frame.shape_to_plane(shape) for shape in districts]
    city = shapely.union_all(areas)

    def rng(part: int) -> np.random.Generator:
        return np.random.default_rng([seed, part])

    sketch = sketch_for(code, frame, city, rng(1))
    middle_radius_m = float(np.clip(0.3 * np.sqrt(city.area / np.pi), 1_500.0, 14_000.0))
    centres = _centres(areas, middle_radius_m, rng(2))
    lattice = bent_grid(city, centres, rng(3))
    cells = sort_cells(lattice, rng(4))

    rivers = draw_rivers(sketch, city)
    river_surface = shapely.union_all(rivers.geometry)
    country = draw_lakes_and_woods(lattice, city, river_surface, rng(5))
    lakes = country.geometry[country.kind == "water"]
    wet = shapely.union_all([river_surface, *lakes])
    canals = draw_canals(lattice, wet, rng(6))
    motorways = draw_motorways(city, centres[: len(areas) + 1], middle_radius_m, rng(7))
    roads = draw_grid_roads(lattice, cells.park, cells.great, wet, rng(8))
    blocks = draw_blocks(lattice, cells, wet, rng(9))
    outline = draw_urban_outline(lattice, cells)
    belt = draw_belt(motorways.geometry[motorways.name == RINGS[-1][0]], city, wet)
    corridor = shapely.union_all(motorways.geometry).buffer(28.0, quad_segs=2)
    buildings = _buildings(blocks, sketch.clusters, shapely.union(corridor, wet), rng(10))
    whole = joined([rivers, country, canals, belt, outline, blocks, roads, motorways, buildings])
    return _sound(whole.moved(frame.shape_to_degrees(whole.geometry)))


def _frame(code: str, districts: Sequence[shapely.Geometry]) -> Frame:
    """Its origin is the city's middle: where the small districts are, as cities grew from there."""
    if code in KNOWN:
        return Frame(*KNOWN[code].centre)
    points = np.array([shape.representative_point().coords[0] for shape in districts])
    weight = np.array([1.0 / shape.area for shape in districts]) ** 1.5
    middle = shapely.Point(np.average(points, axis=0, weights=weight))
    city = shapely.union_all(list(districts))
    if not city.contains(middle):
        middle = city.representative_point()
    return Frame(middle.x, middle.y)


def _centres(areas: list[shapely.Geometry], middle_radius_m: float, rng: np.random.Generator) -> list[Centre]:
    """The middle, a centre of each district, and towns."""
    centres = [Centre(0.0, 0.0, middle_radius_m, 1.0)]
    for area in areas:
        spot = area.representative_point()
        size_m = float(np.clip(0.17 * np.sqrt(area.area), 900.0, 4_500.0))
        centres.append(Centre(spot.x, spot.y, size_m, 0.85))
    total_km2 = sum(area.area for area in areas) / 1e6
    share = min(1.0, MOST_TOWNS * TOWN_KM2 / total_km2)
    for area in areas:
        west, south, east, north = area.bounds
        shapely.prepare(area)
        wanted = int(area.area / 1e6 / TOWN_KM2 * share)
        points = rng.uniform((west, south), (east, north), (8 * wanted + 8, 2))
        for x, y in points[shapely.contains_xy(area, points)][:wanted]:
            centres.append(Centre(float(x), float(y), float(rng.uniform(600.0, 1_700.0)), float(rng.uniform(0.5, 0.8))))
    return centres


def _buildings(
    blocks: Features,
    clusters: tuple[Cluster, ...],
    kept_free: shapely.Geometry,
    rng: np.random.Generator,
) -> Features:
    """Buildings stand in blocks that still have the four long sides of a cell; riversides stay open."""
    whole = (blocks.kind == "block") & (shapely.get_num_coordinates(blocks.geometry) == 5)
    shapes = blocks.geometry[whole]
    corners = shapely.get_coordinates(shapes).reshape(-1, 5, 2)[:, :4]
    side_m = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=-1)
    full = (side_m > 0.6 * STEP_M).all(axis=1) & (side_m < 1.6 * STEP_M).all(axis=1)
    return draw_buildings(shapes[full], corners[full], clusters, kept_free, rng)


def _sound(drawn: Features) -> Features:
    """Without the handful that rounding to a centimetre has made invalid or empty."""
    return drawn.only(shapely.is_valid(drawn.geometry) & ~shapely.is_empty(drawn.geometry))
