"""Where a city's centres and rivers lie: rough hints for cities people will recognise, drawn for all others.

The hints are strokes from general knowledge, good to some hundred metres; they are no survey and no copy of a map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.cityplan.frame import Floats, Frame, smooth_line

Pair = tuple[float, float]


@dataclass(frozen=True)
class River:
    """A river: its name, width in metres and points in degrees (or, once on the board, in metres)."""

    name: str
    width_m: float
    points: tuple[Pair, ...]


@dataclass(frozen=True)
class Cluster:
    """A group of high buildings: its middle, radius in metres, height of its highest ordinary buildings in metres.

    ``landmarks_m`` are the heights of the few that stand out of it.
    """

    point: Pair
    radius_m: float
    height_m: float
    landmarks_m: tuple[float, ...] = ()


@dataclass(frozen=True)
class Sketch:
    """The strokes that everything else is drawn around."""

    centre: Pair
    rivers: tuple[River, ...]
    clusters: tuple[Cluster, ...]

    def on(self, frame: Frame) -> Sketch:
        """The same in metres of ``frame``."""

        def place(point: Pair) -> Pair:
            x, y = frame.to_plane(point)
            return float(x), float(y)

        return Sketch(
            place(self.centre),
            tuple(River(r.name, r.width_m, tuple(place(p) for p in r.points)) for r in self.rivers),
            tuple(Cluster(place(c.point), c.radius_m, c.height_m, c.landmarks_m) for c in self.clusters),
        )


SHANGHAI = Sketch(
    centre=(121.472, 31.230),
    rivers=(
        River(
            "黄浦江",
            430.0,
            (
                (121.00, 30.955), (121.12, 30.952), (121.22, 30.965), (121.31, 30.985), (121.39, 30.984),
                (121.455, 31.000), (121.487, 31.040), (121.470, 31.090), (121.462, 31.130), (121.455, 31.165),
                (121.474, 31.190), (121.501, 31.208), (121.500, 31.224), (121.4935, 31.238), (121.501, 31.2475),
                (121.520, 31.2505), (121.545, 31.258), (121.562, 31.282), (121.548, 31.320), (121.524, 31.355),
                (121.505, 31.395), (121.500, 31.440),
            ),
        ),
        River(
            "苏州河",
            55.0,
            (
                (121.02, 31.300), (121.12, 31.288), (121.20, 31.275), (121.28, 31.252), (121.34, 31.228),
                (121.375, 31.222), (121.408, 31.232), (121.430, 31.246), (121.450, 31.250), (121.466, 31.243),
                (121.480, 31.247), (121.497, 31.2445),
            ),
        ),
    ),
    clusters=(
        Cluster((121.5065, 31.2360), 1600.0, 265.0, (632.0, 492.0, 420.0)),
        Cluster((121.4740, 31.2310), 1600.0, 190.0, (283.0,)),
        Cluster((121.4470, 31.2245), 1500.0, 190.0, (288.0,)),
        Cluster((121.4375, 31.1935), 1450.0, 170.0, (260.0,)),
        Cluster((121.5140, 31.3010), 1350.0, 110.0),
        Cluster((121.4030, 31.2050), 1350.0, 140.0),
    ),
)  # fmt: skip
KNOWN = {"310000": SHANGHAI}


def sketch_for(code: str, frame: Frame, city: shapely.Geometry, rng: np.random.Generator) -> Sketch:
    """The hint for this city, otherwise one made up; in metres of ``frame``.

    Parameters
    ----------
    code : str
        The region's code.
    frame : Frame
        Its origin is taken for the city's middle.
    city : shapely geometry
        The city in metres.
    rng : numpy Generator
    """
    if code in KNOWN:
        return KNOWN[code].on(frame)
    river = _main_river(city, rng)
    line = shapely.LineString(river.points)
    nearest = line.interpolate(line.project(shapely.Point(0.0, 0.0)))
    across = np.array([nearest.x, nearest.y])
    beyond = across + across / max(float(np.hypot(*across)), 1.0) * 900.0
    clusters = [
        Cluster((0.0, 0.0), 1600.0, 190.0, (300.0,)),
        Cluster((float(beyond[0]), float(beyond[1])), 1600.0, 250.0, (560.0, 430.0)),
    ]
    turn = rng.uniform(0, 2 * np.pi)
    for step in range(4):
        angle, reach_m = turn + step * np.pi / 2 + rng.uniform(-0.4, 0.4), rng.uniform(3500.0, 7000.0)
        spot = shapely.Point(reach_m * np.cos(angle), reach_m * np.sin(angle))
        if city.contains(spot):
            clusters.append(Cluster((spot.x, spot.y), 1350.0, float(rng.uniform(100.0, 180.0))))
    return Sketch((0.0, 0.0), (river, _tributary(river, city, rng)), tuple(clusters))


def _main_river(city: shapely.Geometry, rng: np.random.Generator) -> River:
    """A winding river from edge to edge that passes a kilometre from the middle."""
    west, south, east, north = city.bounds
    reach_m = float(np.hypot(east - west, north - south))
    direction = rng.uniform(0, np.pi)
    along, across = _unit(direction), _unit(direction + np.pi / 2)
    way = np.arange(-reach_m, reach_m, 2200.0)
    bends = 1300.0 * np.sin(way / 2900.0 + rng.uniform(0, 6.28)) + 2600.0 * np.sin(way / 9100.0 + rng.uniform(0, 6.28))
    bends += 1450.0 - float(np.interp(0.0, way, bends))
    points = way[:, None] * along + bends[:, None] * across
    return River("", 330.0, _pairs(points))


def _tributary(river: River, city: shapely.Geometry, rng: np.random.Generator) -> River:
    """A narrow river that joins the main one near the middle."""
    line = shapely.LineString(river.points)
    mouth = line.interpolate(line.project(shapely.Point(0.0, 0.0)) + 700.0)
    west, south, east, north = city.bounds
    away = np.arctan2(-mouth.y, -mouth.x) + rng.uniform(-0.5, 0.5)
    way = np.arange(0.0, float(np.hypot(east - west, north - south)) / 2, 1700.0)
    bends = 600.0 * np.sin(way / 2100.0) + 1400.0 * np.sin(way / 6400.0)
    points = np.array([mouth.x, mouth.y]) + way[:, None] * _unit(away) + bends[:, None] * _unit(away + np.pi / 2)
    return River("", 50.0, _pairs(points))


def _unit(angle: float) -> Floats:
    return np.array([np.cos(angle), np.sin(angle)])


def _pairs(points: NDArray[np.float64]) -> tuple[Pair, ...]:
    return tuple((float(x), float(y)) for x, y in points)


def river_line(river: River) -> shapely.LineString:
    """The middle of a river, smooth; in the units of its points."""
    return shapely.LineString(smooth_line(river.points))
