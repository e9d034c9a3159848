"""A rehearsal says what would have happened: as the live engine, told of the same positions, says what did."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.contrib.gis.geos import LineString, MultiLineString
from django.db import connection, transaction
from django.test import Client

from access.scope import WHOLE_CITY
from command.engine import StreamEngine
from command.fencing import LINE_PASSED
from command.models import Alert
from command.plan import rehearsal
from command.plan.rehearsal import Paper, hours_of, rehearse, settings_of
from command.plan.shapes import of_stored
from command.tests.rulebook import KEY_AREA, draw
from command.tests.test_engine import NOON_US, S, batch
from gis.regions import district_index
from twin import near_rows
from twin.archive.keeping import archive_day
from twin.archive.stores import ArchiveStore
from twin.history import ensure_partitions
from twin.intake import Intake
from twin.kinds import MACHINE, kind_of
from twin.live.sight import sight_of
from twin.models import Area, Asset
from twin.past import Look
from twin.summaries import summarize

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
HOURS = 3


@pytest.fixture
def walks(rulebook):
    """Twelve machines that walk about a key area and a line: one batch after another, as they would come."""
    connection.cursor().execute("TRUNCATE twin_track, twin_late, twin_place, twin_digest, twin_keyframe")
    day = np.datetime64(NOON_US, "us").astype("datetime64[D]").item()
    with connection.cursor() as cursor:
        ensure_partitions(cursor, {kind_of("machine"): {day}})
    rng = np.random.default_rng(5)
    assets = [Asset.objects.create(kind="machine", code=f"R-{i}", name=f"焊机{i}").pk for i in range(12)]
    rows = []
    for number, asset in enumerate(assets):
        at = np.cumsum(rng.integers(5, 40, 300))
        at = at[at < HOURS * 3600]
        if number % 4 == 0:
            at = at[(at < 2000) | (at > 6000)]  # silent for a while
        lon = 121.5 + np.cumsum(rng.normal(0, 0.0015, len(at)))
        status = rng.integers(-1, 2, len(at))
        rows += [(asset, float(t), x, s, 3.0) for t, x, s in zip(at, lon, status, strict=True)]
    rows.sort(key=lambda row: row[1])
    return rows


def live(rows):
    """What the ingest raises of them, rule, asset and time; in batches of ten minutes."""
    engine = StreamEngine()
    intake = Intake([engine])
    with connection.cursor() as cursor:
        intake.load_areas(cursor)
        intake.use_regions(district_index())
        intake.reload_observers(cursor, set(intake.topics))
        for begin in range(0, HOURS * 3600, 600):
            part = [row for row in rows if begin <= row[1] < begin + 600]
            if part:
                intake.store(cursor.cursor, batch(part))
    return sorted((a.rule, a.asset_id, int(a.raised_at.timestamp() * 1e6)) for a in Alert.objects.exclude(area=None))


def paper_of(area):
    shape = of_stored(area.line if area.line is not None else area.boundary)
    return Paper(area.pk, area.kind, shape, np.nan, np.nan, 0, 0, area.periods)


def rehearsed(area, days=1, **paper):
    end_us = NOON_US + HOURS * 3600 * S
    start_us = end_us - days * 86400 * S
    with transaction.atomic(), connection.cursor() as cursor:
        settings = settings_of(cursor, [KEY_AREA.id, LINE_PASSED.id], {})
        found = rehearse(cursor, Look(sight_of(WHOLE_CITY)), paper_of(area), settings, start_us, end_us)
    assert [rule.fault for rule in found.rules] == ["", ""]
    return found, sorted(
        (rule.setting.rule.id, asset, time_us)
        for rule in found.rules
        for asset, time_us in zip(*(column.tolist() for column in rule.columns()[:2]), strict=True)
    )


@pytest.fixture
def areas(db):
    line = MultiLineString(LineString((121.505, 31.1), (121.505, 31.3)), srid=4326)
    return draw(half_deg=0.008), Area.objects.create(name="线", kind="line", line=line)


def only(alerts, rule):
    return [alert for alert in alerts if alert[0] == rule.id]


def sum_up():
    while summarize(datetime.fromtimestamp(NOON_US / S, UTC) + timedelta(hours=HOURS + 1), most=1000):
        pass


@pytest.mark.django_db(transaction=True)
def test_it_says_what_the_engine_says_wherever_the_past_lies(walks, areas, monkeypatch, tmp_path):
    happened = live(walks)
    place, line = areas
    inside, passed = only(happened, KEY_AREA), only(happened, LINE_PASSED)
    assert len(inside) > 20
    assert len(passed) > 5
    assert rehearsed(place)[1] == inside
    assert rehearsed(line)[1] == passed
    sum_up()
    found, alerts = rehearsed(place)
    assert alerts == inside
    assert rehearsed(line)[1] == passed
    assert found.rows < len(walks)
    # Of long stays one row in five minutes: fewer are looked at, and who was there is known all the same.
    monkeypatch.setattr(near_rows, "MANY_ROWS", 0)
    thinned, _alerts = rehearsed(place)
    assert (thinned.thinned, thinned.visitors) == (True, found.visitors)
    assert thinned.rows < found.rows
    store = ArchiveStore.at(str(tmp_path))
    monkeypatch.setattr("twin.archive.reading.archive_store", lambda: store)
    archive_day(store, MACHINE, np.datetime64(NOON_US, "us").astype("datetime64[D]").item())
    assert rehearsed(place)[1] == inside
    assert rehearsed(line)[1] == passed


def test_the_numbers_change_with_the_shape(walks, areas):
    live(walks)
    place, _line = areas
    whole = len(rehearsed(place)[1])
    place.boundary = draw(half_deg=0.001).boundary
    assert len(rehearsed(place)[1]) < whole
    place.periods = [{"kind": "dated", "first": "2020-01-01", "last": "2020-01-02"}]
    assert rehearsed(place)[1] == []


def test_hours_are_the_citys(db):
    # 2026-06-09, a Tuesday, 18:13 in Shanghai.
    table = hours_of(np.array([NOON_US, NOON_US + 3600 * S]))
    assert (table.sum(), table[1, 18], table[1, 19]) == (2, 1, 1)


@pytest.fixture
def ask(town):
    def ask(who, **fields):
        body = {"kind": "key_area", "shape": json.loads(draw("别处", lon=122.3).boundary.geojson), **fields}
        return town.client(who).post("/api/v1/plan/rehearse", json.dumps(body), content_type="application/json")

    return ask


def test_over_http_with_scope_and_words(ask, town):
    draw("邻区", kind="zone", lon=121.21, region=town.west)
    shape = json.loads(draw(lon=121.2, region=town.west).boundary.geojson)
    answer = ask("west", shape=shape).json()
    assert (answer["alerts"], answer["entries"], len(answer["by_hour"]), len(answer["by_hour"][0])) == (0, 0, 7, 24)
    assert {area["name"]: area["share"] for area in answer["overlaps"]} == {"邻区": 0.5, "化工一区": 1.0}
    assert ask("east", shape=shape).json()["overlaps"] == []
    assert {rule["id"] for rule in answer["rules"]} >= {KEY_AREA.id, LINE_PASSED.id}
    for who, expected in (("firm", 403), ("nobody", 403)):
        assert ask(who).status_code == expected
    assert Client().post("/api/v1/plan/rehearse").status_code == 401
    assert "没有这条规则" in ask("west", rules=["no.rule"]).json()["detail"]
    assert (
        "规则参数有误"
        in ask("west", rules=[LINE_PASSED.id], parameters={LINE_PASSED.id: {"way": "up"}}).json()["detail"]
    )
    assert (
        "线还不是区域"
        in ask("west", shape={"type": "LineString", "coordinates": [[121, 31], [121, 32]]}).json()["detail"]
    )
    listed = town.client("west").get("/api/v1/plan/rules").json()["rules"]
    assert next(rule for rule in listed if rule["id"] == LINE_PASSED.id)["parameters"][0]["value"] == "inward"
    assert rehearsal.rehearsable()
