"""Ring roads, radial motorways, and the roads and streets of the bent grid."""

from __future__ import annotations

import numpy as np
import shapely

from gis.cityplan.features import Features, features, joined
from gis.cityplan.frame import SoftNoise, smooth_line
from gis.cityplan.lattice import BUILT_UP, REACH, Centre, Lattice, Mask, strings

# Category and farthest zoom of a grid line by the order it stands in: every 16th line is a trunk road.
ORDERS = {16: ("trunk", 8), 8: ("arterial", 10), 4: ("secondary", 11), 1: ("local", 13)}
# Share of lines that have bridges.
BRIDGES = {16: 1.0, 8: 0.8, 4: 0.45}
RINGS = (("内环路", 0.38), ("中环路", 0.68), ("外环路", 1.06))
ROUND_THE_RING = 10


def draw_motorways(
    city: shapely.Geometry, centres: list[Centre], middle_radius_m: float, rng: np.random.Generator
) -> Features:
    """Rings round the first centre, and a motorway (快速路) out to every other centre and on to the city's edge."""
    middle = np.array([centres[0].x, centres[0].y])
    rings, curves = [], []
    for name, part in RINGS:
        angle = np.linspace(0, 2 * np.pi, ROUND_THE_RING, endpoint=False) + rng.uniform(0, 0.5)
        reach_m = part * middle_radius_m * rng.uniform(0.9, 1.1, ROUND_THE_RING)
        points = middle + reach_m[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
        curves.append(shapely.LineString(smooth_line(points, closed=True)))
        rings.append(features("road", "motorway", _lines_of(curves[-1].intersection(city)), name=name, min_zoom=6))
    within = shapely.Polygon(curves[0].coords)
    west, south, east, north = city.bounds
    span_m = float(np.hypot(east - west, north - south))
    sway = SoftNoise(rng, 6_000.0, 25_000.0)
    inner_m = 0.8 * RINGS[0][1] * middle_radius_m
    radials: list[shapely.Geometry] = []
    taken: list[float] = []
    for centre in sorted(centres[1:], key=lambda centre: -centre.radius_m):
        away = np.array([centre.x, centre.y]) - middle
        distance_m = float(np.hypot(*away))
        heading = float(np.arctan2(away[1], away[0]))
        # Two centres in one direction share a motorway; those inside the outer ring need none.
        if distance_m < middle_radius_m or any(
            abs((heading - other + np.pi) % (2 * np.pi) - np.pi) < 0.22 for other in taken
        ):
            continue
        taken.append(heading)
        along = away / distance_m
        way = np.arange(inner_m, span_m, 1_000.0)
        sideways = 900.0 * sway(way + 7_919.0 * len(taken), way * 0) * np.clip((way - inner_m) / 6_000.0, 0, 1)
        points = middle + way[:, None] * along + sideways[:, None] * np.array([-along[1], along[0]])
        radials.append(shapely.LineString(points).simplify(15.0).difference(within).intersection(city))
    lines = [line for radial in radials for line in _lines_of(radial)]
    return joined([*rings, features("road", "motorway", lines, min_zoom=6)])


def _lines_of(shape: shapely.Geometry) -> list[shapely.LineString]:
    parts = shapely.get_parts(shapely.line_merge(shape))
    return [part for part in parts if isinstance(part, shapely.LineString) and part.length > 300.0]


def draw_grid_roads(
    lattice: Lattice, blocked: Mask, merged: Mask, rivers: shapely.Geometry, rng: np.random.Generator
) -> Features:
    """Roads along grid lines, streets where it is built-up.

    Parameters
    ----------
    lattice : Lattice
    blocked : array of bool, shape of the lattice's cells
        Cells that no street may pass beside on both sides: parks.
    merged : array of bool, shape of the lattice's cells
        Cells that are part of a great block, within which there is no street.
    rivers : shapely geometry
        Where streets end and only some roads have bridges.
    rng : numpy Generator
    """
    parts = []
    shapely.prepare(rivers)
    for x, y, inside, density, shut, great in (
        (lattice.x, lattice.y, lattice.inside, lattice.density, blocked, merged),
        (lattice.x.T, lattice.y.T, lattice.inside.T, lattice.density.T, blocked.T, merged.T),
    ):
        both = inside[:, :-1] & inside[:, 1:]
        grown = np.minimum(density[:, :-1], density[:, 1:])
        number = np.arange(x.shape[0])
        # Asking about the rest, most of the lattice, would only take time.
        wet = _edges_meet(rivers, x, y, both & ((number % 4 == 0)[:, None] | (grown > BUILT_UP)))
        for order, (category, zoom) in ORDERS.items():
            coarser = [other for other in ORDERS if other > order]
            mine = (number % order == 0) & np.all([number % other != 0 for other in coarser], axis=0)
            kept = both & mine[:, None] & (grown > (REACH[order] if order > 1 else BUILT_UP))
            if order == 1:
                # A street between two cells of one park or one great block is none.
                closed = np.zeros_like(kept)
                odd = np.arange(1, x.shape[0] - 1).reshape(-1, 1) % 2 == 1
                closed[1:-1] = (shut[:-1] & shut[1:]) | (great[:-1] & great[1:] & odd)
                kept &= ~closed & ~wet
            else:
                bridges = rng.random((x.shape[0], 1)) < BRIDGES[order]
                kept &= ~wet | bridges
                # In the fields a grid line is a road for some kilometres, then for some it is not.
                stretch = np.repeat(rng.random((x.shape[0], x.shape[1] // 16 + 1)) < 0.72, 16, axis=1)
                kept &= stretch[:, : x.shape[1] - 1] | (grown > REACH[8])
            lines, _rows = strings(x, y, kept)
            parts.append(features("road", category, lines, min_zoom=zoom))
    return joined(parts)


def _edges_meet(rivers: shapely.Geometry, x: np.ndarray, y: np.ndarray, wanted: Mask) -> Mask:
    """Which of the wanted edges along the second axis meet the rivers."""
    i, j = np.nonzero(wanted)
    ends = np.stack([np.column_stack([x[i, j], y[i, j]]), np.column_stack([x[i, j + 1], y[i, j + 1]])], axis=1)
    meets = np.zeros_like(wanted)
    meets[i, j] = shapely.intersects(rivers, shapely.linestrings(ends))
    return meets
