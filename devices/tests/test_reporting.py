"""What processes tell of themselves: figures between two moments, written where the machine room reads them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
import pytest
from django.db import connection
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary

from devices.ingest import meters
from devices.ingest.decode import Received
from devices.ingest.meters import Meters
from devices.ingest.registry import KnownDevice
from devices.models import ProcessReport, ProcessSample
from devices.reporting import reporter as reporting
from devices.reporting.disks import newest, watch_folders
from devices.reporting.figures import Interval, Seen, between, quantile, read_totals
from devices.reporting.reporter import Reporter
from devices.tests.broker import wait_for
from gis.notices import connection_parameters
from twin.batch import PositionBatch, nothing
from twin.kinds import kind_of


@pytest.fixture
def registry():
    return CollectorRegistry()


def test_what_happened_between_two_moments(registry):
    counter = Counter("sandtable_things", "", ["reason"], registry=registry)
    gauge = Gauge("sandtable_depth_m", "", registry=registry)
    lag = Histogram("sandtable_lag_seconds", "", buckets=(1, 2, 4), registry=registry)
    stage = Summary("sandtable_stage_seconds", "", ["stage"], registry=registry)
    Counter("others_things", "", registry=registry).inc()
    counter.labels("a").inc(5)
    lag.observe(100)
    before = read_totals(10.0, registry)
    counter.labels("a").inc(2)
    counter.labels("b").inc()
    gauge.set(3)
    for _ in range(100):
        lag.observe(1.5)
    stage.labels("copy").observe(0.25)
    did = between(before, read_totals(15.0, registry))
    assert did.seconds == 5
    assert did.by("sandtable_things_total") == {"a": 2, "b": 1}
    assert (did.count("sandtable_things_total"), did.rate("sandtable_things_total")) == (3, 0.6)
    assert did.gauges == {"sandtable_depth_m": 3}
    assert did.seen["sandtable_lag_seconds"] == Seen(100, 150, 1.95)
    assert did.seen["sandtable_stage_seconds{stage=copy}"] == Seen(1, 0.25, None)
    assert did.seen["sandtable_stage_seconds{stage=copy}"].mean == 0.25
    assert Interval.from_json(did.as_json()) == did
    assert between(before, before).counters == {}


def test_a_value_beyond_all_bounds_is_at_least_the_last_one():
    assert quantile([(1.0, 0.0), (2.0, 0.0), (float("inf"), 9.0)], 9.0) == 2.0
    assert quantile([], 9.0) is None
    assert quantile([(1.0, 0.0)], 0.0) is None


@pytest.mark.django_db(transaction=True)
def test_a_process_reports_samples_and_signs_off(registry, monkeypatch):
    counter = Counter("sandtable_things", "", ["shard"], registry=registry)
    plain = Counter("sandtable_others", "", registry=registry)
    monkeypatch.setattr(reporting, "SAMPLE_S", 0.0)
    reporter = Reporter("ingest", "ingest.2", connection_parameters(), registry)
    old = datetime.now(UTC) - timedelta(hours=2)
    ProcessSample.objects.create(line="web", name="web", host="h", at=old, figures={})
    gone = datetime.now(UTC) - timedelta(days=8)
    ProcessReport.objects.create(line="web", name="w", host="h", pid=1, started_at=gone, reported_at=gone, figures={})
    counter.labels("7").inc(3)
    plain.inc(4)
    reporter.report()
    told, sample = ProcessReport.objects.get(), ProcessSample.objects.get()
    assert (told.line, told.name, told.host) == ("ingest", "ingest.2", reporter.host)
    assert told.figures["c"] == {"sandtable_things_total{shard=7}": 3, "sandtable_others_total": 4}
    assert sample.figures["c"] == {"sandtable_others_total": 4}  # shards are not kept for an hour
    reporter.report()
    assert ProcessReport.objects.get().figures["c"] == {}
    reporter.start()
    wait_for(lambda: ProcessReport.objects.get().reported_at > told.reported_at)
    reporter.stop()
    assert not ProcessReport.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_process_goes_on_reporting_after_the_database_was_away(registry, monkeypatch):
    monkeypatch.setattr(reporting, "REPORT_S", 0.05)
    reporter = Reporter("jobs", "", connection_parameters(), registry)
    reporter.start()
    try:
        wait_for(ProcessReport.objects.exists)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()"
                " AND backend_type = 'client backend'"  # autovacuum may be there, and is nobody's to end
            )
            for (pid,) in cursor.fetchall():
                cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        seen = ProcessReport.objects.get().reported_at
        wait_for(lambda: ProcessReport.objects.get().reported_at > seen)
        assert ProcessReport.objects.get().name.startswith("jobs-")
    finally:
        reporter.stop()


def test_a_report_that_fails_is_told_with_the_next(registry):
    reporter = Reporter("jobs", "jobs", {"host": "127.0.0.1", "port": 1, "dbname": "nowhere"}, registry)
    with pytest.raises(psycopg.Error):
        reporter.report()


def known(id_, shard):
    return KnownDevice(id_, f"D-{id_}", "machine", kind_of("machine").code, shard, id_, 0, "wgs84", True, False, 0)


def test_the_ingest_counts_by_kind_shard_and_way(position_batch):
    counts = Meters()
    counts.know([known(3, 5), known(9, 60)])
    before = read_totals(0.0)
    now_us = 1_800_000_000_000_000
    batch = position_batch(device=[3, 9, 9], received_us=[now_us - 200_000] * 3, time_us=[now_us - 2_000_000] * 3)
    messages = [Received(f"st/v1/machine/5/D-3/{channel}", b"", 0) for channel in ("pos", "pos", "batch")]
    counts.committed(messages, batch, now_us)
    did = between(before, read_totals(1.0))
    assert did.by("sandtable_ingest_messages_total") == {"pos": 2, "batch": 1}
    assert did.by("sandtable_ingest_kind_positions_total") == {"machine": 3}
    assert did.by("sandtable_ingest_shard_positions_total") == {"5": 1, "60": 2}
    assert did.gauges["sandtable_ingest_shard_lag_seconds{shard=60}"] == pytest.approx(0.2)
    assert did.seen["sandtable_ingest_lag_seconds"].count == 3
    assert did.seen["sandtable_ingest_lag_seconds"].p95 == pytest.approx(0.2, abs=0.02)
    assert did.seen["sandtable_ingest_age_seconds"].sum == pytest.approx(6)
    counts.committed([], batch.take(np.zeros(0, np.int64)), now_us)
    assert meters.lag_seconds


@pytest.fixture
def position_batch():
    empty = nothing()

    def make(**columns):
        n = len(columns["device"])
        values = {
            name: [""] * n if isinstance(value, list) else np.zeros(n, value.dtype)
            for name, value in vars(empty).items()
        }
        values["kind"] = np.full(n, kind_of("machine").code, np.uint8)
        return PositionBatch(**values | {name: np.array(column, np.int64) for name, column in columns.items()})

    return make


def test_room_is_told_once_a_file_system(tmp_path):
    (tmp_path / "a").mkdir()
    watch_folders({"first": tmp_path, "second": tmp_path / "a", "third": tmp_path / "missing"})
    gauges = read_totals(0.0).gauges
    assert gauges["sandtable_disk_free_bytes{folder=first}"] > 0
    assert gauges["sandtable_disk_size_bytes{folder=first}"] >= gauges["sandtable_disk_free_bytes{folder=first}"]
    assert not [key for key in gauges if "folder=second" in key or "folder=third" in key]


def test_the_newest_backup_counts(tmp_path):
    assert newest(tmp_path / "missing") == newest(tmp_path) == 0
    (tmp_path / "notes.txt").touch()
    (tmp_path / "sandtable-1.tar").touch()
    assert newest(tmp_path) == pytest.approx(time.time(), abs=60)
