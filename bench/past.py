"""``bench past``: the map at a past moment and the rows to play it, over a history of millions of rows.

Times are of the HTTP doors inside the process (sign-in, scope, database, Arrow), each the median of several goes at
random moments, for the whole city and for one district's officer. In an installation of its own; ``--here``: in the
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
CHUNKS = {"1x": (30, 0), "60x": (600, 15), "300x": (3000, 60)}
"""By speed, what the browser asks for: seconds of a chunk, and the cells."""


def main(arguments: list[str]) -> int:
    """Run the benchmark; exit code 1 where an answer was refused."""
    parser = argparse.ArgumentParser(prog="sandtable bench past", description=__doc__)
    parser.add_argument("--json", action="store_true", help="一个 JSON 对象")
    parser.add_argument("--here", action="store_true", help="在当前安装上运行")
    parser.add_argument("--rows", type=int, default=5_000_000, help="历史行数（默认 5000000）")
    parser.add_argument("--assets", type=int, default=5_000, help="对象数（默认 5000，每 5 秒一行）")
    return run_loading("past", parser, arguments, _here)


def _here(options: argparse.Namespace) -> int:
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
    report({**figures, "refused": refused, "machine": machine()}, options.json)
    return int(refused > 0)


def _fill(assets: int, rows: int) -> tuple[float, float, float]:
    """Write the history, in the order in which it would have come; returns its first and last second."""
    from django.db import connection

    from bench._load import PREFIX, register
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


def _measure(client: Any, asked: list[tuple[str, dict[str, Any]]]) -> tuple[dict[str, Any], int]:
    """Median milliseconds of an answer, its size, and the cells it was thinned by; how many were refused."""
    times, answers = [], []
    for door, values in asked:
        began = time.perf_counter()
        answers.append(client.get("/api/v1/past" + door, values))
        times.append((time.perf_counter() - began) * 1000)
    # The first go plans and warms.
    last = answers[-1]
    figures = {"ms": round(statistics.median(times[1:]), 1), "worst_ms": round(max(times[1:]), 1)}
    if last.headers["Content-Type"].startswith("application/vnd.apache.arrow"):
        figures |= {"kilobytes": len(last.content) // 1000, "cell_s": int(last.headers.get("Sandtable-Cell-S", 0))}
    return figures, sum(answer.status_code != 200 for answer in answers)
