"""Areas and lines along a stream, in the database: however it is cut, and whoever is killed between two batches."""

from __future__ import annotations

import numpy as np
import pytest
from django.contrib.gis.geos import LineString, MultiLineString, MultiPolygon, Polygon
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from gis.plane import M_PER_DEG
from twin.history import ensure_partitions
from twin.intake import Intake
from twin.kinds import AssetKind, kind_of
from twin.models import Area, AreaEvent, Asset, BeyondLine, Presence
from twin.tests.states import states

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
START_MS = 1_790_000_000_000
LON, LAT = 121.5, 31.2


def place(east_m, north_m=0.0):
    return LON + east_m / (M_PER_DEG * np.cos(np.radians(LAT))), LAT + north_m / M_PER_DEG


def box(west_m, east_m, **fields):
    shape = MultiPolygon(Polygon.from_bbox((*place(west_m, -200), *place(east_m, 200))), srid=4326)
    return Area.objects.create(name="围栏", kind="fence", boundary=shape, **fields)


def cordon(*east_m, **fields):
    north_m = np.linspace(-200, 200, len(east_m))
    shape = MultiLineString(LineString([place(e, n) for e, n in zip(east_m, north_m, strict=True)]), srid=4326)
    return Area.objects.create(name="警戒线", kind="line", line=shape, **fields)


@pytest.fixture
def machines():
    with connection.cursor() as cursor:
        day = np.datetime64(START_MS, "ms").astype("datetime64[D]").item()
        ensure_partitions(cursor, {kind_of("machine"): {day}})
    return [Asset.objects.create(kind="machine", code=f"W-{n}", name="焊机").pk for n in range(4)]


def loaded():
    intake = Intake()
    with connection.cursor() as cursor:
        intake.load_areas(cursor)
    return intake


def store(intake, asset, second, east_m, north_m=0.0):
    lon, lat = place(np.asarray(east_m, float), north_m)
    with connection.cursor() as cursor:
        return intake.store(
            cursor,
            states(
                asset,
                time_ms=[START_MS + 1000 * s for s in second],
                lon=lon,
                lat=np.broadcast_to(lat, len(asset)),
                seq=range(1, len(asset) + 1),
                device=asset,
            ).batch,
        )


def happened():
    events = AreaEvent.objects.values_list("asset", "area", "entered", "ts", "lon")
    return (
        sorted(events),
        sorted(Presence.objects.values_list("asset", "area", "since", "outside_since")),
        sorted(BeyondLine.objects.values_list("asset", "area", "since", "inward")),
    )


def test_however_the_stream_is_cut_and_whoever_is_killed(machines):
    box(0, 100), box(95, 300), cordon(50, 50), cordon(120, 130, 120)
    random = np.random.default_rng(3)
    steps = 30
    asset = np.tile(machines, steps)
    second = np.repeat(np.arange(steps) * 2, len(machines))
    wander = np.cumsum(random.normal(0, 9, (steps, 4)), axis=0)
    east_m = (wander + np.array([2, 97, 50, 122])).reshape(-1)
    found = []
    for size, killed in ((1000, False), (7, False), (7, True), (1, False)):
        with transaction.atomic():
            intake = loaded()
            for first in range(0, len(asset), size):
                part = slice(first, first + size)
                store(intake, asset[part].tolist(), second[part].tolist(), east_m[part])
                if killed:
                    intake = loaded()
            found.append(happened())
            transaction.set_rollback(True)
    assert found[0][0]
    assert all(other == found[0] for other in found[1:])
    # Enter and exit of an area take turns.
    for machine in machines:
        for area in Area.objects.exclude(kind="line"):
            turns = [
                e for a, z, e, _ts, _lon in sorted(found[0][0], key=lambda e: e[3]) if (a, z) == (machine, area.pk)
            ]
            assert turns == [k % 2 == 0 for k in range(len(turns))]


def test_waiting_is_stored_and_ends_with_coming_back_or_being_gone(machines):
    area, line = box(0, 100), cordon(96, 96)
    (one, two, *_rest) = machines
    intake = loaded()
    store(intake, [one, two], [0, 0], [50, 50])
    store(intake, [one, two], [5, 5], [105, 105])
    assert [p.outside_since.timestamp() - START_MS / 1000 for p in Presence.objects.all()] == [5, 5]
    assert sorted(BeyondLine.objects.values_list("asset", "inward")) == [(one, 1), (two, 1)]
    store(intake, [one, two], [10, 10], [94, 140])
    assert list(Presence.objects.values_list("asset", "area", "outside_since")) == [(one, area.pk, None)]
    assert not BeyondLine.objects.exists()
    assert sorted(
        AreaEvent.objects.filter(ts__gt=Presence.objects.get().since).values_list("asset", "area", "entered")
    ) == [
        (two, area.pk, False),
        (two, line.pk, True),
    ]


def test_what_comes_late_decides_nothing(machines):
    box(0, 100), cordon(50, 50)
    intake = loaded()
    store(intake, machines[:1], [10], [40])
    store(intake, machines[:1], [20], [105])
    before = happened()
    outcome = store(intake, [machines[0]] * 3, [12, 15, 20], [500, 40, 900])
    assert (outcome.late, outcome.crossings) == (3, 0)
    assert happened() == before


@pytest.mark.parametrize("how", ["delete", "deactivate", "move"])
def test_areas_and_lines_changed_while_something_is_undecided(machines, how):
    area, line = box(0, 100), cordon(96, 96)
    intake = loaded()
    store(intake, machines[:1], [0], [90])
    store(intake, machines[:1], [5], [105])
    for changed in (area, line):
        if how == "delete":
            changed.delete()
        elif how == "deactivate":
            changed.active = False
            changed.save()
    if how == "move":
        area.boundary = MultiPolygon(Polygon.from_bbox((*place(500, 0), *place(600, 9))), srid=4326)
        area.save()
        line.line = MultiLineString(LineString(place(500, -9), place(500, 9)), srid=4326)
        line.save()
    with connection.cursor() as cursor:
        intake.load_areas(cursor)
    store(intake, machines[:1], [6], [105])
    assert not Presence.objects.exists()
    store(intake, machines[:1], [7], [300])
    assert not BeyondLine.objects.exists()
    left = AreaEvent.objects.filter(entered=False)
    assert [e.area_version for e in left] == ([] if how == "delete" else [2])


def test_a_line_has_a_strip_on_its_inner_side_and_is_versioned():
    line = cordon(0, 0)
    west, south, east, north = line.boundary.extent
    assert (west, south) == pytest.approx(place(0, -200), abs=1e-7)
    assert (east, north) == pytest.approx(place(10, 200), abs=1e-6)
    line.line = MultiLineString(LineString(place(0, 200), place(0, -200)), srid=4326)
    line.save()
    line.refresh_from_db()
    assert line.version == 2
    assert line.boundary.extent[2] == pytest.approx(LON, abs=1e-7)
    bent = cordon(0, 3, -1, 4, 0)
    assert bent.boundary.valid
    assert bent.boundary.area > 0


def test_a_line_belongs_to_lines_and_to_nothing_else():
    line = MultiLineString(LineString(place(0), place(9)), srid=4326)
    shape = MultiPolygon(Polygon.from_bbox((*place(0), *place(9, 9))), srid=4326)
    for fields, field, said in (
        ({"kind": "fence", "boundary": shape, "line": line}, "line", "只有警戒线才有线"),
        ({"kind": "line", "boundary": shape}, "line", "至少两个不同的点"),
        ({"kind": "fence"}, "boundary", "请粘贴范围"),
        ({"kind": "line", "line": MultiLineString(LineString((500, 1), (501, 1)), srid=4326)}, "line", "不是经纬度"),
    ):
        with pytest.raises(ValidationError) as refused:
            Area(name="线", **fields).full_clean()
        assert set(refused.value.message_dict) == {field}
        assert said in str(refused.value)
    with pytest.raises(IntegrityError, match="area_line_where_it_is_one"), transaction.atomic():
        Area.objects.bulk_create([Area(name="线", kind="line", boundary=shape)])


@pytest.mark.parametrize(
    "fields", [{"jitter_m": -1}, {"jitter_m": 2000}, {"leave_after_s": -1}, {"jitter_m": float("nan")}]
)
def test_a_kind_strays_by_a_sensible_distance(fields):
    with pytest.raises(ValueError, match="jitter_m must be"):
        AssetKind("kite", 200, "风筝", "dot", silent_after_s=60, retention_days=1, **fields)
