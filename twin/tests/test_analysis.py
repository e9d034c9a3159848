"""Questions to the archive: the same answers on this machine's threads and on a Dask cluster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from twin.analysis.pieces import Source, pieces_of, tracks_of
from twin.archive.keeping import archive_day
from twin.archive.models import ArchivedDay
from twin.archive.stores import ArchiveStore
from twin.history import write_tracks
from twin.kinds import MACHINE
from twin.models import Asset
from twin.tests.states import states

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
DAY = datetime(2026, 3, 5, tzinfo=UTC)


@pytest.fixture
def archive(settings, tmp_path):
    """Three machines: ``fixed`` wanders by a few metres, ``mover`` drives off at noon, ``friend`` follows an hour."""
    settings.ARCHIVE_URL = str(tmp_path / "archive")
    connection.cursor().execute("TRUNCATE twin_track, twin_late, twin_place, twin_digest, twin_keyframe")
    minutes = np.arange(1440)
    rng = np.random.default_rng(4)
    driven = np.clip(minutes - 720, 0, 120) * 0.005  # some 475 m a minute
    lons = {
        "fixed": 121.3 + rng.normal(0, 3e-5, 1440),
        "mover": 121.5 + driven,
        "friend": np.where((minutes > 720) & (minutes <= 780), 121.5 + driven, 120.9),
    }
    for code, lon in lons.items():
        asset = Asset.objects.create(kind="machine", code=code, name=f"机 {code}")
        times_ms = DAY.timestamp() * 1000 + minutes * 60_000
        batch = states(asset=[asset.pk] * 1440, time_ms=times_ms, seq=minutes, lon=lon, lat=[31.2] * 1440).batch
        write_tracks(connection.cursor().cursor, batch)
    archive_day(ArchiveStore.at(settings.ARCHIVE_URL), MACHINE, DAY.date())


def run(tmp_path, what, *more, suffix=".csv", end=DAY):
    out = tmp_path / f"{what}{suffix}"
    call_command("analyse", what, "--from", str(DAY.date()), "--to", str(end.date()), "--out", str(out), *more)
    return pd.read_csv(out) if suffix == ".csv" else pd.read_parquet(out)


def test_how_far_each_went(archive, tmp_path):
    found = run(tmp_path, "distances").set_index("code")
    assert found.loc["fixed", "distance_m"] == 0
    assert found.loc["mover", "distance_m"] == pytest.approx(120 * 475, rel=0.02)
    assert found["positions"].tolist() == [1440] * 3
    assert found.loc["mover", "name"] == "机 mover"


def test_where_each_stayed(archive, tmp_path):
    found = run(tmp_path, "stays", suffix=".parquet").groupby("code")["minutes"].apply(list)
    assert found["fixed"] == [1439]
    assert found["mover"] == [pytest.approx(720, abs=2), pytest.approx(599, abs=2)]


def test_a_machine_that_should_stand_and_moves(archive, tmp_path):
    found = run(tmp_path, "mobile", "--kind", "machine")
    assert found["code"].tolist() == ["mover"]
    assert found["away_most_m"][0] > 20_000


def test_two_that_were_together(archive, tmp_path):
    found = run(tmp_path, "colocation", "--assets", "machine:mover", "machine:friend")
    assert found[["code", "other_code"]].to_numpy().tolist() == [["mover", "friend"]]
    assert found["minutes"].tolist() == [pytest.approx(59, abs=1)]
    assert len(run(tmp_path, "colocation", "--assets", "machine:mover", "machine:fixed", suffix=".parquet")) == 0


@pytest.mark.slow
def test_a_cluster_answers_the_same(archive, tmp_path):
    from distributed import LocalCluster  # a third of a second, for each process that shares the tests

    here = run(tmp_path, "distances")
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        there = run(tmp_path, "distances", "--scheduler", cluster.scheduler_address)
    pd.testing.assert_frame_equal(here, there)


def test_days_that_are_not_archived_are_named(archive, tmp_path, capsys):
    run(tmp_path, "distances", end=DAY + timedelta(days=1))
    assert "2026-03-06" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        ["distances", "--out", "x.txt"],
        ["colocation"],
        ["distances", "--assets", "machine:fixed", "machine:mover"],
        ["colocation", "--assets", "machine:fixed", "machine:none"],
        ["stays", "--kind", "kite that is none"],
        ["stays", "--kind", "drone"],
    ],
)
def test_wrong_questions_are_refused(archive, tmp_path, wrong):
    with pytest.raises(CommandError):
        run(tmp_path, *wrong)


def test_a_large_day_is_cut_so_that_nobody_is_left_out(archive, monkeypatch, settings):
    monkeypatch.setattr("twin.analysis.pieces.ROWS_A_PIECE", 1500)
    monkeypatch.setattr("twin.archive.making.ROWS_A_GROUP", 500)
    archived = ArchivedDay.objects.get()
    whole = Source(settings.ARCHIVE_URL, archived.name, "machine", archived.day, 60)
    found = [track.asset for piece in pieces_of(whole) for track in tracks_of(piece)]
    assert sorted(found) == sorted(Asset.objects.values_list("pk", flat=True))
