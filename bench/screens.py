"""``bench screens``: what hundreds of open maps cost the web workers while 20,000 things move, and a reconnect storm.

Officers of districts, each with an account, a session and a view of their own, and walls that show the whole city.
Half of the officers look at their whole district as it opens, half at some part of it; everybody moves the map now and
then. A few clients read slowly or not at all. Positions come as an ingest worker sends them (``bench/_crowd.py``).
Exit code 1 where p95 of the frames' age reaches ``--limit`` or somebody got no whole picture.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import resource
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings

from bench._report import machine, percentiles, progress, report
from bench._throwaway import loading_parser, run_loading, sandtable
from bench._usage import cpu_s, memory_mb

if TYPE_CHECKING:
    from bench._audience import Audience, Seat, Tally

PREFIX = "bench-eye-"
SCREEN = (1366, 768)
WALL = (3840, 1080)
TILE_PX = 512
SETTLE_S = 5.0
MOVE_EVERY_S = 20.0
STORM_S = 10.0
WEBS = "web=2"


def main(arguments: list[str]) -> int:
    """Run the benchmark."""
    parser = loading_parser("screens", __doc__, rate=5000, devices=20_000)
    parser.add_argument("--clients", type=int, default=600, help="屏幕数，其中十分之一看全市（默认 600）")
    parser.add_argument("--slow", type=int, default=20, help="另加收得很慢或完全不收的屏幕数（默认 20）")
    parser.add_argument("--seconds", type=float, default=30, help="持续秒数（默认 30）")
    parser.add_argument("--limit", type=float, default=2.0, help="画面延迟 p95 的上限，秒（默认 2）")
    return run_loading("screens", parser, arguments, _here, lambda _options: ["--processes", WEBS])


def _here(options: argparse.Namespace) -> int:
    import uvloop

    from bench._crowd import Crowd, fill, in_districts, remove

    url = json.loads(sandtable(settings.VAR_DIR, "status", "--json", capture_output=True).stdout)["url"]
    progress(f"registering {options.devices} machines and {options.clients + options.slow} officers")
    places = in_districts(options.devices)
    crowd = Crowd(fill(places), places, options.rate, beacon=True)
    seats = _seats(options.clients, options.slow)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            figures = runner.run(_run(url, seats, crowd, options))
    finally:
        crowd.stop()
        if not options.keep:
            remove()
            _remove_officers()
    figures |= {"devices": options.devices, "rate": options.rate, "limit_s": options.limit, "machine": machine()}
    report(figures, options.json)
    ages = [figures[place]["age_p95_ms"] for place in ("district", "city")]
    return int(any(age is None or age >= options.limit * 1000 for age in ages))


async def _run(url: str, seats: list[Seat], crowd: Any, options: argparse.Namespace) -> dict[str, Any]:
    from bench._audience import Audience

    _allow_files(4 * len(seats) + 1000)
    audience = Audience(url, seats)
    crowd.start()
    progress("everybody connects")
    await audience.come(STORM_S)
    audience.slow_down()
    wandering = asyncio.create_task(audience.wander(MOVE_EVERY_S))
    await asyncio.sleep(SETTLE_S)
    progress(f"measuring for {options.seconds:.0f} s")
    steady = await _steady(audience, options.seconds)
    wandering.cancel()
    progress(f"everybody drops, and returns within {STORM_S:.0f} s")
    storm = await _storm(audience)
    return {"clients": options.clients, "slow_clients": options.slow, **steady, "storm": storm}


async def _steady(audience: Audience, seconds: float) -> dict[str, Any]:
    audience.new_tallies()
    before, client_before, began = cpu_s(), time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    lasted, after, client_after = time.monotonic() - began, cpu_s(), time.process_time()
    tallies = audience.new_tallies()
    spent = {name: (after[name] - before[name]) / lasted for name in after}
    web = sum(share for name, share in spent.items() if name.startswith("web"))
    quick = [client for client in audience.clients if client.seat.pace == "quick"]
    counts = {place: sum(client.seat.place == place for client in quick) for place in ("district", "city")}
    slow = [client for client in audience.clients if client.seat.pace != "quick"]
    return {
        "seconds": round(lasted, 1),
        "lost_clients": sum(client.closed.is_set() for client in quick),
        "web_cpu_share": round(web, 3),
        "web_cpu_per_client_percent": round(100 * web / len(audience.clients), 4),
        "cpu_share": {name: round(share, 3) for name, share in spent.items() if share >= 0.001},
        "bench_cpu_share": round((client_after - client_before) / lasted, 3),
        "memory_mb": memory_mb(),
        **{place: _seen(tallies[place], counts[place], lasted) for place in ("district", "city")},
        "slow": {
            "clients": len(slow),
            "let_go": sum(client.closed.is_set() for client in slow),
            **(_seen(tallies["slow"], len(slow), lasted) if slow else {}),
        },
    }


def _seen(tally: Tally, clients: int, seconds: float) -> dict[str, Any]:
    return {
        "bytes_per_s_and_client": round(tally.received_bytes / seconds / clients),
        "frames_per_s_and_client": round(tally.frames / seconds / clients, 2),
        **percentiles("age", np.array(tally.ages_s) * 1000),
    }


async def _storm(audience: Audience) -> dict[str, Any]:
    before = cpu_s()
    await audience.leave()
    dropped_at = time.monotonic()
    await audience.come(STORM_S)
    whole_s = [client.whole_at - client.asked_at for client in audience.clients]
    after = cpu_s()
    audience.new_tallies()
    await asyncio.sleep(SETTLE_S)
    calm = audience.new_tallies()
    await audience.leave()
    return {
        "all_whole_after_s": round(max(client.whole_at for client in audience.clients) - dropped_at, 2),
        **percentiles("whole", np.array(whole_s) * 1000),
        "cpu_s": {name: round(after[name] - before[name], 2) for name in after if after[name] - before[name] >= 0.05},
        **percentiles("age_afterwards", np.array([age for tally in calm.values() for age in tally.ages_s]) * 1000),
    }


def _allow_files(count: int) -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard) if hard > 0 else count, hard))


def _seats(clients: int, slow: int) -> list[Seat]:
    """Accounts, sessions and views: a tenth sees the whole city, the slow ones are officers of districts."""
    from bench._audience import Seat
    from gis.models import Region

    districts = list(Region.objects.filter(level=Region.Level.DISTRICT).order_by("code"))
    whole = _union([district.boundary.extent for district in districts])
    rng = np.random.default_rng(2)
    walls = clients // 10
    sessions = _officers([None] * walls + [districts[i % len(districts)] for i in range(clients - walls + slow)])
    seats = []
    for i, session in enumerate(sessions):
        if i < walls:
            views = tuple(_view(whole, WALL if i % 2 else SCREEN, nearer, rng) for nearer in (0.0, 0.3, 0.6))
            seats.append(Seat(session, "city", views, sampled=i % 4 == 0))
            continue
        extent = districts[(i - walls) % len(districts)].boundary.extent
        home = _view(extent, SCREEN, 0.0, rng)
        parts = tuple(_view(extent, SCREEN, nearer, rng) for nearer in rng.uniform(0.2, 2.0, 3))
        views = (home, *parts[1:]) if i // len(districts) % 2 else parts
        pace = "quick" if i < clients else "deaf" if i % 2 else "trickle"
        seats.append(Seat(session, "district", views, pace, sampled=pace == "quick" and i % 8 == 0))
    return seats


def _view(
    extent: tuple[float, float, float, float], size: tuple[int, int], nearer: float, rng: np.random.Generator
) -> tuple[tuple[float, float, float, float], float]:
    """What a map of this size shows: the extent, or ``nearer`` zoom levels into some part of it."""
    west, south, east, north = extent
    lat = math.radians((south + north) / 2)
    width, height = size[0] / TILE_PX * 360, size[1] / TILE_PX * 360 * math.cos(lat)
    zoom = math.log2(min(width / (east - west), height / (north - south))) + nearer
    half_lon, half_lat = width / 2**zoom / 2, height / 2**zoom / 2
    lon, lat_deg = (west + east) / 2, (south + north) / 2
    if nearer:
        lon += rng.uniform(-0.25, 0.25) * (east - west)
        lat_deg += rng.uniform(-0.25, 0.25) * (north - south)
    return (lon - half_lon, lat_deg - half_lat, lon + half_lon, lat_deg + half_lat), zoom


def _union(extents: list[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    west, south, east, north = np.array(extents).T
    return float(west.min()), float(south.min()), float(east.max()), float(north.max())


def _officers(places: list[Any]) -> list[str]:
    """A signed-in account for each place (None: the whole city); their session keys."""
    from datetime import timedelta
    from string import ascii_lowercase, digits

    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.hashers import make_password
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session
    from django.utils import timezone
    from django.utils.crypto import get_random_string

    from access.models import Grant, User
    from access.sessions import begin

    _remove_officers()
    users = User.objects.bulk_create(
        [User(username=f"{PREFIX}{i}", password=make_password(None)) for i in range(len(places))]
    )
    Grant.objects.bulk_create(
        [
            Grant(user=user, role="district" if place else "city", region=place)
            for user, place in zip(users, places, strict=True)
        ]
    )
    sessions, ends = [], timezone.now() + timedelta(hours=8)
    for user in users:
        said: Any = {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[-1],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
        }
        begin(said)
        key, data = get_random_string(32, ascii_lowercase + digits), SessionStore().encode(said)
        sessions.append(Session(session_key=key, session_data=data, expire_date=ends))
    Session.objects.bulk_create(sessions)
    return [session.session_key for session in sessions]


def _remove_officers() -> None:
    from access.models import Grant, User

    # Their sessions end with them: nobody is signed in by the session of an account that is gone.
    Grant.objects.filter(user__username__startswith=PREFIX).delete()
    User.objects.filter(username__startswith=PREFIX).delete()
