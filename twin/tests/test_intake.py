"""Batches against the present: enter and exit, statuses, what is remembered and what a rollback undoes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon

from gis.notices import connection_parameters
from gis.references import hold
from twin.batch import UNSAID
from twin.intake import Intake
from twin.kinds import Status
from twin.models import Area, AreaEvent, Asset, Presence, State
from twin.tests.states import states

pytestmark = pytest.mark.django_db(transaction=True)
START_MS = (datetime.now(UTC) - timedelta(minutes=5)).timestamp() * 1000 // 1000 * 1000
INSIDE, OUTSIDE = 121.5, 121.8


def connect():
    return psycopg.connect(**connection_parameters(), autocommit=True)


@pytest.fixture
def cursor():
    with connect() as own, own.cursor() as cursor:
        cursor.execute("TRUNCATE twin_track")
        yield cursor


@pytest.fixture
def asset():
    return Asset.objects.create(kind="machine", code="W-1", name="焊机").pk


@pytest.fixture
def area():
    square = Polygon.from_bbox((121.49, 31.19, 121.51, 31.21))
    return Area.objects.create(name="围栏", kind="fence", boundary=MultiPolygon(square, srid=4326))


@pytest.fixture
def intake(cursor, area):
    intake = Intake()
    intake.load_areas(cursor)
    return intake


def store(intake, cursor, asset, *rows, commit=True):
    """Rows of (seconds, lon) or (seconds, lon, status), in one transaction."""
    seconds, lon, status = zip(*[(*row, UNSAID)[:3] for row in rows], strict=True)
    batch = states(
        asset=[asset] * len(rows),
        time_ms=[START_MS + 1000 * s for s in seconds],
        lon=lon,
        status=status,
        seq=range(len(rows)),
    ).batch
    with cursor.connection.transaction(force_rollback=not commit):
        return intake.store(cursor, batch)


def switch(intake, cursor, asset, second, on):
    with cursor.connection.transaction():
        return intake.switch(cursor, asset, int((START_MS + 1000 * second) * 1000), on)


def crossings():
    return [
        (entered, round(ts.timestamp() - START_MS / 1000))
        for entered, ts in AreaEvent.objects.order_by("ts", "id").values_list("entered", "ts")
    ]


def status():
    return Status(State.objects.get().status)


def test_entered_once_and_left_once(intake, cursor, asset):
    for second, lon in enumerate([OUTSIDE, INSIDE, INSIDE, OUTSIDE, OUTSIDE]):
        store(intake, cursor, asset, (second, lon))
    assert crossings() == [(True, 1), (False, 3)]
    assert not Presence.objects.exists()


def test_a_rolled_back_batch_leaves_no_trace(intake, cursor, asset):
    store(intake, cursor, asset, (0, OUTSIDE))
    store(intake, cursor, asset, (1, INSIDE, Status.WORKING), commit=False)
    intake.forget()
    assert crossings() == []
    outcome = store(intake, cursor, asset, (1, INSIDE))
    assert (outcome.stored, outcome.late, outcome.crossings, len(outcome.current)) == (1, 0, 1, 1)
    assert crossings() == [(True, 1)]
    assert status() == Status.IDLE


def test_a_batch_that_was_committed_after_all_changes_nothing_again(intake, cursor, asset):
    store(intake, cursor, asset, (0, OUTSIDE), (1, INSIDE))
    intake.forget()
    outcome = store(intake, cursor, asset, (0, OUTSIDE), (1, INSIDE))
    assert (outcome.stored, outcome.crossings, len(outcome.current)) == (0, 0, 0)
    assert crossings() == [(True, 1)]


def test_late_and_equal_times_do_not_move_the_present(intake, cursor, asset):
    store(intake, cursor, asset, (10, OUTSIDE))
    outcome = store(intake, cursor, asset, (5, INSIDE), (10, INSIDE))
    assert (outcome.late, outcome.crossings) == (2, 0)
    assert State.objects.get().lon == OUTSIDE
    assert not Presence.objects.exists()


def test_out_of_order_within_a_batch(intake, cursor, asset):
    store(intake, cursor, asset, (3, OUTSIDE), (1, OUTSIDE), (2, INSIDE))
    assert crossings() == [(True, 2), (False, 3)]
    assert State.objects.get().lon == OUTSIDE


@pytest.mark.parametrize("how", ["delete", "deactivate", "move"])
def test_an_area_changed_while_something_is_inside(intake, cursor, asset, area, how):
    store(intake, cursor, asset, (0, INSIDE))
    assert Presence.objects.get().area == area
    if how == "delete":
        area.delete()
    elif how == "deactivate":
        area.active = False
        area.save()
    else:
        area.boundary = MultiPolygon(Polygon.from_bbox((121.7, 31.1, 121.75, 31.3)), srid=4326)
        area.save()
    intake.load_areas(cursor)
    store(intake, cursor, asset, (1, INSIDE))
    store(intake, cursor, asset, (2, INSIDE))
    assert not Presence.objects.exists()
    if how != "delete":
        assert crossings() == [(True, 0), (False, 1)]
        assert list(AreaEvent.objects.order_by("id").values_list("area_version", flat=True)) == [1, 2]


def test_an_area_deleted_behind_our_back_does_not_stop_the_batch(intake, cursor, asset, area):
    area.delete()
    assert store(intake, cursor, asset, (0, INSIDE)).stored == 1
    intake.load_areas(cursor)
    assert store(intake, cursor, asset, (1, OUTSIDE)).stored == 1
    assert crossings() == []


def test_a_position_without_a_status_changes_none(intake, cursor, asset):
    store(intake, cursor, asset, (0, OUTSIDE))
    assert status() == Status.IDLE
    store(intake, cursor, asset, (1, OUTSIDE, Status.WORKING), (2, OUTSIDE))
    assert status() == Status.WORKING
    switch(intake, cursor, asset, 3, on=False)
    store(intake, cursor, asset, (4, OUTSIDE))
    intake.forget()
    store(intake, cursor, asset, (5, OUTSIDE))
    assert status() == Status.OFF
    store(intake, cursor, asset, (6, OUTSIDE, Status.IDLE))
    assert status() == Status.IDLE


def test_power_and_positions_in_any_order(intake, cursor, asset):
    """They travel by different topics and qualities of service: the one said later counts, whenever it arrives."""
    store(intake, cursor, asset, (0, OUTSIDE, Status.WORKING))
    store(intake, cursor, asset, (6, OUTSIDE))
    current = switch(intake, cursor, asset, 5, on=False)
    assert current.batch.status.tolist() == [Status.OFF]
    assert status() == Status.OFF
    assert State.objects.get().ts.timestamp() == START_MS / 1000 + 6
    store(intake, cursor, asset, (7, OUTSIDE, Status.WORKING))
    intake.forget()
    assert switch(intake, cursor, asset, 5, on=False) is None
    assert status() == Status.WORKING


def test_power_does_not_make_the_next_position_late(intake, cursor, asset):
    store(intake, cursor, asset, (0, OUTSIDE))
    switch(intake, cursor, asset, 2, on=True)
    outcome = store(intake, cursor, asset, (1, INSIDE))
    assert (outcome.late, outcome.crossings) == (0, 1)


def test_power_of_something_never_seen_is_no_state(intake, cursor, asset):
    assert switch(intake, cursor, asset, 0, on=True) is None
    assert not State.objects.exists()


def test_many_assets_at_once_stay_apart(intake, cursor):
    assets = [Asset.objects.create(kind="machine", code=f"W-{n}", name="焊机").pk for n in range(20)]
    rng = np.random.default_rng(3)
    inside: dict[int, bool] = {}
    events = 0
    for second in range(10):
        lon = rng.choice([INSIDE, OUTSIDE], len(assets))
        batch = states(asset=assets, lon=lon, time_ms=[START_MS + second * 1000] * len(assets)).batch
        with cursor.connection.transaction():
            intake.store(cursor, batch)
        if second % 3 == 0:
            intake.forget()
        for asset, x in zip(assets, lon.tolist(), strict=True):
            events += inside.get(asset, False) != (x == INSIDE)
            inside[asset] = x == INSIDE
    assert set(Presence.objects.values_list("asset_id", flat=True)) == {a for a in assets if inside[a]}
    assert AreaEvent.objects.count() == events


def test_what_is_deleted_takes_along_what_refers_to_it(intake, cursor, asset, area):
    other = Asset.objects.create(kind="machine", code="W-2", name="焊机").pk
    store(intake, cursor, asset, (0, INSIDE))
    store(intake, cursor, other, (0, INSIDE))
    with connect() as second:
        second.execute("SET lock_timeout = '50ms'")
        with cursor.connection.transaction():
            # Whoever refers to it now holds it to the end of the transaction.
            assert hold(cursor, "twin_area", np.array([area.pk, 10**9, area.pk])).tolist() == [True, False, True]
            with pytest.raises(psycopg.errors.LockNotAvailable):
                second.execute("DELETE FROM twin_area")
        second.execute("DELETE FROM twin_asset WHERE id = %s", [asset])
        assert [*Presence.objects.values_list("asset_id", flat=True)] == [other]
        assert [*State.objects.values_list("asset_id", flat=True)] == [other]
        second.execute("DELETE FROM twin_area")
    assert not Presence.objects.exists()
    assert not AreaEvent.objects.exists()


def test_an_asset_deleted_a_moment_ago_leaves_nothing_but_its_track(intake, cursor, asset):
    Asset.objects.all().delete()
    store(intake, cursor, asset, (0, INSIDE), (1, OUTSIDE))
    assert not State.objects.exists()
    assert not AreaEvent.objects.exists()


def test_left_and_entered_again_within_a_batch_the_stay_is_a_new_one(intake, cursor, asset):
    store(intake, cursor, asset, (0, INSIDE))
    store(intake, cursor, asset, (1, OUTSIDE), (2, INSIDE), (3, INSIDE))
    assert crossings() == [(True, 0), (False, 1), (True, 2)]
    assert Presence.objects.get().since.timestamp() == START_MS / 1000 + 2
    store(intake, cursor, asset, (4, OUTSIDE), (5, INSIDE), (6, OUTSIDE))
    assert not Presence.objects.exists()
