"""``bench fences``: what the fence engine takes for a position, by the number of areas.

The work of the ingest on columns: who is in which area, who entered and left, with hysteresis. Nothing is stored and
nothing need be running. With ``--tile38`` a Tile38 server is asked the same: which areas contain each position.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from typing import Any

import numpy as np
import shapely

from bench._report import machine, progress, report
from bench._tile38 import Tile38, Tile38Error
from gis.fences import FenceIndex, transitions
from gis.hysteresis import Rows, Waiting, hold_exits
from gis.plane import M_PER_DEG

AREAS = (1_000, 10_000, 100_000)
POSITIONS = 200_000
BATCH = 10_000
"""Positions a transaction: half a second of 20,000."""
MARGIN_M = 10.0
AFTER_US = 30_000_000
STEP_M = 10.0
CITY = (121.0, 30.8, 122.0, 31.8)
RADIUS_DEG = 0.0025
Columns = tuple[np.ndarray, ...]


def main(arguments: list[str]) -> int:
    """Run the benchmark; exit code 1 where the server answers otherwise than the engine."""
    parser = argparse.ArgumentParser(prog="sandtable bench fences", description=__doc__)
    parser.add_argument("--json", action="store_true", help="一个 JSON 对象")
    parser.add_argument("--areas", type=int, nargs="+", default=list(AREAS), help="电子围栏数，可给多个")
    parser.add_argument("--positions", type=int, default=POSITIONS, help=f"位置数（默认 {POSITIONS}）")
    parser.add_argument("--tile38", metavar="HOST:PORT", help="同样的工作交给这台 Tile38，并给出比值")
    options = parser.parse_args(arguments)
    if min([*options.areas, options.positions]) < 1:
        parser.error("--areas, --positions: 1 或更多")
    curve, agreed = [], True
    with contextlib.ExitStack() as stack:
        try:
            peer = stack.enter_context(Tile38(options.tile38)) if options.tile38 else None
            for count in options.areas:
                progress(f"{count} areas")
                lon, lat, polygons = _areas(count)
                batches = _stream(options.positions, lon, lat)
                point = _engine(polygons, batches)
                if peer is not None:
                    point |= _peer(peer, polygons, batches[0], point)
                    agreed &= point["peer_agrees"]
                curve.append(point)
            version = peer.version() if peer is not None else None
        except Tile38Error as error:
            parser.exit(1, f"tile38: {error}\n")
    figures = {
        "positions": options.positions,
        "batch": BATCH,
        "curve": curve,
        "checks_per_s_core": curve[-1]["checks_per_s_core"],
        "us_per_position": curve[-1]["us_per_position"],
        "peer_ratio": curve[-1].get("peer_ratio"),
        "peer": version,
        "machine": machine(),
    }
    report(figures, options.json)
    return int(not agreed)


def _areas(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Middles and shapes of rounds of a quarter of a kilometre all over the city, with 36 corners."""
    rng = np.random.default_rng(2)
    west, south, east, north = CITY
    lon, lat = rng.uniform(west, east, count), rng.uniform(south, north, count)
    return lon, lat, np.asarray(shapely.buffer(shapely.points(lon, lat), RADIUS_DEG, quad_segs=9))


def _stream(positions: int, area_lon: np.ndarray, area_lat: np.ndarray) -> list[Columns]:
    """Batches of (asset, microseconds, lon, lat): things at areas, each once in two seconds, ten metres on.

    However many areas there are, most things are in one and some cross its border: what grows is the search.
    """
    rng = np.random.default_rng(1)
    things = min(positions, 4 * BATCH)
    at = rng.integers(0, len(area_lon), things)
    lon, lat = (
        area_lon[at] + rng.normal(0, RADIUS_DEG, things) / 2,
        area_lat[at] + rng.normal(0, RADIUS_DEG, things) / 2,
    )
    heading = rng.uniform(0, 2 * np.pi, things)
    step = STEP_M / M_PER_DEG * np.c_[np.sin(heading) / np.cos(np.radians(lat)), np.cos(heading)]
    batches: list[Columns] = []
    for first in range(0, positions, BATCH):
        asset = np.sort(np.arange(first, min(first + BATCH, positions)) % things)
        turn = first // things
        on = step[asset] * turn
        time_us = np.full(len(asset), turn * 2_000_000)
        batches.append((asset, time_us, lon[asset] + on[:, 0], lat[asset] + on[:, 1]))
    return batches


def _engine(polygons: np.ndarray, batches: list[Columns]) -> dict[str, Any]:
    began = time.perf_counter()
    index = FenceIndex.build(np.arange(len(polygons)), polygons)
    build_s = time.perf_counter() - began
    present: tuple[np.ndarray, np.ndarray] = (np.zeros(0, np.int64), np.zeros(0, np.int64))
    waiting = Waiting.nothing()
    _follow(index, batches[0], *present, waiting)  # the first question builds what later ones use
    inside = events = 0
    began, began_cpu = time.perf_counter(), time.process_time()
    for batch in batches:
        found, held, rest = _follow(index, batch, *present, waiting)
        inside += found
        events += len(held.change.point_index)
        present = held.change.present_asset, held.change.present_fence
        waiting = Waiting(*(np.r_[a, b] for a, b in zip(_columns(rest), _columns(held.waiting), strict=True)))
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    positions = sum(len(batch[0]) for batch in batches)
    return {
        "areas": len(polygons),
        "build_s": round(build_s, 3),
        "inside": inside,
        "events": events,
        "us_per_position": round(cpu_s / positions * 1e6, 2),
        "checks_per_s_core": round(positions / cpu_s),
        "positions_per_s": round(positions / wall_s),
    }


def _follow(
    index: FenceIndex, batch: Columns, was_asset: np.ndarray, was_fence: np.ndarray, waiting: Waiting
) -> tuple[int, Any, Waiting]:
    """One batch as the intake follows it; who waits and is not in it waits on."""
    asset, time_us, lon, lat = batch
    n = len(asset)
    nowhere, margin_m = np.full(n, np.nan), np.full(n, MARGIN_M)
    row, fence = index.locate(lon, lat)
    change = transitions(asset, row, fence, was_asset, was_fence)
    here = np.isin(waiting.asset, asset)
    held = hold_exits(
        change,
        Rows(asset, time_us, np.full(n, AFTER_US)),
        np.zeros(n, bool),
        lambda f, r: index.near(f, lon[r], lat[r], nowhere[r], margin_m[r]),
        waiting.take(np.flatnonzero(here)),
    )
    return len(row), held, waiting.take(np.flatnonzero(~here))


def _columns(waiting: Waiting) -> Columns:
    return waiting.asset, waiting.subject, waiting.since_us, waiting.inward


def _peer(peer: Tile38, polygons: np.ndarray, batch: Columns, own: dict[str, Any]) -> dict[str, Any]:
    """The same question to the server: one connection, queries sent in advance, wall time on both sides."""
    _asset, _time_us, lon, lat = batch
    progress(f"tile38: storing {len(polygons)} areas")
    peer.load(polygons)
    try:
        points = list(zip(lon.tolist(), lat.tolist(), strict=True))
        began = time.perf_counter()
        found = [sorted(areas) for areas in peer.containing(points)]
        seconds = time.perf_counter() - began
    finally:
        peer.drop()
    row, fence = FenceIndex.build(np.arange(len(polygons)), polygons).locate(lon, lat)
    mine: list[list[int]] = [[] for _point in points]
    for at, area in zip(row.tolist(), fence.tolist(), strict=True):
        mine[at].append(area)
    return {
        "peer_positions_per_s": round(len(points) / seconds),
        "peer_agrees": found == [sorted(areas) for areas in mine],
        "peer_ratio": round(own["positions_per_s"] / (len(points) / seconds), 2),
    }
