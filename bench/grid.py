"""``bench grid``: a risk grid over a whole city from nothing, and brought up to date for a few changed sources.

Shanghai at 100 m, 20,000 sources (nine tenths points, the rest lines and polygons in equal parts) spread to 1,000 and
500 m, three indices, grades, districts. Nothing is stored and nothing need be running.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from bench._report import machine, progress, report

if TYPE_CHECKING:
    from gis.grids.field import Field
    from gis.grids.lattice import Cells
    from gis.grids.spread import Sources

CITY = "310000"
SOURCES = 20_000
CHANGED = 20
GOES = 5
POINTS_M, SHAPES_M = 1_000.0, 500.0
SHAPE_DEG = 0.003


def main(arguments: list[str]) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="sandtable bench grid", description=__doc__)
    parser.add_argument("--json", action="store_true", help="一个 JSON 对象")
    parser.add_argument("--cell-m", type=int, default=100, help="格边长，米（默认 100）")
    parser.add_argument("--sources", type=int, default=SOURCES, help=f"来源数（默认 {SOURCES}）")
    parser.add_argument("--changed", type=int, default=CHANGED, help=f"增量重算时变化的来源数（默认 {CHANGED}）")
    options = parser.parse_args(arguments)
    if options.sources < 20 or not 0 < options.changed <= options.sources // 2:
        parser.error("--sources 至少 20；--changed 至少 1，至多来源数的一半")
    import django

    django.setup()
    report(_measure(options) | {"machine": machine()}, options.json)
    return 0


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    from gis import boundary_data
    from gis.grids.field import refill
    from gis.grids.lattice import SquareGrid

    whole = boundary_data.find(CITY)
    city = boundary_data.boundary(whole)
    districts = [boundary_data.boundary(row) for row in boundary_data.children(whole)]
    sources = _sources(city, options.sources)
    seconds = []
    for go in range(GOES):
        progress(f"whole city, {go + 1} of {GOES}")
        began = time.perf_counter()
        cells = SquareGrid(options.cell_m).cells(city)
        of_district = cells.regions(districts)
        field = _fill(cells, sources)
        indices = _indices(field.values)
        _graded(indices, of_district, len(districts))
        seconds.append(time.perf_counter() - began)
    incremental_ms = []
    for go in range(GOES):
        progress(f"{options.changed} sources, {go + 1} of {GOES}")
        moved = _moved(sources, options.changed, go)
        began = time.perf_counter()
        found, changed, count = refill(field, moved)
        part = _indices({name: values[changed] for name, values in found.values.items()})
        for name, values in indices.items():
            values[changed] = part[name]
        incremental_ms.append((time.perf_counter() - began) * 1000)
        if count != options.changed:
            raise RuntimeError(f"{count} sources were found to have changed, not {options.changed}")
        field, sources = found, moved
    return {
        "cells": len(cells),
        "sources": options.sources,
        "seconds": round(statistics.median(seconds), 2),
        "incremental_ms": round(statistics.median(incremental_ms), 1),
        "incremental_sources": options.changed,
        "incremental_cells": int(changed.sum()),
    }


def _sources(city: shapely.MultiPolygon, count: int) -> dict[str, Sources]:
    from gis.grids.spread import Sources

    rng = np.random.default_rng(5)
    west, south, east, north = city.bounds
    shapely.prepare(city)
    lon, lat = rng.uniform(west, east, count * 6), rng.uniform(south, north, count * 6)
    inside = np.flatnonzero(shapely.contains_xy(city, lon, lat))[:count]
    lon, lat, weight = lon[inside], lat[inside], rng.uniform(0.1, 1, count)
    shaped = len(inside) // 20
    round_ones = shapely.buffer(shapely.points(lon[: 2 * shaped], lat[: 2 * shaped]), SHAPE_DEG)
    keys = np.arange(len(inside))
    return {
        "points": Sources.points(keys[2 * shaped :], lon[2 * shaped :], lat[2 * shaped :], weight[2 * shaped :]),
        "lines": Sources.shapes(keys[:shaped], shapely.boundary(round_ones[:shaped]), weight[:shaped]),
        "polygons": Sources.shapes(keys[:shaped], round_ones[shaped:], weight[shaped : 2 * shaped]),
    }


def _fill(cells: Cells, sources: Mapping[str, Sources]) -> Field:
    from gis.grids.field import fill
    from gis.grids.spread import Spread

    reach_m = {"points": POINTS_M, "lines": SHAPES_M, "polygons": SHAPES_M}
    return fill(cells, {name: Spread(reach_m[name]) for name in sources}, sources)


def _indices(values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    inherent = -100 * np.expm1(-(0.1 * values["points"] + 0.5 * values["polygons"]))
    control = 100 * np.exp(-values["lines"])
    return {"inherent": inherent, "control": control, "composite": inherent * (1 - control / 200)}


def _graded(indices: Mapping[str, np.ndarray], of_district: np.ndarray, districts: int) -> None:
    from gis.grids.grading import Thresholds, summarize

    rising, falling = Thresholds(20, 40, 60), Thresholds(80, 60, 40)
    for name, values in indices.items():
        thresholds = falling if name == "control" else rising
        thresholds.grade(values)
        for district in range(districts):
            summarize(values[of_district == district], thresholds)


def _moved(sources: Mapping[str, Sources], count: int, seed: int) -> dict[str, Sources]:
    from gis.grids.spread import Sources

    points = sources["points"]
    rng = np.random.default_rng(100 + seed)
    lon = points.lon.copy()
    lon[rng.choice(len(lon), count, replace=False)] += 0.005
    return {**sources, "points": Sources(points.key, lon, points.lat, points.weight)}
