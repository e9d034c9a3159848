"""Small rules and a city for the tests of this floor."""

from __future__ import annotations

import numpy as np
from django.contrib.gis.geos import MultiPolygon, Polygon

from command.rules import Evidence, Grade, Parameter, Rule, RuleRegistry, Trigger, Verdicts
from gis.models import Region
from twin.kinds import Status
from twin.models import Area


def working_in_key_area(facts, p):
    pairs = facts.inside("key_area")
    pairs = pairs[facts.status[facts.inside_row[pairs]] == Status.WORKING]
    rows = facts.inside_row[pairs]
    return Verdicts.of_rows(rows, facts.inside_area[pairs], speed_m_s=facts.speed_m_s[rows])


def too_fast(facts, p):
    fast = np.flatnonzero(facts.speed_m_s > p["limit_m_s"])
    return Verdicts.of_rows(fast, speed_m_s=facts.speed_m_s[fast])


def crowded(facts, p):
    count = facts.count_inside(facts.is_kind("person"))
    full = np.flatnonzero(facts.areas.is_kind("zone") & (count > p["most"]))
    return Verdicts.of_areas(facts.areas.id[full], people=count[full])


def sos(facts, p):
    return Verdicts.of_rows([i for i, event in enumerate(facts.events) if event["code"] == "sos"])


def rule(judge, on=Trigger.POSITIONS, **fields):
    fields = {"grade": Grade.ORANGE, "title": "试验规则", **fields}
    return Rule(id=f"test.{judge.__name__}", judge=judge, on=on, **fields)


KEY_AREA = rule(
    working_in_key_area,
    title="重点区域内作业",
    kinds=("machine",),
    sound=True,
    evidence=(Evidence("speed_m_s", "速度", "m/s"),),
    advice="立即停止作业。",
)
TOO_FAST = rule(too_fast, grade=Grade.YELLOW, parameters=(Parameter("limit_m_s", "限速", "float", 20, 1, 60, "m/s"),))
CROWDED = rule(
    crowded, Trigger.PRESENT, kinds=("person",), parameters=(Parameter("most", "最多人数", "int", 2, minimum=0),)
)
SOS = rule(sos, Trigger.EVENTS, grade=Grade.RED, escalate_after_s=60)


def registry_of(*rules):
    registry = RuleRegistry()
    for each in rules:
        registry.register(each)
    return registry


def square(lon, lat, half_deg=0.01):
    box = Polygon.from_bbox((lon - half_deg, lat - half_deg, lon + half_deg, lat + half_deg))
    return MultiPolygon(box, srid=4326)


def draw(name="化工一区", kind="key_area", lon=121.5, lat=31.2, half_deg=0.01, **fields):
    return Area.objects.create(name=name, kind=kind, boundary=square(lon, lat, half_deg), **fields)


def district(code="310101", name="黄浦区", lon=121.5, lat=31.2):
    return Region.objects.create(code=code, name=name, level="district", boundary=square(lon, lat, 0.3))
