"""``bench parts``: what the pieces of the road take by themselves, each the median of several goes.

Fences, datums, the districts' tiles, the search's text. In an installation of its own; ``--here``: in the present one.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bench._report import machine, progress, report
from bench._throwaway import run_loading

if TYPE_CHECKING:
    from layers.search import Text

GOES = 7
POINTS = 20_000
CONVERTED = 1_000_000
SEARCHED = 200_000
WEST, SOUTH, EAST, NORTH = 121.0, 30.8, 122.0, 31.8


def main(arguments: list[str]) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="sandtable bench parts", description=__doc__)
    parser.add_argument("--json", action="store_true", help="一个 JSON 对象")
    parser.add_argument("--here", action="store_true", help="在当前安装上运行")
    return run_loading("parts", parser, arguments, _here)


def _here(options: argparse.Namespace) -> int:
    figures: dict[str, object] = {}
    for name, measure in (("fences", _fences), ("datums", _datums), ("tiles", _tiles), ("search", _search)):
        progress(name)
        figures |= measure()
    figures["machine"] = machine()
    report(figures, options.json)
    return 0


def _median_ms(work: Callable[[], object]) -> float:
    """Median time of a go in milliseconds, after one that does not count."""
    work()
    times = []
    for _ in range(GOES):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return round(statistics.median(times) * 1000, 2)


def _places(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(WEST, EAST, n), rng.uniform(SOUTH, NORTH, n)


def _fences() -> dict[str, object]:
    import shapely

    from gis.fences import FenceIndex, transitions

    lon, lat = _places(POINTS, 1)
    asset = np.arange(POINTS)
    figures: dict[str, object] = {}
    for count in (1_000, 10_000, 100_000):
        centres = shapely.points(*_places(count, 2))
        index = FenceIndex.build(list(range(count)), list(shapely.buffer(centres, 0.0025, quad_segs=9)))
        figures[f"fences_{count}_locate_{POINTS}_points_ms"] = _median_ms(partial(index.locate, lon, lat))
        if count == 10_000:
            inside = index.locate(lon, lat)
            before = index.locate(lon + 0.001, lat)
            figures[f"fences_{count}_transitions_{POINTS}_points_ms"] = _median_ms(
                partial(transitions, asset, *inside, *before)
            )
    return figures


def _datums() -> dict[str, object]:
    from gis.crs import from_wgs84, to_wgs84

    lon, lat = _places(CONVERTED, 3)
    figures: dict[str, object] = {}
    for datum in ("cgcs2000-gk3-cm120", "gcj02", "bd09"):
        there = from_wgs84(lon, lat, datum)
        figures[f"datum_{datum}_{CONVERTED}_points_ms"] = _median_ms(partial(to_wgs84, *there, datum))
    return figures


def _tiles() -> dict[str, object]:
    from access.scope import Scope
    from gis.rendering import render_tile
    from gis.tiles import registry

    layer = registry.find("regions")
    clause = layer.scope_clause(Scope(everything=True))
    return {
        f"tile_regions_z{z}_ms": _median_ms(partial(render_tile, layer, z, x, y, clause))
        for z, x, y in ((8, 214, 104), (10, 857, 418), (12, 3429, 1673))
    }


def _search() -> dict[str, object]:
    from layers.search import Text

    rng = np.random.default_rng(4)
    words = ["焊机", "浦东", "化工", "人员", "巡逻车", "无人机", "徐汇", "罐区"]
    picks = rng.integers(0, len(words), (SEARCHED, 2))
    rows = [(i, f"W-{i:06d}", f"{words[a]}{words[b]}{i}") for i, (a, b) in enumerate(picks.tolist())]
    began = time.perf_counter()
    text = Text(rows)
    figures: dict[str, object] = {f"search_{SEARCHED}_build_s": round(time.perf_counter() - began, 2)}
    for name, query in (("code", "W-199999"), ("pinyin", "hanji199"), ("nothing", "不存在的名称")):
        figures[f"search_{SEARCHED}_{name}_ms"] = _median_ms(partial(_found, text, query))
    return figures


def _found(text: Text, query: str) -> list[int]:
    return list(text.find(query))
