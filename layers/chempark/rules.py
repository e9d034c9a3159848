"""When people on tags, and the zones they are in, are in trouble. Pure: facts in, causes out.

Five rules speak of persons (SOS, 越界, 滞留, 静止, 离场) and four of zones (超员, 缺员, 缺岗, 聚集). A person outside
the site has left it (离场) and is not besides judged to have crossed a border inside it (越界). A tag that is switched
off says nothing about anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray
from shapely import STRtree

from command.rules import Attribute, Evidence, Facts, Grade, Parameter, Rule, Trigger, Verdicts
from layers.chempark.attributes import (
    GATHERING_PEOPLE,
    GROUND,
    HOLDER_POST,
    LEAST_PEOPLE,
    MOST_PEOPLE,
    OWN_ZONES,
    POST,
    POST_PEOPLE,
    SITE,
    STAY_LIMIT_MIN,
    STILL_LIMIT_S,
)
from layers.chempark.ground import Ground, plane_m
from twin.kinds import PERSON, Status
from twin.models import Area

SECOND_US = 1_000_000
SOS_CODE = "sos"
ZONE = Area.Kind.ZONE.value


def _carried(facts: Facts) -> NDArray[np.bool_]:
    """Rows of tags that are switched on."""
    return facts.status != Status.OFF


def _heard(facts: Facts, parameters: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Rows of tags that are on and were heard of within the time allowed."""
    return _carried(facts) & (facts.now_us - facts.time_us <= parameters["heard_within_s"] * SECOND_US)


def sos(facts: Facts, parameters: Mapping[str, Any]) -> Verdicts:
    """Tags whose key was pressed."""
    rows = [i for i, event in enumerate(facts.events) if event["code"] == SOS_CODE]
    return Verdicts.of_rows(rows, text=[facts.events[i]["text"] for i in rows])


def out_of_zone(facts: Facts, parameters: Mapping[str, Any]) -> Verdicts:
    """People on the site but further than ``tolerance_m`` from each of their own zones."""
    own, grounds = facts.values(OWN_ZONES.key), facts.areas.values(GROUND.key)
    away = _carried(facts) & np.array([bool(zones) for zones in own], bool)
    # Nearly everybody is where they belong, and who is in a zone need not be measured.
    away[[row for row, at in _pairs(facts) if own[row] and facts.areas.id[at] in own[row]]] = False
    to_site = _from_site(facts, away)
    rows, distances = [], []
    for i in np.flatnonzero(away & ~(to_site > 0)).tolist():
        zones = [grounds[at] for at in facts.areas.position(own[i]) if at >= 0 and grounds[at] is not None]
        distance = min((float(ground.distance_m(facts.lon[i], facts.lat[i])) for ground in zones), default=0.0)
        if distance > parameters["tolerance_m"]:
            rows.append(i)
            distances.append(round(distance, 1))
    return Verdicts.of_rows(rows, distance_m=distances)


def left_site(facts: Facts, parameters: Mapping[str, Any]) -> Verdicts:
    """People further than ``tolerance_m`` from the site where they work."""
    distance = _from_site(facts, _carried(facts))
    rows = np.flatnonzero(distance > parameters["tolerance_m"])
    return Verdicts.of_rows(rows, distance_m=distance[rows].round(1))


def _from_site(facts: Facts, wanted: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Metres from each wanted row to the site where its person works; NaN where there is none: float64[n]."""
    sites: dict[int, tuple[Ground, list[int]]] = {}
    values = facts.values(SITE.key)
    for i in np.flatnonzero(wanted).tolist():
        if values[i] is not None:
            sites.setdefault(id(values[i]), (values[i], []))[1].append(i)
    found = np.full(len(facts), np.nan)
    for site, rows in sites.values():
        found[rows] = site.distance_m(facts.lon[rows], facts.lat[rows])
    return found


def overstay(facts: Facts, parameters: Mapping[str, Any]) -> Verdicts:
    """People in a zone for longer than it allows, by the time they were last heard of."""
    pairs = facts.inside(ZONE, in_force=False)
    row, at = facts.inside_row[pairs], facts.inside_at[pairs]
    stay_min = facts.dwell_s[pairs] / 60
    # NaN, no limit, compares false.
    over = _carried(facts)[row] & (stay_min > facts.areas.numbers(STAY_LIMIT_MIN.key)[at])
    return Verdicts.of_rows(row[over], facts.areas.id[at[over]], stay_min=np.floor(stay_min[over]))


def motionless(facts: Facts, parameters: Mapping[str, Any]) -> Verdicts:
    """People in a zone who reported for ``limit_s``, or the zone's own limit, without leaving a circle.

    A tag that falls silent is not motionless: its reports stop, and the time with them. In several zones the
    strictest limit counts.
    """
    pairs = facts.inside(ZONE, in_force=False)
    row, at = facts.inside_row[pairs], facts.inside_at[pairs]
    limit_s = facts.areas.numbers(STILL_LIMIT_S.key)[at]
    limit_s = np.where(np.isnan(limit_s), parameters["limit_s"], limit_s)
    strictest = np.lexsort((facts.areas.id[at], limit_s, row))
    row, at, limit_s = row[strictest], at[strictest], limit_s[strictest]
    first = np.ones(len(row), bool)
    first[1:] = row[1:] != row[:-1]
    still_s = (facts.time_us[row] - facts.still_since_us[row]) / SECOND_US
    held = first & _carried(facts)[row] & (still_s >= limit_s)
    return Verdicts.of_rows(row[held], facts.areas.id[at[held]], still_s=np.floor(still_s[held]), limit_s=limit_s[held])


def over_limit(facts: Facts, parameters: Mapping[str, Any]) -> Verdicts:
    """Zones with more people than allowed; who only just came in is not counted yet."""
    settled = facts.now_us - facts.inside_since_us >= parameters["settle_s"] * SECOND_US
    people = facts.count_inside(_heard(facts, parameters), settled)
    limit = facts.areas.numbers(MOST_PEOPLE.key) + parameters["allowance_people"]
    return _zones(facts, people > limit, people, limit)


def under_limit(facts: Facts, parameters: Mapping[str, Any]) -> Verdicts:
    """Zones in force with fewer people than required."""
    people = facts.count_inside(_heard(facts, parameters))
    limit = facts.areas.numbers(LEAST_PEOPLE.key)
    return _zones(facts, facts.areas.in_force & (people < limit), people, limit)


def post_vacant(facts: Facts, parameters: Mapping[str, Any]) -> Verdicts:
    """Zones in force where fewer holders of the required post are present than must be."""
    wanted = facts.areas.values(POST.key)
    held = facts.values(HOLDER_POST.key)
    on_post = np.array(
        [wanted[at] is not None and held[row] == wanted[at] for row, at in _pairs(facts)],
        bool,
    )
    people = facts.count_inside(_heard(facts, parameters), on_post)
    limit = facts.areas.numbers(POST_PEOPLE.key)
    vacant = facts.areas.in_force & (people < limit)
    found = _zones(facts, vacant, people, limit)
    return Verdicts.of_areas(found.area, **found.evidence, post=wanted[vacant & facts.areas.is_kind(ZONE)].tolist())


def gathering(facts: Facts, parameters: Mapping[str, Any]) -> Verdicts:
    """Zones where as many as their gathering limit have been within ``radius_m`` of one of them for ``lasting_s``.

    Who gathers stands: counted are those who for that time left neither the zone nor a circle of ten metres.
    """
    since = np.maximum(facts.inside_since_us, facts.still_since_us[facts.inside_row])
    lasting = facts.now_us - since >= parameters["lasting_s"] * SECOND_US
    counted = lasting & _heard(facts, parameters)[facts.inside_row]
    limit = facts.areas.numbers(GATHERING_PEOPLE.key)
    enough = np.flatnonzero((facts.count_inside(pairs=counted) >= limit) & facts.areas.is_kind(ZONE))
    found = []
    for at in enough.tolist():
        rows = facts.inside_row[counted & (facts.inside_at == at)]
        people, middle = _densest(facts.lon[rows], facts.lat[rows], parameters["radius_m"])
        if people >= limit[at]:
            found.append((int(facts.areas.id[at]), people, int(limit[at]), *middle))
    columns = list(zip(*found, strict=True)) or [()] * 5
    return Verdicts.of_areas(columns[0], people=columns[1], limit=columns[2], lon=columns[3], lat=columns[4])


def _densest(lon: NDArray[np.float64], lat: NDArray[np.float64], radius_m: float) -> tuple[int, tuple[float, float]]:
    """Most points within ``radius_m`` of one of them, itself included, and their middle in degrees."""
    points = plane_m(lon, lat)
    centre, neighbour = STRtree(points).query(points, predicate="dwithin", distance=radius_m)
    counts = np.bincount(centre, minlength=len(points))
    fullest = int(counts.argmax())
    group = neighbour[centre == fullest]
    return int(counts[fullest]), (round(float(lon[group].mean()), 7), round(float(lat[group].mean()), 7))


def _pairs(facts: Facts) -> Iterator[tuple[int, int]]:
    return zip(facts.inside_row.tolist(), facts.inside_at.tolist(), strict=True)


def _zones(facts: Facts, held: NDArray[np.bool_], people: NDArray[np.int64], limit: NDArray[np.float64]) -> Verdicts:
    chosen = np.flatnonzero(held & facts.areas.is_kind(ZONE))
    return Verdicts.of_areas(facts.areas.id[chosen], people=people[chosen], limit=limit[chosen].astype(np.int64))


def _heard_within(default_s: int) -> Parameter:
    return Parameter("heard_within_s", _("多久未定位不计"), "int", default_s, minimum=10, maximum=86_400, unit="s")


_STILL_COUNTED = _heard_within(600)
"""Of those who might be too many: somebody silent may well still be there."""
_SURELY_THERE = _heard_within(120)
"""Of those who must be there: somebody silent may well be gone."""
_PEOPLE = Evidence("people", _("人数"))
_LIMIT = Evidence("limit", _("限值"))
_DISTANCE = Evidence("distance_m", _("越出距离"), "m")


def _tolerance(default: float) -> Parameter:
    return Parameter("tolerance_m", _("定位误差容限"), "float", default, minimum=0, maximum=200, unit="m")


def _rule(name: str, title: Any, grade: Grade, on: Trigger, judge: Any, *attributes: Attribute, **more: Any) -> Rule:
    return Rule(
        id=f"chempark.{name}",
        title=title,
        grade=grade,
        on=on,
        judge=judge,
        kinds=(PERSON.key,),
        attributes=attributes,
        **more,
    )


RULES = (
    _rule(
        "sos", _("SOS 求助"), Grade.RED, Trigger.EVENTS, sos,
        escalate_after_s=120, evidence=(Evidence("text", _("内容")),), advice=_("立即呼叫本人并派人到场。"),
    ),
    _rule(
        "out_of_zone", _("人员越界"), Grade.ORANGE, Trigger.POSITIONS, out_of_zone, OWN_ZONES, SITE, GROUND,
        parameters=(_tolerance(5.0),), evidence=(_DISTANCE,), escalate_after_s=600,
        advice=_("呼叫本人返回本人区域。"),
    ),
    _rule(
        "left_site", _("人员离场"), Grade.YELLOW, Trigger.POSITIONS, left_site, SITE,
        parameters=(_tolerance(15.0),), evidence=(_DISTANCE,), advice=_("核实是否正常下班并交还标签。"),
    ),
    _rule(
        "overstay", _("人员滞留"), Grade.YELLOW, Trigger.PRESENT, overstay, STAY_LIMIT_MIN,
        every_s=5, evidence=(Evidence("stay_min", _("已停留"), "min"),), advice=_("呼叫本人，确认是否安全。"),
    ),
    _rule(
        "motionless", _("人员静止"), Grade.ORANGE, Trigger.POSITIONS, motionless, STILL_LIMIT_S,
        parameters=(Parameter("limit_s", _("静止多久后预警"), "int", 300, minimum=30, maximum=86_400, unit="s"),),
        evidence=(Evidence("still_s", _("已静止"), "s"), Evidence("limit_s", _("静止限值"), "s")), escalate_after_s=300,
        advice=_("呼叫本人；无应答立即派人到场。"),
    ),
    _rule(
        "over_limit", _("区域超员"), Grade.ORANGE, Trigger.PRESENT, over_limit, MOST_PEOPLE,
        every_s=5,
        parameters=(
            Parameter("allowance_people", _("允许超出人数"), "int", 0, minimum=0, maximum=1000),
            Parameter("settle_s", _("进入多久后计入"), "int", 10, minimum=0, maximum=600, unit="s"),
            _STILL_COUNTED,
        ),
        evidence=(_PEOPLE, _LIMIT), escalate_after_s=600, advice=_("通知班组减少区域内人数。"),
    ),
    _rule(
        "under_limit", _("区域缺员"), Grade.YELLOW, Trigger.PRESENT, under_limit, LEAST_PEOPLE,
        every_s=5, parameters=(_SURELY_THERE,), evidence=(_PEOPLE, _LIMIT), advice=_("通知班组补足人员。"),
    ),
    _rule(
        "post_vacant", _("岗位缺岗"), Grade.ORANGE, Trigger.PRESENT, post_vacant, POST, POST_PEOPLE, HOLDER_POST,
        every_s=5, parameters=(_SURELY_THERE,),
        evidence=(_PEOPLE, _LIMIT, Evidence("post", _("岗位"))), escalate_after_s=600,
        advice=_("通知当班人员立即到岗。"),
    ),
    _rule(
        "gathering", _("人员聚集"), Grade.YELLOW, Trigger.PRESENT, gathering, GATHERING_PEOPLE,
        every_s=5,
        # Radius and time: Ministry of Emergency Management, guide of October 2023.
        parameters=(
            Parameter("radius_m", _("聚集半径"), "float", 15.0, minimum=1, maximum=200, unit="m"),
            Parameter("lasting_s", _("持续时间"), "int", 60, minimum=0, maximum=3600, unit="s"),
            _STILL_COUNTED,
        ),
        evidence=(_PEOPLE, _LIMIT, Evidence("lon", _("经度"), "°"), Evidence("lat", _("纬度"), "°")),
        advice=_("到场疏散。"),
    ),
)  # fmt: skip
