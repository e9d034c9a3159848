"""Rules that throw: each raises an alert about itself, and fails closed.

Closed means: nothing the rule raised is ended because it could not be asked. Its own alert ends once the rule has
judged without fault for a while.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _
from prometheus_client import Counter

from command.facts import Facts, Verdicts
from command.knowledge import InForce
from command.rules import Evidence, Grade, Rule, Trigger
from command.store import NewAlert, evidence_json

logger = logging.getLogger(__name__)

WELL_AFTER_S = 60.0
faults_total = Counter("sandtable_rule_faults", "Times a rule could not judge", ["rule"])
_CAUSE = "rule:"


def _nothing(_facts: Facts, _parameters: object) -> Verdicts:
    return Verdicts.none()


RULE_FAILED = Rule(
    id="command.rule_failed",
    title=_("预警规则故障"),
    grade=Grade.ORANGE,
    on=Trigger.PLATFORM,
    judge=_nothing,
    escalate_after_s=1800,
    evidence=(Evidence("rule", _("规则")), Evidence("error", _("错误"))),
    advice=_("该规则暂不能判断：已有预警保持不变，新情况可能未报。请联系维护人员。"),
)


class Failures:
    """Which rules have failed lately, in one process."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}

    def recall(self, causes: Iterable[str]) -> None:
        """Take over what the database has: open causes of :data:`RULE_FAILED`."""
        for cause in causes:
            self._at.setdefault(cause.removeprefix(_CAUSE), time.monotonic())

    def failed(self, setting: InForce, error: Exception, now_us: int) -> list[NewAlert]:
        """A rule threw; the alert to raise, unless it is known."""
        rule = setting.rule
        faults_total.labels(rule.id).inc()
        known = rule.id in self._at
        self._at[rule.id] = time.monotonic()
        if known:
            return []
        logger.error("rule %s failed", rule.id, exc_info=error)
        text = f"{type(error).__name__}: {error}"[:500].replace("\0", "")
        evidence = evidence_json({"rule": rule.id, "error": text})
        about = InForce(RULE_FAILED, True, setting.version, {}, (), None)
        return [
            NewAlert(
                about, int(RULE_FAILED.grade), 0, 0, 0, 0, 0, None, None, now_us, evidence,
                cause=f"{_CAUSE}{rule.id}", subject=rule.id,
            )
        ]  # fmt: skip

    def judged(self, setting: InForce, now_us: int) -> list[tuple[str, str, int]]:
        """A rule judged without fault; the cause to end, if it has been well for long enough."""
        rule_id = setting.rule.id
        if rule_id not in self._at or time.monotonic() - self._at[rule_id] < WELL_AFTER_S:
            return []
        del self._at[rule_id]
        logger.info("rule %s judges again", rule_id)
        return [(RULE_FAILED.id, f"{_CAUSE}{rule_id}", now_us)]
