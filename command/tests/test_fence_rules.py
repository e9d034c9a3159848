"""Every sort of fence along the whole road: positions in, alerts out."""

from __future__ import annotations

import json
import math
import time

import numpy as np
import pytest
from django.contrib.gis.geos import LineString, MultiLineString
from django.db import connection

from command.engine import StreamEngine
from command.fencing import DWELLING, LINE_PASSED, NEAR_CEILING, SPEEDING, TOO_NEAR
from command.models import Alert, RuleSetting
from command.present import PresentEngine
from command.rules import Trigger, Verdicts
from command.tests.rulebook import draw, registry_of, rule
from gis.plane import M_PER_DEG
from twin.history import ensure_partitions
from twin.intake import Intake
from twin.kinds import kind_of, kinds
from twin.models import Area, AreaEvent, Asset
from twin.tests.states import states

pytestmark = pytest.mark.django_db
LON, LAT = 121.5, 31.2
START_S = int(time.time()) - 300


def east(metres):
    return LON + metres / (M_PER_DEG * math.cos(math.radians(LAT)))


class Road:
    """The intake with the rules of the stream, and the rules of the present."""

    def __init__(self, rule, **parameters):
        RuleSetting.objects.update_or_create(rule=rule.id, defaults={"enabled": True, "parameters": parameters})
        registry = registry_of(rule)
        self.engine = StreamEngine(registry)
        self.intake = Intake([self.engine])
        self.present = PresentEngine(registry)
        self.load()
        with connection.cursor() as cursor:
            day = np.datetime64(START_S, "s").astype("datetime64[D]")
            ensure_partitions(cursor, {kind: {day.item(), (day + 1).item()} for kind in kinds()})

    def load(self):
        with connection.cursor() as cursor:
            self.intake.load_areas(cursor)
            self.intake.reload_observers(cursor, set(self.intake.topics))
            self.present.knowledge.load(cursor, self.present.knowledge.topics)

    def goes(self, asset, *rows):
        """Rows of (second, metres east[, columns]); returns (what, area, evidence) of alerts raised or ended."""
        for second, metres, *more in rows:
            columns = {name: [value] for name, value in (more[0] if more else {}).items()}
            batch = states(
                [asset.pk],
                kind=[kind_of(asset.kind).code],
                time_ms=[(START_S + second) * 1000],
                lon=[east(metres)],
                lat=[LAT],
                seq=[second + 1],
                **columns,
            ).batch
            with connection.cursor() as cursor:
                outcome = self.intake.store(cursor, batch)
        return [
            ("ended" if record["cause_ended_at"] else "raised", record["area"] and record["area"]["id"])
            for message in outcome.messages
            for record in json.loads(message.payload)
        ]

    def round(self):
        """Judge the present; the alerts that are open afterwards."""
        with connection.cursor() as cursor:
            self.present.judge(cursor, self.present._registry.on(Trigger.PRESENT))
        return list(Alert.objects.filter(cause_ended_at=None).order_by("id"))


def counts(facts, p):
    count = facts.count_inside(facts.is_kind("person"))
    wrong = facts.areas.is_kind("zone") & facts.areas.in_force & ((count > 2) | (count < 1))
    return Verdicts.of_areas(facts.areas.id[wrong], people=count[wrong])


COUNTS = rule(counts, Trigger.PRESENT, kinds=("person",))


def asset(kind="machine", code="A-1"):
    return Asset.objects.create(kind=kind, code=code, name="对象")


def line(*east_m, **fields):
    points = [(east(m), LAT + k * 0.02 - 0.01) for k, m in enumerate(east_m)]
    shape = MultiLineString(LineString(points), srid=4326)
    return Area.objects.create(name="警戒线", kind="line", line=shape, **fields)


def test_dwelling_beyond_a_time():
    area, thing = draw(kind="fence", lon=east(0), half_deg=0.001), asset()
    road = Road(DWELLING, most_min=1)
    assert road.goes(thing, (0, 0), (60, 0)) == []
    assert road.goes(thing, (61, 5)) == [("raised", area.pk)]
    assert Alert.objects.get().evidence == {"dwell_min": 1.0}
    # Three metres outside is the positioning's error; the stay goes on.
    edge_m = 0.001 * M_PER_DEG * math.cos(math.radians(LAT))
    assert road.goes(thing, (70, edge_m + 3)) == []
    assert road.goes(thing, (71, edge_m + 30)) == [("ended", area.pk)]


def test_speed_inside_an_area():
    area, thing = draw(kind="fence", half_deg=0.001), asset()
    road = Road(SPEEDING, limit_km_h=18)
    assert road.goes(thing, (0, 900, {"speed_m_s": 30})) == []
    assert road.goes(thing, (1, 0, {"speed_m_s": 5})) == []
    assert road.goes(thing, (2, 0, {"speed_m_s": 6})) == [("raised", area.pk)]


def test_too_many_too_few_nobody():
    zone, other = draw(kind="zone", half_deg=0.001), draw("空区", "zone", lon=LON + 1)
    line(500, 500)
    people = [asset("person", f"P-{n}") for n in range(3)]
    road = Road(COUNTS)
    assert {(a.area_id, a.evidence["people"]) for a in road.round()} == {(zone.pk, 0), (other.pk, 0)}
    road.goes(people[0], (0, 0))
    assert {a.area_id for a in road.round()} == {other.pk}
    for person in people[1:]:
        road.goes(person, (0, 1))
    assert {a.area_id for a in road.round()} == {zone.pk, other.pk}
    assert Alert.objects.latest("id").evidence == {"people": 3}


def test_a_line_is_passed_in_one_direction():
    cordon, thing = line(0, 0), asset()  # northwards: its inner side is in the east
    road = Road(LINE_PASSED)
    assert road.goes(thing, (0, -100), (10, -5)) == []
    assert road.goes(thing, (20, 5)) == []
    assert road.goes(thing, (30, -5), (40, 5)) == []
    assert road.goes(thing, (50, 50)) == [("raised", cordon.pk)]
    assert road.goes(thing, (60, 60)) == [("ended", cordon.pk)]
    assert road.goes(thing, (70, -50)) == []
    assert list(AreaEvent.objects.order_by("ts").values_list("area", "entered")) == [
        (cordon.pk, True),
        (cordon.pk, False),
    ]
    # It was silent: nobody knows which way it came.
    assert road.goes(thing, (270, 50)) == []
    assert Alert.objects.count() == 1
    both = Road(LINE_PASSED, way="both")
    assert both.goes(thing, (280, -50)) == [("raised", cordon.pk)]
    assert both.goes(thing, (290, 50)) == []  # the same cause, a position later
    assert both.goes(thing, (300, 60)) == [("ended", cordon.pk)]
    outward = Road(LINE_PASSED, way="outward")
    assert outward.goes(thing, (310, -50)) == [("raised", cordon.pk)]
    assert outward.goes(thing, (320, 50)) == [("ended", cordon.pk)]


def test_a_line_has_periods_and_is_there_within_a_reload():
    thing = asset()
    road = Road(LINE_PASSED)
    road.goes(thing, (0, -100))
    cordon = line(0, 0)
    road.load()
    assert road.goes(thing, (1, 100)) == [("raised", cordon.pk)]
    hour = time.localtime(START_S + 8 * 3600 - time.localtime().tm_gmtoff).tm_hour
    cordon.periods = [{"kind": "daily", "start": f"{(hour + 5) % 24:02}:00", "end": f"{(hour + 6) % 24:02}:00"}]
    cordon.save()
    road.load()
    assert road.goes(thing, (2, -100), (3, 100)) == []
    assert cordon.version == 2
    assert AreaEvent.objects.filter(area_version=2).count() == 2


def test_too_near_another():
    person, far, near, idle = asset("person", "P-1"), asset(code="M-1"), asset(code="M-2"), asset(code="M-3")
    road = Road(TOO_NEAR, least_m=20, heard_within_s=3600)
    road.goes(far, (0, 19, {"status": 1}))
    road.goes(near, (0, -12, {"status": 1}))
    road.goes(idle, (0, 3))
    assert road.round() == []
    road.goes(person, (0, 0))
    (alert,) = road.round()
    assert (alert.asset, alert.evidence) == (person, {"distance_m": 12.0, "danger": near.pk})
    road.goes(person, (5, 45))
    assert road.round() == []


def test_height_within_a_volume():
    zone = draw(kind="zone", half_deg=0.001, z_min_m=100, z_max_m=300)
    drone = asset("drone", "D-1")
    road = Road(NEAR_CEILING, area_kind="zone")
    assert road.goes(drone, (0, 0, {"alt_m": 289})) == []
    assert road.goes(drone, (1, 0, {"alt_m": 291})) == [("raised", zone.pk)]
    assert road.goes(drone, (2, 0, {"alt_m": 303})) == []  # still inside: five metres are the positioning's error
    assert road.goes(drone, (3, 0, {"alt_m": 320})) == [("ended", zone.pk)]
    # Below the floor it is outside; unknown, it is inside, and the rule that compares heights says nothing.
    assert road.goes(drone, (4, 0, {"alt_m": 50}), (5, 0, {"alt_m": np.nan})) == []
    assert list(AreaEvent.objects.order_by("ts").values_list("entered", flat=True)) == [True, False, True]
