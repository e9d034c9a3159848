"""When hot work is judged to be where, or when, it must not be. Pure: facts in, causes out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from command.rules import Evidence, Facts, Grade, Parameter, Rule, Trigger, Verdicts
from layers.hotwork.attributes import CONFIRMED_UNTIL, FORBIDDEN_PERIODS, IMPORTANT_PERIODS, WELDER, Forbidden
from twin.kinds import MACHINE, Status
from twin.models import Area
from twin.periods import in_force

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEY_AREA = Area.Kind.KEY_AREA.value

_SETTLE = Parameter("settle_s", _("进入多久后预警"), "int", 0, minimum=0, maximum=600, unit="s")
_WELDER = Evidence("welder", _("焊工"))


def key_area(facts: Facts, parameters: Mapping[str, Any]) -> Verdicts:
    """Machines that work inside a key area in force, at least ``settle_s`` after they came in."""
    pairs = facts.inside(KEY_AREA)
    row = facts.inside_row[pairs]
    settled = facts.dwell_s[pairs] >= parameters["settle_s"]
    pairs = pairs[(facts.status[row] == Status.WORKING) & settled]
    row = facts.inside_row[pairs]
    return Verdicts.of_rows(row, facts.inside_area[pairs], welder=facts.values(WELDER.key)[row].tolist())


def key_area_entry(facts: Facts, parameters: Mapping[str, Any]) -> Verdicts:
    """Machines inside a key area in force, whatever they do there."""
    pairs = facts.inside(KEY_AREA)
    row = facts.inside_row[pairs]
    return Verdicts.of_rows(row, facts.inside_area[pairs], welder=facts.values(WELDER.key)[row].tolist())


def forbidden_period(facts: Facts, parameters: Mapping[str, Any]) -> Verdicts:
    """Machines that work in a key area during its forbidden hours, or where an important period holds.

    Of several reasons for one machine and place the first is told: important periods by their start, then hours.
    """
    working = facts.status == Status.WORKING
    found: dict[tuple[int, int], str] = {}
    for period in _periods(facts):
        for row, area in _inside_period(facts, working, period):
            found.setdefault((row, area), period.name)
    hours = facts.areas.values(FORBIDDEN_PERIODS.key)
    has_hours = np.array([bool(each) for each in hours], bool)
    for pair in np.flatnonzero(working[facts.inside_row] & has_hours[facts.inside_at]).tolist():
        row, at = int(facts.inside_row[pair]), facts.inside_at[pair]
        if in_force(hours[at], _EPOCH + timedelta(microseconds=int(facts.time_us[row]))):
            found.setdefault((row, int(facts.areas.id[at])), str(_("禁止动火时段")))
    rows = np.array([row for row, _area in found], np.int64)
    return Verdicts.of_rows(
        rows,
        np.array([area for _row, area in found], np.int64),
        reason=list(found.values()),
        welder=facts.values(WELDER.key)[rows].tolist(),
    )


def _periods(facts: Facts) -> tuple[Forbidden, ...]:
    """The important periods; every machine is given the same."""
    return next((value for value in facts.values(IMPORTANT_PERIODS.key) if value is not None), ())


def _inside_period(facts: Facts, working: NDArray[np.bool_], period: Forbidden) -> list[tuple[int, int]]:
    now = working & (facts.time_us >= period.start_us) & (facts.time_us < period.end_us)
    if not period.area:
        here = now & np.isin(facts.region, list(period.regions))
        return [(row, 0) for row in np.flatnonzero(here).tolist()]
    rows = facts.inside_row[facts.inside_area == period.area]
    return [(row, period.area) for row in rows[now[rows]].tolist()]


def confirmed_work(facts: Facts, parameters: Mapping[str, Any]) -> Verdicts:
    """Machines whose work in a key area somebody confirmed today."""
    values = facts.values(CONFIRMED_UNTIL.key)
    rows = [i for i, value in enumerate(values) if value is not None and facts.now_us < value[0]]
    areas = np.array([values[i][1] for i in rows], np.int64)
    # The area may have been put out of use since.
    areas[facts.areas.position(areas) < 0] = 0
    return Verdicts.of_rows(rows, areas, place=[values[i][2] for i in rows])


KEY_AREA_WORK = Rule(
    id="hotwork.key_area",
    title=_("重点区域内作业"),
    grade=Grade.ORANGE,
    on=Trigger.POSITIONS,
    judge=key_area,
    kinds=(MACHINE.key,),
    parameters=(_SETTLE,),
    escalate_after_s=600,
    evidence=(_WELDER,),
    attributes=(WELDER,),
    advice=_("联系焊工和安全员，核实动火审批；没有审批的立即停止作业。"),
)
KEY_AREA_ENTRY = Rule(
    id="hotwork.key_area_entry",
    title=_("焊机进入重点区域"),
    grade=Grade.BLUE,
    on=Trigger.POSITIONS,
    judge=key_area_entry,
    kinds=(MACHINE.key,),
    sound=False,
    evidence=(_WELDER,),
    attributes=(WELDER,),
    advice=_("提醒焊工：此处动火须先审批。"),
)
FORBIDDEN_PERIOD = Rule(
    id="hotwork.forbidden_period",
    title=_("禁止时段内作业"),
    grade=Grade.RED,
    on=Trigger.POSITIONS,
    judge=forbidden_period,
    kinds=(MACHINE.key,),
    escalate_after_s=300,
    evidence=(Evidence("reason", _("时段")), _WELDER),
    attributes=(WELDER, FORBIDDEN_PERIODS, IMPORTANT_PERIODS),
    advice=_("立即停止作业，派人到场核实。"),
)
CONFIRMED_WORK = Rule(
    id="hotwork.confirmed_work",
    title=_("已核实的重点区域作业"),
    grade=Grade.YELLOW,
    on=Trigger.PRESENT,
    every_s=5,
    judge=confirmed_work,
    kinds=(MACHINE.key,),
    evidence=(Evidence("place", _("地点")),),
    attributes=(CONFIRMED_UNTIL,),
    advice=_("当日关注该处作业，完工后现场确认无残留火种。"),
)
RULES = (KEY_AREA_WORK, KEY_AREA_ENTRY, FORBIDDEN_PERIOD, CONFIRMED_WORK)
