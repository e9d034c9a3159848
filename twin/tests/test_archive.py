"""Days in files: nothing lost, nothing doubled, the same answers from wherever the past lies."""

from __future__ import annotations

import json
from datetime import timedelta

import geopandas
import numpy as np
import psycopg
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils import timezone

from gis.notices import connection_parameters
from twin.archive import keeping, making
from twin.archive.keeping import archive_day, archive_due, check, expire, restore, sweep
from twin.archive.models import ArchivedDay
from twin.archive.schema import SORTED_BY, block_length_s
from twin.archive.stores import ArchiveStore
from twin.exceptions import ArchiveBusyError, ArchiveDamagedError, ArchiveError, ArchiveStoreError
from twin.history import partition_name
from twin.kinds import MACHINE
from twin.tasks import archive_old_days
from twin.tests.old_days import DAY, EVE, START, START_US, archive_everything, make_history, report, table, track

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture(params=["local", "elsewhere"])
def store(request, tmp_path, monkeypatch):
    """An archive in a folder, and one reached as S3 is: streams, no renaming."""
    (tmp_path / "archive").mkdir()
    if request.param == "local":
        made = ArchiveStore.at(str(tmp_path / "archive"))
    else:
        sub = pafs.SubTreeFileSystem(str(tmp_path / "archive"), pafs.LocalFileSystem())
        made = ArchiveStore(sub, "", tmp_path / "spool")
    for module in ("twin.archive.reading", "twin.management.commands.archive"):
        monkeypatch.setattr(f"{module}.archive_store", lambda: made)
    return made


# Asks of what lies in the database: files are put, read and deleted in both kinds of stores elsewhere here.
one_store = pytest.mark.parametrize("store", ["local"], indirect=True)


@pytest.fixture
def history(db):
    return make_history()


def partitions():
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'twin\\_track\\_001\\_%'")
        return {row[0] for row in cursor.fetchall()}


def test_a_day_goes_into_a_file_and_comes_back_as_it_was(store, history):
    before = table()
    archive_everything(store)
    assert table() == []
    assert partition_name(MACHINE, DAY) not in partitions()
    assert sum(ArchivedDay.objects.values_list("rows", flat=True)) == len(before)
    for day in (EVE, DAY):
        restore(store, MACHINE, day)
    assert table() == before
    assert ArchivedDay.objects.exclude(restored_until=None).count() == 2


def test_others_can_read_the_file(history, tmp_path):
    store = ArchiveStore.at(str(tmp_path))
    archived = archive_day(store, MACHINE, DAY)
    frame = geopandas.read_parquet(tmp_path / archived.name)
    assert len(frame) == archived.rows
    assert frame.crs.equals("OGC:CRS84") and set(frame.geom_type) == {"Point"}
    assert frame.total_bounds.tolist() == [archived.west, archived.south, archived.east, archived.north]
    file = pq.ParquetFile(tmp_path / archived.name)
    geo = json.loads(file.metadata.metadata[b"geo"])
    assert (geo["version"], geo["columns"]["geometry"]["encoding"]) == ("1.1.0", "point")
    keys = list(zip(*(frame[name] for name in SORTED_BY), strict=True))
    assert keys == sorted(keys)


def test_a_busy_day_is_cut_in_blocks_that_row_groups_keep_to(history, tmp_path, monkeypatch):
    monkeypatch.setattr("twin.archive.making.block_length_s", lambda busiest, rows: 3600)
    store = ArchiveStore.at(str(tmp_path))
    before = table(START)
    archived = archive_day(store, MACHINE, DAY)
    file = pq.ParquetFile(tmp_path / archived.name)
    hours = []
    for g in range(file.num_row_groups):
        times = file.read_row_group(g)["time"].to_pylist()
        assert {time.hour for time in times} == {times[0].hour}
        hours.append(times[0].hour)
    assert hours == sorted(hours) and archived.rows == len(before)
    restore(store, MACHINE, DAY)
    assert table(START) == before


def test_blocks_are_short_where_much_is_reported():
    assert block_length_s(50, 1000) == 86_400
    assert block_length_s(1_000_000, 24_000_000) == 3_600
    assert block_length_s(21_600_000, 200_000_000) == 60


@pytest.mark.parametrize("moment", ["sync_file", "put", "check", "drop"])
def test_wherever_it_is_interrupted_nothing_is_lost(store, history, monkeypatch, moment):
    class Interrupted(Exception):
        pass

    def interrupt(*_values, **_more):
        raise Interrupted

    before = table()
    with monkeypatch.context() as patch:
        if moment == "put":
            patch.setattr(ArchiveStore, "put", interrupt)
        elif moment == "drop":
            patch.setattr(ArchivedDay, "save", interrupt)
        else:
            patch.setattr(making if moment == "sync_file" else keeping, moment, interrupt)
        with pytest.raises(Interrupted):
            archive_day(store, MACHINE, DAY)
    assert table() == before
    assert not ArchivedDay.objects.exists()
    monkeypatch.setattr(keeping, "SWEEP_AFTER_S", -60)
    sweep(store)
    assert store.files() == {} and list(store.spool.glob("*")) == []
    archive_everything(store)
    restore(store, MACHINE, DAY)
    restore(store, MACHINE, EVE)
    assert table() == before


@one_store
def test_a_row_that_comes_while_the_day_is_read_keeps_it_in_the_database(store, history, monkeypatch):
    put = ArchiveStore.put

    def late(self, made, name):
        put(self, made, name)
        report(history[1], np.array([START_US + 5]), np.random.default_rng(1), seq=900)

    with monkeypatch.context() as patch:
        patch.setattr(ArchiveStore, "put", late)
        with pytest.raises(ArchiveBusyError):
            archive_day(store, MACHINE, DAY)
    assert not ArchivedDay.objects.exists()
    before = table()
    archive_everything(store)
    restore(store, MACHINE, DAY)
    restore(store, MACHINE, EVE)
    assert table() == before


@one_store
def test_who_reads_the_day_is_not_thrown_out(store, history, monkeypatch):
    monkeypatch.setattr("twin.history.LONGEST_WAIT_S", 0.2)
    with psycopg.connect(**connection_parameters()) as reader:
        reader.execute("SELECT count(*) FROM twin_track")
        with pytest.raises(OperationalError):
            archive_day(store, MACHINE, DAY)
    assert len(table()) > 0 and not ArchivedDay.objects.exists()


@one_store
def test_only_one_archives_at_a_time(store, history):
    with keeping._keeper(), pytest.raises(ArchiveBusyError):
        archive_due(store, DAY)


def test_rows_that_come_late_are_read_beside_the_file_and_go_into_a_new_one(store, history):
    archive_everything(store)
    first = ArchivedDay.objects.get(day=DAY)
    rng = np.random.default_rng(3)
    late_us = START_US + np.array([10, 20, 30]) * 60_000_000
    report(history[0], late_us, rng, seq=500)
    rows = track(history[0])
    assert set(late_us.tolist()) <= set(rows)
    (second,), failed = archive_due(store, DAY + timedelta(days=MACHINE.hot_days + 1))
    assert not failed and second.rows == first.rows + 3 and second.name != first.name
    assert set(store.files()) == {second.name, ArchivedDay.objects.get(day=EVE).name}
    assert track(history[0]) == rows
    report(history[0], late_us, np.random.default_rng(3), seq=500)  # the same once more
    assert track(history[0]) == rows
    assert archive_day(store, MACHINE, DAY).name == second.name  # nothing new in it
    check(store, second)


@one_store
def test_a_restored_day_is_read_once_and_goes_back_when_its_time_is_over(store, history):
    archive_everything(store)
    archived = track(history[1])
    restore(store, MACHINE, DAY, days=3)
    assert track(history[1]) == archived
    later = DAY + timedelta(days=30)
    assert archive_due(store, later) == ([], [])
    ArchivedDay.objects.filter(day=DAY).update(restored_until=timezone.now() - timedelta(seconds=1))
    done, _failed = archive_due(store, later)
    assert [one.day for one in done] == [DAY]
    assert partition_name(MACHINE, DAY) not in partitions()
    assert track(history[1]) == archived


@one_store
def test_retention_applies_to_files(store, history):
    archive_everything(store)
    eve = ArchivedDay.objects.get(day=EVE).name
    assert expire(store, DAY + timedelta(days=MACHINE.retention_days)) == [eve]
    assert list(ArchivedDay.objects.values_list("day", flat=True)) == [DAY]
    assert len(store.files()) == 1
    expire(store, DAY + timedelta(days=MACHINE.retention_days + 1))
    assert store.files() == {} and not ArchivedDay.objects.exists()


@pytest.mark.parametrize("fault", ["cut", "a byte", "gone"])
def test_a_damaged_file_is_noticed_and_said(store, history, fault, capsys, tmp_path):
    archive_everything(store)
    archived = ArchivedDay.objects.get(day=DAY)
    path = tmp_path / "archive" / archived.name
    data = bytearray(path.read_bytes())
    data[2000] ^= 1
    if fault == "gone":
        path.unlink()
    else:
        path.write_bytes(data if fault == "a byte" else data[:-100])
    with pytest.raises(ArchiveDamagedError, match=archived.name):
        check(store, archived)
    with pytest.raises(ArchiveDamagedError):
        restore(store, MACHINE, DAY)
    assert table() == []
    with pytest.raises(CommandError, match="2 个文件中有 1 个缺失或已损坏"):
        call_command("archive", "verify")
    assert archived.name in capsys.readouterr().err


def test_by_hand(store, history, capsys):
    call_command("archive", "run", "--kind", "machine", "--day", str(DAY))
    call_command("archive", "list")
    assert "共 1 个文件" in capsys.readouterr().out
    call_command("archive", "verify")
    assert "1 个文件完好" in capsys.readouterr().out
    call_command("archive", "restore", "--kind", "machine", "--day", str(DAY), "--for", "2")
    assert "留到" in capsys.readouterr().out
    for wrong in (["restore", "--kind", "machine", "--day", str(EVE)], ["run", "--kind", "kite", "--day", str(DAY)]):
        with pytest.raises(CommandError):
            call_command("archive", *wrong)


def test_the_daily_job_archives_what_is_old_enough(history, settings, tmp_path):
    settings.ARCHIVE_URL = (tmp_path / "by the job").as_uri()
    archive_old_days(0)
    assert set(ArchivedDay.objects.values_list("day", flat=True)) == {EVE, DAY}
    assert table() == []
    assert len(list((tmp_path / "by the job").rglob("*.parquet"))) == 2


def test_a_place_that_is_none_is_refused():
    with pytest.raises(ArchiveStoreError):
        ArchiveStore.at("gopher://somewhere/archive")


@one_store
def test_a_day_that_is_not_archived_cannot_be_restored(store, history):
    with pytest.raises(ArchiveError):
        restore(store, MACHINE, DAY)
