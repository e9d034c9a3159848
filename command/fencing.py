"""The platform's own rules about areas and lines, for places that no module speaks of. Pure: facts in, causes out.

Only lines are watched from the start: whoever draws one wants to hear of it. The others are switched on at the desk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy as _

from command.rules import Evidence, Facts, Grade, Parameter, Rule, Trigger, Verdicts
from twin.kinds import DRONE, MACHINE, PERSON, VEHICLE, Status
from twin.models import Area

KM_H_PER_M_S = 3.6
_KINDS = tuple((kind.value, kind.label) for kind in Area.Kind if kind != Area.Kind.LINE)
_WHERE = Parameter("area_kind", _("区域类别"), "choice", Area.Kind.FENCE.value, choices=_KINDS)
_WAYS = {"inward": True, "outward": False, "both": None}


def dwelling(facts: Facts, p: Mapping[str, Any]) -> Verdicts:
    """Things that have been in an area for too long, by the time they were last heard of."""
    pairs = facts.inside(p["area_kind"])
    pairs = pairs[facts.dwell_s[pairs] > p["most_min"] * 60]
    return Verdicts.of_rows(
        facts.inside_row[pairs], facts.inside_area[pairs], dwell_min=np.floor(facts.dwell_s[pairs] / 60)
    )


def speeding(facts: Facts, p: Mapping[str, Any]) -> Verdicts:
    """Things that say that they go too fast in an area."""
    pairs = facts.inside(p["area_kind"])
    km_h = facts.speed_m_s[facts.inside_row[pairs]] * KM_H_PER_M_S
    fast = km_h > p["limit_km_h"]
    pairs = pairs[fast]
    return Verdicts.of_rows(facts.inside_row[pairs], facts.inside_area[pairs], speed_km_h=km_h[fast].round(1))


def line_passed(facts: Facts, p: Mapping[str, Any]) -> Verdicts:
    """Things that passed a line at this position; the cause ends with their next one."""
    crossings = facts.crossed(Area.Kind.LINE.value, entered=_WAYS[p["way"]])
    inward = facts.crossed_entered[crossings]
    return Verdicts.of_rows(facts.crossed_row[crossings], facts.crossed_area[crossings], inward=inward.tolist())


def too_near(facts: Facts, p: Mapping[str, Any]) -> Verdicts:
    """People near a machine or vehicle that works, or near any."""
    heard = facts.now_us - facts.time_us <= p["heard_within_s"] * 1_000_000
    people = heard & facts.is_kind(PERSON.key) & (facts.status != Status.OFF)
    dangers = heard & facts.is_kind(MACHINE.key, VEHICLE.key)
    if p["only_working"]:
        dangers &= facts.status == Status.WORKING
    row, other, distance_m = facts.nearest(p["least_m"], people, dangers)
    return Verdicts.of_rows(row, distance_m=distance_m.round(1), danger=facts.asset[other])


def near_ceiling(facts: Facts, p: Mapping[str, Any]) -> Verdicts:
    """Things in an area that are close to the top of its height range, or above; an unknown height is not judged."""
    pairs = facts.inside(p["area_kind"])
    room_m = facts.areas.z_max_m[facts.inside_at[pairs]] - facts.alt_m[facts.inside_row[pairs]]
    low = room_m < p["room_m"]
    pairs = pairs[low]
    return Verdicts.of_rows(facts.inside_row[pairs], facts.inside_area[pairs], room_m=room_m[low].round(1))


DWELLING = Rule(
    id="command.dwelling",
    title=_("区域内停留过久"),
    grade=Grade.BLUE,
    on=Trigger.POSITIONS,
    judge=dwelling,
    enabled=False,
    escalate_after_s=None,
    parameters=(_WHERE, Parameter("most_min", _("最长停留"), "float", 60, minimum=1, maximum=100_000, unit="min")),
    evidence=(Evidence("dwell_min", _("已停留"), "min"),),
    advice=_("联系现场，确认是否需要继续停留。"),
)
SPEEDING = Rule(
    id="command.speeding",
    title=_("区域内超速"),
    grade=Grade.YELLOW,
    on=Trigger.POSITIONS,
    judge=speeding,
    enabled=False,
    parameters=(_WHERE, Parameter("limit_km_h", _("限速"), "float", 20, minimum=1, maximum=1000, unit="km/h")),
    evidence=(Evidence("speed_km_h", _("速度"), "km/h"),),
    advice=_("提醒驾驶人减速。"),
)
LINE_PASSED = Rule(
    id="command.line_passed",
    title=_("越过警戒线"),
    grade=Grade.YELLOW,
    on=Trigger.POSITIONS,
    judge=line_passed,
    momentary=True,
    parameters=(
        Parameter(
            "way",
            _("方向"),
            "choice",
            "inward",
            choices=(("inward", _("进入（从左到右）")), ("outward", _("离开（从右到左）")), ("both", _("双向"))),
        ),
    ),
    evidence=(Evidence("inward", _("进入")),),
    advice=_("核实是否允许通过；不允许的立即拦回。"),
)
TOO_NEAR = Rule(
    id="command.too_near",
    title=_("人员距设备过近"),
    grade=Grade.ORANGE,
    on=Trigger.PRESENT,
    every_s=2,
    judge=too_near,
    kinds=(PERSON.key, MACHINE.key, VEHICLE.key),
    enabled=False,
    parameters=(
        Parameter("least_m", _("最小距离"), "float", 5, minimum=0.5, maximum=1000, unit="m"),
        Parameter("only_working", _("仅作业中的设备"), "bool", True),
        Parameter("heard_within_s", _("多久未定位不计"), "int", 60, minimum=5, maximum=3600, unit="s"),
    ),
    evidence=(Evidence("distance_m", _("距离"), "m"), Evidence("danger", _("对象号"))),
    advice=_("立即提醒人员离开，必要时停机。"),
)
NEAR_CEILING = Rule(
    id="command.near_ceiling",
    title=_("接近限高"),
    grade=Grade.YELLOW,
    on=Trigger.POSITIONS,
    judge=near_ceiling,
    kinds=(DRONE.key,),
    enabled=False,
    parameters=(_WHERE, Parameter("room_m", _("距顶高"), "float", 10, minimum=0, maximum=1000, unit="m")),
    evidence=(Evidence("room_m", _("距顶高"), "m"),),
    advice=_("提醒飞手降低高度。"),
)
RULES = (DWELLING, SPEEDING, LINE_PASSED, TOO_NEAR, NEAR_CEILING)
