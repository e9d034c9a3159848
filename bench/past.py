"""``bench past``: the map at a past moment and the rows to play it, over a history of millions of rows.

Times are of the HTTP doors inside the process (sign-in, scope, database, Arrow), each the median of several goes at
random moments, for the whole city and for one district's officer.

- ``city_*``, ``district_*``: a history of ``--rows`` rows, at moments and played.
- ``town_*``: a city of ``--things`` things, of which a twentieth is at work: everything, and a viewport of 12 by 11 km.
- ``hot_*``, ``archived_*``: a day of ``--day-things`` things with a row every ``--every`` seconds, in the database and
  then in a file: the track of that day, who was within a circle of 1.5 km (``within``) and within 43 by 55 km
  (``half``, as many of the things) on that day, the viewport at a moment.

``--only`` measures one of the three alone. In an installation of its own; ``--here``: in the
present one, whose history of today then holds the benchmark's rows until they have been measured.
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bench._report import machine, progress, report
from bench._throwaway import run_loading

GOES = 7
PERIOD_S = 5
LON, LAT = 121.45, 31.2
VIEWPORT = "121.40,31.15,121.52,31.25"
CHUNKS = {"1x": (30, 0), "60x": (600, 15), "300x": (3000, 60), "600x": (3600, 120)}
"""By speed, what the browser asks for: seconds of a chunk, and the cells."""


def main(arguments: list[str]) -> int:
    """Run the benchmark; exit code 1 where an answer was refused."""
    parser = argparse.ArgumentParser(prog="sandtable bench past", description=__doc__)
    parser.add_argument("--json", action="store_true", help="一个 JSON 对象")
    parser.add_argument("--here", action="store_true", help="在当前安装上运行")
    parser.add_argument("--rows", type=int, default=5_000_000, help="历史行数（默认 5000000）")
    parser.add_argument("--assets", type=int, default=5_000, help="对象数（默认 5000，每 5 秒一行）")
    parser.add_argument("--things", type=int, default=200_000, help="全城对象数（默认 200000）")
    parser.add_argument("--day-things", type=int, default=10_000, help="一天里移动的对象数（默认 10000）")
    parser.add_argument("--every", type=int, default=60, help="一天里每个对象每多少秒一行（默认 60）")
    parser.add_argument("--only", choices=["played", "town", "day"], help="只测一项")
    return run_loading("past", parser, arguments, _here)


def _here(options: argparse.Namespace) -> int:
    figures: dict[str, Any] = {}
    refused = 0
    for name, part in {"played": _played, "town": _town, "day": _day}.items():
        if options.only in (None, name):
            found, failed = part(options)
            figures |= found
            refused += failed
    report({**figures, "refused": refused, "machine": machine()}, options.json)
    return int(refused > 0)


def _played(options: argparse.Namespace) -> tuple[dict[str, Any], int]:
    from bench._load import remove

    try:
        start, end, fill_s = _fill(options.assets, options.rows)
        figures: dict[str, Any] = {"rows": options.rows, "assets": options.assets, "fill_s": fill_s}
        refused = 0
        for who, client in _viewers().items():
            progress(f"asking as {who}")
            for name, ask in _questions(start, end):
                figures_of, failed = _measure(client, ask)
                refused += failed
                figures |= {f"{who}_{name}_{what}": value for what, value in figures_of.items()}
    finally:
        _forget()
        remove()
    return figures, refused


def _town(options: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """A moment of a large city: everything, a viewport, and a moment so recent that nothing is summed up yet."""
    from bench._past_fill import clear, fill_city

    refused = 0
    figures: dict[str, Any] = {"town_things": options.things, "town_working": options.things // 20}
    try:
        progress(f"writing a city of {options.things} things")
        start, end = fill_city(options.things, options.things // 20)
        rng = np.random.default_rng(2)
        then = (rng.uniform(start + 3700, end - 600, GOES + 1) * 1000).astype(int).tolist()
        recent = (rng.uniform(end - 60, end, GOES + 1) * 1000).astype(int).tolist()
        for who, client in _viewers().items():
            for name, moments, more in (
                ("everything", then, {}), ("viewport", then, {"bbox": VIEWPORT}), ("just_now", recent, {}),
            ):  # fmt: skip
                found, failed = _measure(client, [("/state", {"at": at, **more}) for at in moments])
                refused += failed
                figures |= {f"town_{who}_{name}_{what}": value for what, value in found.items()}
    finally:
        clear()
    return figures, refused


def _day(options: argparse.Namespace) -> tuple[dict[str, Any], int]:
    """One day in the database, and the same day archived."""
    from bench._past_fill import clear, fill_day, partition_bytes
    from twin.archive.exchange import midnight
    from twin.archive.keeping import archive_day
    from twin.archive.stores import archive_store
    from twin.kinds import VEHICLE
    from twin.models import Asset

    rows = options.day_things * (86_400 // options.every)
    figures: dict[str, Any] = {"day_rows": rows, "day_things": options.day_things}
    refused = 0
    try:
        progress(f"writing a day of {rows} rows")
        began = time.monotonic()
        day = fill_day(options.day_things, options.every)
        figures["day_fill_s"] = round(time.monotonic() - began, 1)
        figures["hot_bytes_per_row"] = round(partition_bytes(day) / rows, 1)
        start_ms = midnight(day).timestamp() * 1000
        keys = list(Asset.objects.filter(code__startswith="BENCH-DAY-").values_list("pk", flat=True)[: GOES + 1])
        for where in ("hot", "archived"):
            if where == "archived":
                progress("archiving it")
                began = time.monotonic()
                archived = archive_day(archive_store(), VEHICLE, day)
                figures["archive_s"] = round(time.monotonic() - began, 1)
                figures["archived_bytes_per_row"] = round(archived.size_bytes / rows, 1) if archived else None
            progress(f"asking of it, {where}")
            for who, client in _viewers().items():
                for name, asked in _questions_of_a_day(start_ms, keys):
                    found, failed = _measure(client, asked, may_be_hidden=who != "city")
                    refused += failed
                    figures |= {f"{where}_{who}_{name}_{what}": value for what, value in found.items()}
    finally:
        clear()
    return figures, refused


def _questions_of_a_day(start_ms: float, keys: list[int]) -> list[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    end_ms = start_ms + 86_400_000 - 1
    rng = np.random.default_rng(3)
    angle = np.linspace(0, 2 * np.pi, 33)
    circles = [
        np.stack([x + 0.0157 * np.cos(angle), y + 0.0135 * np.sin(angle)], axis=1).round(6).tolist()
        for x, y in zip(rng.uniform(121.2, 121.8, GOES + 1), rng.uniform(31.0, 31.4, GOES + 1), strict=True)
    ]
    west, south = rng.uniform(121.1, 121.4, GOES + 1), rng.uniform(30.85, 31.05, GOES + 1)
    halves = [
        [[x, y], [x + 0.45, y], [x + 0.45, y + 0.5], [x, y + 0.5], [x, y]]
        for x, y in zip(west.round(4).tolist(), south.round(4).tolist(), strict=True)
    ]

    def within(rings: list[list[list[float]]]) -> list[tuple[str, dict[str, Any]]]:
        shapes = [{"type": "Polygon", "coordinates": [ring]} for ring in rings]
        return [("/within", {"polygon": shape, "from": start_ms, "to": end_ms}) for shape in shapes]

    moments = (start_ms + rng.uniform(3_600_000, 86_000_000, GOES + 1)).astype(int).tolist()
    return [
        ("track", [(f"/assets/{key}/track", {"at": end_ms, "minutes": 1440}) for key in keys]),
        ("within", within(circles)),
        ("half", within(halves)),
        ("viewport", [("/state", {"at": at, "bbox": VIEWPORT}) for at in moments]),
    ]


def _fill(assets: int, rows: int) -> tuple[float, float, float]:
    """Write the history, in the order in which it would have come; returns its first and last second."""
    from django.db import connection

    from bench._load import PREFIX, register
    from bench._past_fill import mark, sum_up
    from twin.history import ensure_partitions
    from twin.kinds import MACHINE

    register(assets)
    turns = rows // assets
    end = datetime.now(UTC).replace(microsecond=0)
    start = end - timedelta(seconds=turns * PERIOD_S)
    progress(f"writing {turns * assets} rows")
    began = time.monotonic()
    with connection.cursor() as cursor:
        days = {(start + timedelta(days=n)).date() for n in range((end.date() - start.date()).days + 1)}
        ensure_partitions(cursor, {MACHINE: days})
        for first in range(0, turns, 100):
            cursor.execute(
                """INSERT INTO twin_track (kind, asset_id, device_id, seq, ts, received_at, lon, lat, speed_m_s,
                                           heading_deg, status)
                   SELECT 1, a.id, a.id, turn + 1, at, at, %s + 0.4 * sin(a.id + turn * 0.002),
                          %s + 0.3 * cos(a.id * 7 + turn * 0.002), 8, (turn * 7) %% 360, 1
                   FROM generate_series(%s::int, %s::int) AS turn CROSS JOIN twin_asset a
                   CROSS JOIN LATERAL (SELECT %s + make_interval(secs => turn * %s + a.id %% 1000 * 0.001) AS at) AS t
                   WHERE a.code LIKE %s""",
                [LON, LAT, first, min(first + 100, turns) - 1, start, PERIOD_S, PREFIX + "%"],
            )
    mark(MACHINE, start, end)
    sum_up()
    return start.timestamp(), end.timestamp(), round(time.monotonic() - began, 1)


def _forget() -> None:
    from django.db import connection

    from bench._load import PREFIX

    with connection.cursor() as cursor:
        cursor.execute(
            """DELETE FROM twin_track WHERE kind = 1
               AND asset_id IN (SELECT id FROM twin_asset WHERE code LIKE %s)""",
            [PREFIX + "%"],
        )


def _viewers() -> dict[str, Any]:
    """A signed-in client of somebody who sees the whole city, and of one district's officer."""
    from django.test import Client

    from access.models import Grant, User
    from gis.models import Region

    district = Region.objects.filter(level=Region.Level.DISTRICT).order_by("code").first()
    clients = {}
    for name, grant in (("city", {"role": "city"}), ("district", {"role": "district", "region": district})):
        user, _ = User.objects.get_or_create(username=f"bench-{name}")
        Grant.objects.get_or_create(user=user, **grant)
        clients[name] = Client(SERVER_NAME="127.0.0.1")
        clients[name].force_login(user)
    return clients


def _questions(start: float, end: float) -> list[tuple[str, Any]]:
    rng = np.random.default_rng(1)

    def moments(room_s: float) -> list[int]:
        room_s = min(room_s, (end - start) / 2)
        return (rng.uniform(start + 60, end - room_s, GOES + 1) * 1000).astype(int).tolist()

    questions: list[tuple[str, Any]] = [
        ("kept", [("", {})] * (GOES + 1)),
        ("state", [("/state", {"at": at}) for at in moments(0)]),
    ]
    for speed, (seconds, cell_s) in CHUNKS.items():
        asked = [
            ("/rows", {"from": at, "to": min(at + seconds * 1000, int(end * 1000)), "cell": cell_s})
            for at in moments(seconds)
        ]
        questions.append((f"rows_{speed}", asked))
    return questions


def _measure(
    client: Any, asked: list[tuple[str, dict[str, Any]]], *, may_be_hidden: bool = False
) -> tuple[dict[str, Any], int]:
    """Median milliseconds of an answer, its size, and the cells it was thinned by; how many were refused."""
    times, answers = [], []
    for door, values in asked:
        began = time.perf_counter()
        address = "/api/v1/past" + door
        post = door == "/within"
        answers.append(client.post(address, values, "application/json") if post else client.get(address, values))
        times.append((time.perf_counter() - began) * 1000)
    # The first go plans and warms.
    last = answers[-1]
    figures = {"ms": round(statistics.median(times[1:]), 1), "worst_ms": round(max(times[1:]), 1)}
    if last.headers["Content-Type"].startswith("application/vnd.apache.arrow"):
        figures |= {"kilobytes": len(last.content) // 1000, "cell_s": int(last.headers.get("Sandtable-Cell-S", 0))}
    elif "count" in (told := last.json()):
        figures["found"] = told["count"]
    expected = (200, 404) if may_be_hidden else (200,)
    return figures, sum(answer.status_code not in expected for answer in answers)
