"""One rule asked about facts: where it applies, what it says, whether that makes sense."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from command.exceptions import RuleError
from command.facts import AREA_ITSELF, Areas, Facts, Verdicts
from command.knowledge import MINUTE_US, InForce, Knowledge
from command.rules import Grade, Trigger
from command.store import NewAlert, evidence_json


@dataclass(frozen=True)
class Judgement:
    """What holds, checked. ``row`` counts rows of the facts asked about, -1 for an area itself."""

    setting: InForce
    facts: Facts
    row: NDArray[np.int64]
    area: NDArray[np.int64]
    verdicts: Verdicts

    def new_alert(self, k: int) -> NewAlert:
        """The alert that entry ``k`` raises.

        Raises
        ------
        ValueError
            The evidence cannot be kept.
        """
        facts, row, area = self.facts, int(self.row[k]), int(self.area[k])
        areas = facts.areas
        at = int(areas.position([area])[0]) if area else -1
        grade = self.setting.rule.grade if self.verdicts.grade is None else Grade(int(self.verdicts.grade[k]))
        common: dict[str, Any] = {
            "setting": self.setting,
            "grade": int(grade),
            "area": area,
            "area_version": int(areas.version[at]) if area else 0,
            "evidence": evidence_json({name: values[k] for name, values in self.verdicts.evidence.items()}),
        }
        if row == AREA_ITSELF:
            return NewAlert(
                asset=0,
                owner=int(areas.owner[at]),
                region=int(areas.region[at]),
                lon=None,
                lat=None,
                raised_us=facts.now_us,
                **common,
            )
        present = self.setting.rule.on is Trigger.PRESENT
        return NewAlert(
            asset=int(facts.asset[row]),
            owner=int(facts.owner[row]),
            region=int(facts.region[row]),
            lon=float(facts.lon[row]),
            lat=float(facts.lat[row]),
            raised_us=facts.now_us if present else int(facts.time_us[row]),
            **common,
        )


def judge(setting: InForce, facts: Facts, knowledge: Knowledge) -> Judgement:
    """Ask a rule about the subjects to which it applies as it is set.

    Raises
    ------
    Exception
        Whatever the rule raises; :class:`RuleError` where its answer makes no sense. The caller fails closed.
    """
    rule = setting.rule
    nothing = Judgement(setting, facts, np.zeros(0, np.int64), np.zeros(0, np.int64), Verdicts.none())
    if not setting.enabled:
        return nothing
    if fault := knowledge.fault_of(setting):
        raise RuleError(fault)
    asked = _applies(setting, facts, knowledge)
    rows = np.flatnonzero(asked)
    if rule.on is Trigger.PRESENT:
        if not setting.applies_at(facts.now_us):
            return nothing
    elif not len(rows):
        return nothing
    some = facts.only(asked)
    if rule.attributes:
        areas = replace(facts.areas, attributes=knowledge.attributes(rule, "area"))
        some = replace(some, areas=areas, attributes=knowledge.attributes(rule, "asset"))
    return _checked(setting, facts, rows, rule.judge(some, setting.parameters))


def _applies(setting: InForce, facts: Facts, knowledge: Knowledge) -> NDArray[np.bool_]:
    """Rows of the rule's kinds, of which what it needs is known, in its regions, in its periods."""
    asked = facts.is_kind(*setting.rule.kinds) if setting.rule.kinds else np.ones(len(facts), bool)
    if (only := knowledge.subjects(setting.rule)) is not None:
        asked &= np.isin(facts.asset, only)
    if setting.regions is not None:
        asked &= np.isin(facts.region, setting.regions)
    if setting.periods and setting.rule.on is not Trigger.PRESENT:
        minutes, minute = np.unique(facts.time_us // MINUTE_US, return_inverse=True)
        asked &= np.array([setting.applies_at(int(m) * MINUTE_US) for m in minutes], bool)[minute]
    return asked


def _checked(setting: InForce, facts: Facts, rows: NDArray[np.int64], verdicts: Verdicts) -> Judgement:
    if not isinstance(verdicts, Verdicts):
        raise RuleError(f"judge must return Verdicts, not {type(verdicts).__name__}")
    row, area = verdicts.row, verdicts.area
    of_area = row == AREA_ITSELF
    if of_area.any() and setting.rule.on is not Trigger.PRESENT:
        raise RuleError("an area itself can only be judged with Trigger.PRESENT: a batch does not tell of everybody")
    if (row < AREA_ITSELF).any() or (row >= len(rows)).any() or (of_area & (area == 0)).any():
        raise RuleError(f"verdicts name rows outside 0..{len(rows) - 1}")
    at = facts.areas.position(area)
    if ((area != 0) & (at < 0)).any():
        raise RuleError("verdicts name an area that there is not")
    if verdicts.grade is not None and not np.isin(verdicts.grade, [int(grade) for grade in Grade]).all():
        raise RuleError("verdicts name a grade that there is not")
    kept = ~of_area | _area_applies(setting, facts.areas, at)
    found = row.copy()
    found[~of_area] = rows[row[~of_area]]
    if kept.all():
        return Judgement(setting, facts, found, area, verdicts)
    chosen = np.flatnonzero(kept)
    evidence = {name: [values[int(k)] for k in chosen] for name, values in verdicts.evidence.items()}
    grade = None if verdicts.grade is None else verdicts.grade[chosen]
    return Judgement(setting, facts, found[chosen], area[chosen], Verdicts(row[chosen], area[chosen], grade, evidence))


def _area_applies(setting: InForce, areas: Areas, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    if setting.regions is None:
        return np.ones(len(at), bool)
    return np.isin(areas.region[at], setting.regions) if len(areas) else np.zeros(len(at), bool)
