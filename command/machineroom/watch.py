"""Alerts about the platform: what the checks find is raised and ended like any other alert."""

from __future__ import annotations

import logging
import time
from typing import Any

from command.failures import Failures
from command.knowledge import InForce, Knowledge
from command.machineroom.checks import CHECKS, Check
from command.machineroom.findings import Finding
from command.machineroom.inspection import read_database, read_machine
from command.machineroom.meters import show
from command.machineroom.state import FRESH_S, Database, Machine
from command.rules import registry
from command.store import NewAlert, end_causes, evidence_json, raise_alerts

logger = logging.getLogger(__name__)

EVERY_S = 5.0
DATABASE_EVERY_S = 30.0
GRACE_S = 40.0
"""After its start the rules process gives the others time to tell of themselves."""


class MachineWatch:
    """Judges the platform in the rules process, one at a time.

    Parameters
    ----------
    knowledge : Knowledge
        How the rules are set.
    failures : Failures
        Where a check that throws is noted, as of any rule.
    grace_s : float
        Nothing is judged for so long.
    """

    def __init__(self, knowledge: Knowledge, failures: Failures, grace_s: float = GRACE_S) -> None:
        self._knowledge = knowledge
        self._failures = failures
        self._due = time.monotonic() + grace_s
        self._database: Database | None = None
        self._database_due = 0.0

    def round(self, cursor: Any) -> list[int]:
        """Judge if it is time; returns the alerts that changed."""
        now = time.monotonic()
        if now < self._due:
            return []
        self._due = now + EVERY_S
        return self.judge(cursor)

    def judge(self, cursor: Any) -> list[int]:
        """Judge now; returns the alerts that changed."""
        if self._database is None or time.monotonic() >= self._database_due:
            self._database, self._database_due = read_database(cursor), time.monotonic() + DATABASE_EVERY_S
        machine = read_machine(cursor, [check.rule.id for check in CHECKS], self._database)
        show(machine)
        now_us = int(machine.now.timestamp() * 1_000_000)
        new: list[NewAlert] = []
        ended: list[tuple[str, str, int]] = []
        for check in CHECKS:
            setting = self._knowledge.rules.get(check.rule.id)
            if setting is None:
                continue
            try:
                found = findings(check, setting, machine)
                raised = [_alert(setting, finding, now_us) for finding in found]
            except Exception as error:  # one check's fault must not blind the others
                new += self._failures.failed(setting, error, now_us)
                continue
            open_causes = machine.held.get(check.rule.id, frozenset())
            new += [alert for alert in raised if alert.cause not in open_causes]
            ended += [(check.rule.id, cause, now_us) for cause in open_causes - {f.cause for f in found}]
            ended += self._failures.judged(setting, now_us)
        return sorted({*end_causes(cursor, ended), *raise_alerts(cursor, new)})


def findings(check: Check, setting: InForce, machine: Machine) -> list[Finding]:
    """What a check finds as it is set; nothing while it is off.

    Raises
    ------
    ValueError
        It cannot be judged as it is set.
    """
    if setting.fault:
        raise ValueError(setting.fault)
    if not setting.applies_at(int(machine.now.timestamp() * 1_000_000)):
        return []
    return list(check.judge(machine, setting.parameters, machine.held.get(check.rule.id, frozenset())))


def _alert(setting: InForce, finding: Finding, now_us: int) -> NewAlert:
    return NewAlert(
        setting,
        int(setting.rule.grade),
        *(0, 0, 0, 0, 0),
        None,
        None,
        now_us,
        evidence_json(finding.evidence),
        cause=finding.cause,
        subject=finding.subject,
    )


def watch_without_rules(cursor: Any) -> list[int]:
    """Judge once, unless a rules process lives; returns the alerts that changed."""
    cursor.execute(
        """SELECT EXISTS (SELECT 1 FROM devices_processreport
                          WHERE line = 'rules' AND reported_at > now() - make_interval(secs => %s))""",
        [FRESH_S],
    )
    if cursor.fetchone()[0]:
        return []
    knowledge = Knowledge(registry)
    knowledge.load(cursor, {"rules"})
    return MachineWatch(knowledge, Failures(), 0).judge(cursor)
