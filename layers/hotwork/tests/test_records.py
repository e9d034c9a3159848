"""Control records follow what machines do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import connection

from layers.hotwork.models import ControlRecord, ImportantPeriod, Machine, Welder
from layers.hotwork.records import PAUSE_US, WorkRecorder
from layers.tests.little_city import EAST, WEST
from twin.kinds import MACHINE, PERSON, Status
from twin.models import Area
from twin.observers import Moved
from twin.tests.states import states

START = datetime(2026, 10, 10, 2, tzinfo=UTC)
WORKING, IDLE = Status.WORKING, Status.IDLE
PAUSE_S = PAUSE_US // 1_000_000


class Machines:
    """Tells a recorder of positions, one call a batch."""

    def __init__(self, city) -> None:
        self.city = city
        self.recorder = WorkRecorder()
        self.asset = city.machines[WEST].pk
        with connection.cursor() as cursor:
            self.recorder.reload(cursor, self.recorder.topics)

    def report(self, *rows, asset=None, kind=MACHINE.code, region=None) -> None:
        """Rows (seconds from START, status, areas); of one machine."""
        n = len(rows)
        current = states(
            [asset or self.asset] * n,
            kind=[kind] * n,
            time_ms=[(START.timestamp() + second) * 1000 for second, _status, _areas in rows],
            status=[status for _second, status, _areas in rows],
        )
        pairs = [(i, area.pk) for i, (_s, _status, areas) in enumerate(rows) for area in areas]
        none = np.zeros(0, np.int64)
        moved = Moved(
            batch=current.batch,
            region=np.full(n, (region or self.city.districts[WEST]).pk, np.int64),
            still_since_us=current.batch.time_us,
            inside_row=np.array([row for row, _area in pairs], np.int64),
            inside_area=np.array([area for _row, area in pairs], np.int64),
            inside_since_us=np.zeros(len(pairs), np.int64),
            crossed_row=none,
            crossed_area=none,
            crossed_entered=none.astype(bool),
        )
        with connection.cursor() as cursor:
            assert self.recorder.moved(cursor, moved) == []


@pytest.fixture
def machines(city) -> Machines:
    return Machines(city)


def spans() -> list[tuple[int, int | None]]:
    """Start and end of every record, in seconds from START."""
    return [
        (round((r.started_at - START).total_seconds()), r.ended_at and round((r.ended_at - START).total_seconds()))
        for r in ControlRecord.objects.order_by("started_at", "pk")
    ]


def test_work_in_a_key_area_is_recorded_while_it_goes_on(machines, city):
    row = Welder.objects.create(
        name="王伟", region=city.whole, valid_from=START.date(), valid_to=START.date() + timedelta(days=9)
    )
    Machine.objects.filter(pk=machines.asset).update(welder=row)
    machines.report((0, IDLE, [city.key_area]), (5, WORKING, [city.key_area]))
    record = ControlRecord.objects.get()
    assert (record.asset_id, record.area, record.place_name) == (machines.asset, city.key_area, "油库")
    assert (record.welder, record.period, record.region) == (row, None, city.districts[WEST])
    assert record.started_at == START + timedelta(seconds=5)
    assert record.ended_at is None


def test_bursts_are_one_piece_of_work(machines, city):
    inside = [city.key_area]
    machines.report((0, WORKING, inside), (60, IDLE, inside), (120, WORKING, inside))
    machines.report((120 + PAUSE_S - 1, IDLE, inside))
    assert spans() == [(0, None)]
    machines.report((120 + PAUSE_S, IDLE, inside))
    assert spans() == [(0, 120)]
    machines.report((1000, WORKING, inside))
    assert spans() == [(0, 120), (1000, None)]


def test_leaving_ends_it_at_once(machines, city):
    machines.report((0, WORKING, [city.key_area]), (30, IDLE, []))
    machines.report((40, WORKING, []))
    assert spans() == [(0, 30)]


def test_elsewhere_idle_people_and_resting_areas_are_not_recorded(machines, city):
    fence = Area.objects.create(name="工地", kind="fence", boundary=city.key_area.boundary)
    machines.report((0, WORKING, [fence]), (5, WORKING, []), (10, IDLE, [city.key_area]))
    machines.report((20, WORKING, [city.key_area]), kind=PERSON.code)
    city.key_area.periods = [{"kind": "night"}]
    city.key_area.save()
    machines = Machines(city)
    machines.report((30, WORKING, [city.key_area]))
    assert spans() == []


def test_two_machines_have_their_own(machines, city):
    machines.report((0, WORKING, [city.key_area]))
    machines.report((5, WORKING, [city.key_area]), asset=city.machines[EAST].pk)
    machines.report((9, IDLE, []), asset=city.machines[EAST].pk)
    assert spans() == [(0, None), (5, 9)]


@pytest.mark.parametrize("place", ["region", "area"])
def test_work_in_an_important_period(city, place):
    period = ImportantPeriod.objects.create(
        name="展会",
        starts_at=START,
        ends_at=START + timedelta(seconds=100),
        region=city.districts[WEST],
        area=Area.objects.create(name="展馆", kind="fence", boundary=city.key_area.boundary)
        if place == "area"
        else None,
    )
    machines = Machines(city)
    inside = [period.area] if period.area else []
    machines.report((-1, WORKING, inside), (0, WORKING, inside), (99, WORKING, inside))
    record = ControlRecord.objects.get()
    assert (record.period, record.area) == (period, period.area)
    assert record.place_name == ("展馆" if place == "area" else WEST)
    machines.report((100, WORKING, inside))
    assert spans() == [(0, 100)]
    machines.report((50, WORKING, []), asset=city.machines[EAST].pk, region=city.districts[EAST])
    assert len(spans()) == 1


def test_another_process_goes_on_where_one_stopped(machines, city):
    inside = [city.key_area]
    machines.report((0, WORKING, inside))
    machines.recorder.forget()
    machines.report((60, WORKING, inside), (70, IDLE, inside))
    assert spans() == [(0, None)]
    other = Machines(city)
    other.report((80, IDLE, inside), (80 + PAUSE_S, IDLE, inside))
    assert spans() == [(0, 80)]


def test_what_is_deleted_meanwhile_stops_nobody(machines, city):
    inside = [city.key_area]
    gone = Area(pk=987654321)
    machines.recorder._key_areas[gone.pk] = ()
    machines.report((0, WORKING, [gone]))
    assert spans() == []
    machines.report((5, WORKING, inside))
    Area.objects.filter(pk=city.key_area.pk).delete()
    machines.report((10, WORKING, []))
    assert spans() == [(5, 10)]
    assert ControlRecord.objects.get().place_name == "油库"
