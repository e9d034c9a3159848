"""The same answers wherever the past lies: rows, digests and keyframes, files, files with late rows, restored."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
import shapely
from django.db import connection, transaction
from django.utils import timezone

from access.models import Grant, User
from access.scope import scope_of
from twin import past_store
from twin.archive.keeping import restore
from twin.archive.stores import ArchiveStore
from twin.keyframes import LOOK_BACK_US
from twin.kinds import MACHINE
from twin.live.sight import sight_of
from twin.live.viewer import Window
from twin.models import State
from twin.past import Look
from twin.past_sql import read_assets
from twin.summaries import summarize
from twin.tests.old_days import DAY, START, START_US, archive_everything, make_history, report
from twin.within import within

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
HOUR_US = 3_600_000_000
VALUES = ("asset", "time_us", "lon", "lat", "alt_m", "speed_m_s")


def answers(city):
    """Everything that can be asked of that day, as plain values."""
    rng = np.random.default_rng(5)
    look = Look(sight_of(scope_of(city)))
    window = Window(121.49, 31.19, 121.51, 31.21, 12)
    polygon = shapely.Point(121.5, 31.2).buffer(0.012)
    found = []
    with transaction.atomic(), connection.cursor() as cursor:
        assets = read_assets(cursor)
        for second in [1, 86_399, *rng.integers(0, 86_400, 6).tolist()]:
            at_us = START_US + second * 1_000_000
            said = past_store.status_before(cursor, assets, at_us, LOOK_BACK_US)
            found.append(plain(past_store.newest_before(cursor, assets, at_us, LOOK_BACK_US), said))
            seen = past_store.newest_before(cursor, assets, at_us, LOOK_BACK_US, window)
            found.append(plain(seen.take(window.holds(seen["lon"], seen["lat"])), said))
            found.append(plain(past_store.rows_between(cursor, assets, at_us, at_us + HOUR_US, 10_000)))
            found.append(plain(past_store.newest_by_cell(cursor, assets, at_us, at_us + HOUR_US, 600_000_000)))
            visits = within(cursor, look, polygon, at_us, at_us + 2 * HOUR_US)
            columns = (visits.asset, visits.first_us, visits.last_us, visits.count)
            found.append(sorted(zip(*(column.tolist() for column in columns), strict=True)))
        found.append(past_store.oldest(cursor, assets))
        found.append(past_store.rows_between(cursor, assets, START_US, START_US + LOOK_BACK_US, 5))
    return found


def plain(rows, said=None):
    """Rows as sorted tuples; a status that was not said may be told as the one before it."""
    status = rows["status"].tolist()
    if said is not None:
        before = [said.get(asset, (0,))[0] for asset in rows["asset"].tolist()]
        status = [one if one >= 0 else other for one, other in zip(status, before, strict=True)]
    columns = [np.nan_to_num(rows[name], nan=-1).tolist() for name in VALUES]
    return sorted(zip(*columns, status, strict=True))


@pytest.fixture
def city(db):
    user = User.objects.create_user("city")
    Grant.objects.create(user=user, role="city")
    return user


@pytest.fixture
def history(db):
    return make_history()


@pytest.fixture
def store(tmp_path, monkeypatch):
    made = ArchiveStore.at(str(tmp_path))
    monkeypatch.setattr("twin.archive.reading.archive_store", lambda: made)
    return made


def count(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608
        return cursor.fetchone()[0]


def sum_up_everything():
    """As the minutely job would have at the end of the day after."""
    while summarize(START + timedelta(hours=25), most=1000):
        pass


def test_the_same_answers_wherever_the_past_lies(store, history, city, monkeypatch):
    from_rows = answers(city)
    assert from_rows[0] and from_rows[1] and from_rows[2] and any(from_rows[4::5])
    monkeypatch.setattr(past_store, "FEW", 0)
    for asset in history:
        State.objects.create(asset_id=asset, ts=timezone.now(), received_at=timezone.now(), lon=0, lat=0, status=0)
    sum_up_everything()
    assert count("twin_late") == 0
    assert count("twin_keyframe") >= 24
    assert answers(city) == from_rows
    archive_everything(store)
    assert count("twin_track") == 0
    assert answers(city) == from_rows
    connection.cursor().execute("DELETE FROM twin_keyframe")
    assert answers(city) == from_rows
    restore(store, MACHINE, DAY)
    assert answers(city) == from_rows


def test_rows_that_come_late_are_in_the_answers_at_once(store, history, city, monkeypatch):
    """Before the digests are made anew, after, and where the day is in a file already."""
    sum_up_everything()
    rng_of = np.random.default_rng
    late_us = START_US + np.array([3, 30, 300, 900]) * 60_000_000
    report(history[0], late_us[:2], rng_of(1), seq=500)
    before = answers(city)
    monkeypatch.setattr(past_store, "FEW", 0)
    assert answers(city) == before
    sum_up_everything()
    assert count("twin_late") == 0
    assert answers(city) == before
    archive_everything(store)
    report(history[0], late_us[2:], rng_of(2), seq=600)
    in_both = answers(city)
    assert in_both != before
    restore(store, MACHINE, DAY)
    monkeypatch.setattr(past_store, "FEW", 2_000)
    assert answers(city) == in_both
