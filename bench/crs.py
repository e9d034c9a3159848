"""``bench crs``: how fast coordinates change their datum, and what a way there and back leaves.

A million points over a city through every kind of conversion that has a name: shifted web maps, a Gauss-Krüger zone, a
calibrated plane grid and a seven-parameter transformation. Nothing is stored and nothing need be running.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from bench._report import machine, progress, report

POINTS = 1_000_000
REPEATS = 3
CITY = (121.0, 30.8, 122.0, 31.8)
CONTROL = 25
Floats = NDArray[np.float64]
Conversion = Callable[[Floats, Floats], tuple[Floats, Floats]]
PLANE = "+proj=tmerc +lat_0=0 +lon_0=121.464444 +k=1 +x_0=0 +y_0=-3457147.81 +ellps=GRS80"
TO_RADIANS = "+step +proj=unitconvert +xy_in=deg +xy_out=rad"


def main(arguments: list[str]) -> int:
    """Run the benchmark; exit code 1 where a way there and back is off by a millimetre or more."""
    parser = argparse.ArgumentParser(prog="sandtable bench crs", description=__doc__)
    parser.add_argument("--json", action="store_true", help="一个 JSON 对象")
    parser.add_argument("--points", type=int, default=POINTS, help=f"点数（默认 {POINTS}）")
    options = parser.parse_args(arguments)
    if options.points < 1:
        parser.error("--points: 1 或更多")
    import django

    django.setup()
    rng = np.random.default_rng(11)
    lon = rng.uniform(CITY[0], CITY[2], options.points)
    lat = rng.uniform(CITY[1], CITY[3], options.points)
    figures = {}
    for name, (outward, homeward) in _conversions().items():
        progress(name)
        figures[name] = _measure(lon, lat, outward, homeward)
    scale = 1_000_000 / options.points
    report(
        {
            "points": options.points,
            # The promise is about calibrations; what else there is stands below, each for itself.
            "million_points_s": round(
                max(f["to_wgs84_s"] for name, f in figures.items() if name.startswith("calibrated")) * scale, 3
            ),
            "round_trip_max_m": max(f["round_trip_max_m"] for f in figures.values()),
            "conversions": figures,
            "machine": machine(),
        },
        options.json,
    )
    return int(any(f["round_trip_max_m"] >= 1e-3 for f in figures.values()))


def _measure(lon: Floats, lat: Floats, outward: Conversion, homeward: Conversion) -> dict[str, float]:
    """Medians of the seconds for all points, and the largest distance between a point and what came back."""
    out_s, home_s = [], []
    for _repeat in range(REPEATS):
        started = time.perf_counter()
        x, y = outward(lon, lat)
        out_s.append(time.perf_counter() - started)
        started = time.perf_counter()
        back_lon, back_lat = homeward(x, y)
        home_s.append(time.perf_counter() - started)
    far = np.argsort(np.hypot(back_lon - lon, back_lat - lat))[-1000:]
    _there, _back, metres = Geod(ellps="WGS84").inv(lon[far], lat[far], back_lon[far], back_lat[far])
    return {
        "to_wgs84_s": round(float(np.median(home_s)), 3),
        "from_wgs84_s": round(float(np.median(out_s)), 3),
        "round_trip_max_m": float(f"{np.max(metres):.2g}"),
    }


def _conversions() -> dict[str, tuple[Conversion, Conversion]]:
    """From EPSG:4326 and back, by name."""
    from gis.crs import from_wgs84, to_wgs84

    def named(datum: str) -> tuple[Conversion, Conversion]:
        return lambda x, y: from_wgs84(x, y, datum), lambda x, y: to_wgs84(x, y, datum)

    names = ("gcj02", "bd09", "bd09mc", "cgcs2000-gk3-40", "epsg:3857")
    return {name: named(name) for name in names} | _calibrated()


def _calibrated() -> dict[str, tuple[Conversion, Conversion]]:
    """Calibrations from made-up control points: a turned grid, and an old ellipsoid, in degrees and on a plane."""
    from pyproj import Transformer

    from gis.calibration.choice import compare
    from gis.calibration.models import Model
    from gis.calibration.pipeline import conversions
    from gis.calibration.points import ControlPoints
    from gis.calibration.sources import Source

    rng = np.random.default_rng(12)
    lon, lat = rng.uniform(CITY[0], CITY[2], CONTROL), rng.uniform(CITY[1], CITY[3], CONTROL)
    names, unknown = tuple(map(str, range(CONTROL))), np.full(CONTROL, np.nan)

    def fitted(steps: str, source: Source, model: Model) -> tuple[Conversion, Conversion]:
        x, y = Transformer.from_pipeline(f"+proj=pipeline {TO_RADIANS} {steps}").transform(lon, lat)
        points = ControlPoints(names, np.column_stack([x, y]), np.column_stack([lon, lat]), unknown, unknown)
        return conversions(compare(points, source).of(model).pipeline, source.degrees)

    old = "+step +proj=cart +ellps=GRS80 +step +inv +proj=helmert +x=-12 +y=130 +z=80 +rx=0.1 +ry=-0.2 +rz=1 +s=4 "
    old += "+exact +convention=position_vector +step +inv +proj=cart +ellps=krass"
    zone = "+proj=tmerc +lat_0=0 +lon_0=120 +k=1 +x_0=500000 +y_0=0"
    grid = f"+step {PLANE} +step +proj=affine +s11=0.99998 +s12=-0.004 +s21=0.004 +s22=0.99998"
    return {
        "calibrated-similarity": fitted(grid, Source(degrees=False), Model.SIMILARITY),
        "calibrated-affine": fitted(grid, Source(degrees=False), Model.AFFINE),
        "calibrated-bursa-wolf": fitted(
            f"{old} +step +proj=unitconvert +xy_in=rad +xy_out=deg", Source(True, "krass"), Model.BURSA_WOLF
        ),
        "calibrated-bursa-wolf-plane": fitted(
            f"{old} +step {zone} +ellps=krass", Source(False, "krass", zone), Model.BURSA_WOLF
        ),
    }
