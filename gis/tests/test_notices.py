"""Change notices on a real PostgreSQL."""

from __future__ import annotations

import threading
import time

import psycopg
import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import connection, migrations, transaction

from gis.models import Region, Stamp
from gis.notices import connection_parameters, listen, stamp_of, touch_trigger

SQUARE = MultiPolygon(Polygon(((121, 31), (122, 31), (122, 32), (121, 32), (121, 31))), srid=4326)


def make_region(code: str = "310000", parent: Region | None = None) -> Region:
    return Region.objects.create(code=code, name=code, level="city", parent=parent, boundary=SQUARE)


@pytest.mark.django_db
def test_every_kind_of_statement_raises_the_version():
    versions = [stamp_of(["regions"])]
    region = make_region()
    versions.append(stamp_of(["regions"]))
    region.name = "上海市"
    region.save()
    versions.append(stamp_of(["regions"]))
    region.delete()
    versions.append(stamp_of(["regions"]))
    assert versions == sorted(set(versions))


@pytest.mark.django_db
def test_stamp_of_several_topics_changes_with_each_of_them():
    make_region()
    both = stamp_of(["regions", "areas"])
    Stamp.objects.create(name="areas", version=1)
    assert stamp_of(["regions", "areas"]) == both + 1
    assert stamp_of(["nothing"]) == 0


@pytest.mark.django_db
def test_version_jumps_past_what_a_restored_backup_says():
    Stamp.objects.update_or_create(name="regions", defaults={"version": 5})
    make_region()
    assert stamp_of(["regions"]) > 1_600_000_000_000_000


@pytest.mark.django_db(transaction=True)
def test_truncate_raises_the_version():
    make_region()
    before = stamp_of(["regions"])
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE geo_region CASCADE")
    assert stamp_of(["regions"]) > before


@pytest.mark.django_db(transaction=True)
def test_touch_trigger_is_a_reversible_operation():
    operation = touch_trigger("geo_stamp_trial", "it's mine")
    assert isinstance(operation, migrations.RunSQL)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE geo_stamp_trial (id int)")
        try:
            cursor.execute(operation.sql)
            cursor.execute("INSERT INTO geo_stamp_trial VALUES (1)")
            first = stamp_of(["it's mine"])
            assert first > 0
            cursor.execute(operation.reverse_sql)
            cursor.execute("INSERT INTO geo_stamp_trial VALUES (2)")
            assert stamp_of(["it's mine"]) == first
        finally:
            cursor.execute("DROP TABLE geo_stamp_trial")


class Listener:
    """``listen`` in a thread, its yields collected."""

    def __init__(self, *topics: str) -> None:
        self.heard: list[frozenset[str]] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(topics, connection_parameters()))
        self.thread.start()

    def _run(self, topics, parameters) -> None:
        for changed in listen(topics, stop=self.stop, parameters=parameters, poll_s=0.2):
            self.heard.append(changed)

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 10
        while len(self.heard) < count:
            assert time.monotonic() < deadline, self.heard
            time.sleep(0.01)

    def close(self) -> None:
        self.stop.set()
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def listener(transactional_db):
    listener = Listener("regions", "areas")
    yield listener
    listener.close()


def test_listener_hears_commits_only_and_wanted_topics_only(listener):
    listener.wait_for(1)
    assert listener.heard[0] == {"regions", "areas"}
    with connection.cursor() as cursor:
        cursor.execute("NOTIFY sandtable, 'unwanted'")
    with transaction.atomic():
        make_region()
        time.sleep(0.3)
        assert len(listener.heard) == 1
    listener.wait_for(2)
    assert listener.heard[1] == {"regions"}


def test_listener_reports_everything_after_a_lost_connection(listener):
    listener.wait_for(1)
    with psycopg.connect(**connection_parameters(), autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE 'LISTEN %%' AND datname = current_database()"
        )
    listener.wait_for(2)
    assert listener.heard[1] == {"regions", "areas"}
    make_region()
    listener.wait_for(3)
    assert listener.heard[2] == {"regions"}
