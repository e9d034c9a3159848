"""``bench query``: asking the map (``POST /api/v1/ask``) among 200,000 live things and 50,000 firms.

Circles, rectangles, freehand rings, corridors, districts, nearest ones; asked by the whole city and by a district's
officer in turn, over HTTP inside the process, sign-in to JSON. The live world is loaded as a web process has it. In an
installation of its own; ``--here``: in the present one.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from bench._report import machine, percentiles, progress, report
from bench._throwaway import run_loading

THINGS = 200_000
FIRMS = 50_000
QUESTIONS = 204
SORTS = 6
CITY = "310000"
LAYERS = ("hotwork.machines", "hotwork.firms", "hotwork.key_areas", "hotwork.fences")


def main(arguments: list[str]) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="sandtable bench query", description=__doc__)
    parser.add_argument("--json", action="store_true", help="一个 JSON 对象")
    parser.add_argument("--things", type=int, default=THINGS, help=f"实时对象数（默认 {THINGS}）")
    parser.add_argument("--firms", type=int, default=FIRMS, help=f"单位数（默认 {FIRMS}）")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help=f"提问次数（默认 {QUESTIONS}）")
    parser.add_argument("--here", action="store_true", help="在当前安装上运行（会写入大量对象，不清除）")
    parser.add_argument("--keep", action="store_true", help="测完不清除测试数据")
    return run_loading("query", parser, arguments, _here)


def _here(options: argparse.Namespace) -> int:
    from django.db import connection

    from twin.live.hub import Hub, hub
    from twin.present import read_current

    progress(f"filling: {options.firms} firms, {options.things} things")
    _fill(options)
    with connection.cursor() as cursor:
        hub.world.replace(read_current(cursor))
    # This process hears no broker; its world is as fresh as one that does.
    Hub.is_current = property(lambda _hub: True)  # type: ignore[method-assign, assignment]
    city, officer = _clients()
    rng = np.random.default_rng(3)
    questions = [_question(rng, k) for k in range(options.questions)]
    for client in (city, officer):
        for where in questions[:8]:
            _asked(client, where)
    times: dict[str, list[float]] = {}
    found = 0
    for k, where in enumerate(questions):
        # Every sort by both in turn.
        took_ms, total = _asked((city, officer)[k // SORTS % 2], where)
        times.setdefault(where["type"], []).append(took_ms)
        found += total
    every = [took for some in times.values() for took in some]
    figures: dict[str, Any] = {
        "p50_ms": round(float(np.percentile(every, 50)), 1),
        "p95_ms": round(float(np.percentile(every, 95)), 1),
        "questions": len(every),
        "found_on_average": round(found / len(every)),
        "things": options.things,
        "firms": options.firms,
    }
    for name, some in times.items():
        figures |= percentiles(name, some)
    report(figures | {"machine": machine()}, options.json)
    return 0


def _fill(options: argparse.Namespace) -> None:
    """Firms with a place and things with a state all over the districts; by SQL, for the registers would take long."""
    from random import Random

    from django.db import connection, transaction

    from access.identifiers import make_uscc
    from gis.regions import load_city

    load_city(CITY)
    random = Random(1)  # noqa: S311
    codes: set[str] = set()
    while len(codes) < options.firms:
        codes.add(make_uscc(random))
    with transaction.atomic(), connection.cursor() as cursor:
        # Their ids are their numbers; each is in the district that its place is in.
        cursor.execute(
            """CREATE TEMPORARY TABLE spot ON COMMIT DROP AS
               SELECT row_number() OVER (ORDER BY k) AS k, r.id AS region, ST_X(p) AS lon, ST_Y(p) AS lat, p
               FROM generate_series(1, 2 * %s) AS n (k)
               CROSS JOIN LATERAL (SELECT ST_SetSRID(ST_MakePoint(121.1 + (k::int8 * 7919 %% 100003) / 100003.0 * 0.8,
                                   30.9 + (k::int8 * 104729 %% 99991) / 99991.0 * 0.5), 4326) AS p) AS place
               JOIN geo_region AS r ON r.level = 'district' AND ST_Contains(r.boundary, place.p)
               ORDER BY k LIMIT %s""",
            [options.things, options.things],
        )
        cursor.execute(
            """INSERT INTO access_organization (name, uscc, kind, path, region_id, contact_phone)
               SELECT '企业' || s.k, (%s::text[])[s.k], 'enterprise', '/' || s.k || '/', s.region, ''
               FROM spot AS s WHERE s.k <= %s""",
            [sorted(codes), options.firms],
        )
        cursor.execute("UPDATE access_organization SET path = '/' || id || '/'")
        cursor.execute(
            """INSERT INTO hotwork_hotworkfirm
                   (organization_id, trade, licence_number, safety_officer, telephone, place)
               SELECT o.id, '', '', '', '', s.p
               FROM access_organization AS o JOIN spot AS s ON o.name = '企业' || s.k"""
        )
        cursor.execute(
            """INSERT INTO twin_asset (kind, code, name, owner_id, active, created_at)
               SELECT 'machine', 'Q-' || s.k, '焊机' || s.k, o.id, true, now() FROM spot AS s
               LEFT JOIN access_organization AS o ON o.name = '企业' || (1 + s.k %% %s)""",
            [options.firms],
        )
        cursor.execute(
            """INSERT INTO twin_state (asset_id, ts, received_at, lon, lat, status, attrs, region_id)
               SELECT a.id, now(), now(), s.lon, s.lat, s.k % 2, '{}', s.region
               FROM twin_asset AS a JOIN spot AS s ON a.code = 'Q-' || s.k"""
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE twin_asset, twin_state, access_organization, hotwork_hotworkfirm")


def _clients() -> tuple[Any, Any]:
    """Somebody who sees the whole city, and a district's officer."""
    from django.test import Client

    from access.models import Grant, User
    from gis.models import Region

    district = Region.objects.filter(level=Region.Level.DISTRICT).order_by("code").first()
    clients = []
    for name, grant in (("city", {"role": "city"}), ("district", {"role": "district", "region": district})):
        user, _made = User.objects.get_or_create(username=f"bench-{name}")
        Grant.objects.get_or_create(user=user, **grant)
        client = Client(SERVER_NAME="127.0.0.1")
        client.force_login(user)
        clients.append(client)
    return clients[0], clients[1]


def _question(rng: np.random.Generator, k: int) -> dict[str, Any]:
    lon, lat = rng.uniform(121.2, 121.8), rng.uniform(31.0, 31.4)
    size = float(rng.choice([0.005, 0.02, 0.08]))
    turns = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    wobble = size * rng.uniform(0.7, 1.3, len(turns))
    district = f"3101{rng.choice(['01', '04', '05', '12', '15', '20'])}"
    sorts: tuple[dict[str, Any], ...] = (
        {"type": "circle", "lon": lon, "lat": lat, "radius_m": size * 1e5},
        {"type": "rectangle", "bbox": [lon - size, lat - size, lon + size, lat + size]},
        {
            "type": "polygon",
            "ring": np.stack([lon + wobble * np.cos(turns), lat + wobble * np.sin(turns)], 1).tolist(),
        },
        {"type": "corridor", "line": [[lon - size, lat], [lon, lat + size], [lon + size, lat]], "width_m": 500},
        {"type": "nearest", "lon": lon, "lat": lat, "k": 20, "radius_m": 5000},
        {"type": "district", "code": district},
    )
    return sorts[k % len(sorts)]


def _asked(client: Any, where: dict[str, Any]) -> tuple[float, int]:
    """Milliseconds a question took, and how much was found."""
    began = time.perf_counter()
    answer = client.post("/api/v1/ask", {"where": where, "layers": list(LAYERS)}, "application/json")
    took_ms = (time.perf_counter() - began) * 1000
    if answer.status_code != 200:
        raise RuntimeError(f"{where['type']}: {answer.status_code} {answer.content[:200]!r}")
    return took_ms, answer.json()["total"]
