"""Ten days ago: sixty machines of which some report often, some seldom, with everything that a row can have."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from twin import past_store
from twin.archive.keeping import archive_day
from twin.history import write_tracks
from twin.keyframes import LOOK_BACK_US
from twin.kinds import MACHINE
from twin.models import Asset
from twin.tests.states import states

DAY = timezone.now().astimezone(UTC).date() - timedelta(days=10)
EVE = DAY - timedelta(days=1)
START = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
START_US = int(START.timestamp()) * 1_000_000


def make_history():
    """Write it; returns the machines' keys."""
    connection.cursor().execute("TRUNCATE twin_track, twin_late, twin_place, twin_digest, twin_keyframe")
    machines = Asset.objects.bulk_create(Asset(kind="machine", code=f"m{i}", name=f"m{i}") for i in range(60))
    keys = [machine.pk for machine in machines]
    rng = np.random.default_rng(7)
    counts = [2 if number % 3 == 0 else 50 for number in range(60)]
    seconds = np.concatenate([np.sort(rng.integers(-20 * 3600, 24 * 3600, count)) for count in counts])
    time_us = START_US + seconds * 1_000_000 + rng.integers(0, 1_000_000, len(seconds))
    report(np.repeat(keys, counts), time_us, rng)
    return keys


def report(asset, time_us, rng, seq=0):
    """Let a machine walk about and report; or several, ``asset`` holding one for each time."""
    n = len(time_us)
    asset = np.broadcast_to(asset, n)
    _assets, first, which = np.unique(asset, return_index=True, return_inverse=True)
    walk = np.cumsum(rng.normal(0, 0.004, (2, n)), axis=1)
    walk -= walk[:, first[which]]
    batch = states(
        asset=asset, device=asset, seq=np.arange(n) + seq, lon=121.5 + walk[0], lat=31.2 + walk[1],
        status=rng.integers(-1, 3, n), speed_m_s=np.where(rng.random(n) < 0.3, np.nan, 1 / 3), alt_m=rng.random(n),
    ).batch  # fmt: skip
    batch.time_us[:] = time_us
    batch.source_x[::2] = 500_000 + rng.random(len(batch.source_x[::2]))
    batch.datum = (["CGCS2000", "", 'a "b"\nc'] * n)[:n]
    batch.attrs = ([json.dumps({"文": 'a,\n"b"'}), "", "{}"] * n)[:n]
    with transaction.atomic(), connection.cursor() as cursor:
        write_tracks(cursor.cursor, batch)


def table(since="-infinity"):
    """Every row in the database as PostgreSQL writes it, with every digit that matters."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM twin_track t WHERE ts >= %s ORDER BY asset_id, ts, device_id, seq", [since])
        return [row for (row,) in cursor.fetchall()]


def archive_everything(store):
    """Both days."""
    for day in (EVE, DAY):
        archive_day(store, MACHINE, day)


def track(asset):
    """Times of one machine's rows on both days, wherever they lie."""
    with transaction.atomic(), connection.cursor() as cursor:
        rows = past_store.track(cursor, 1, asset, START_US - LOOK_BACK_US, START_US + LOOK_BACK_US, 10_000)
    return rows["time_us"].tolist()
