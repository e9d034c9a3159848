"""What machines see in pictures, as alerts: each finding of a task is a cause, raised once, ended when it is gone."""

from __future__ import annotations

import time
from typing import Any

from django.utils.translation import gettext_lazy as _

from command.facts import Facts, Verdicts
from command.knowledge import InForce, Knowledge
from command.models import Alert
from command.rules import Evidence, Grade, Rule, Trigger
from command.store import NewAlert, end_causes, evidence_json, raise_alerts, read_causes
from media.analysis.lasting import Sight, key_frame, sights

EVERY_S = 1.0
_CAUSE = "finding:"


def _nothing(_facts: Facts, _parameters: object) -> Verdicts:
    return Verdicts.none()


SEEN = Rule(
    id="command.seen",
    title=_("视频识别"),
    grade=Grade.YELLOW,
    on=Trigger.PLATFORM,
    judge=_nothing,
    sound=True,
    evidence=(
        Evidence("label", _("识别为")),
        Evidence("confidence_pct", _("置信度"), "%"),
        Evidence("camera", _("摄像机")),
        Evidence("analyser", _("分析器")),
    ),
    advice=_("由程序识别，可能有误。看关键帧和实时画面核实；误报请在“识别结果”页标为误报。"),
)


class SightWatch:
    """Raises and ends alerts of findings, in the rules process.

    Parameters
    ----------
    knowledge : Knowledge
        Which rules there are; this one has nothing to set, for each task says for itself what it raises.
    """

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._due = 0.0

    def round(self, cursor: Any) -> list[int]:
        """Look if it is time; returns the alerts that changed."""
        now = time.monotonic()
        if now < self._due:
            return []
        self._due = now + EVERY_S
        return self.look(cursor, time.time_ns() // 1000)

    def look(self, cursor: Any, now_us: int) -> list[int]:
        """Raise what is new, end what is over or was rejected; returns the alerts that changed."""
        setting = self._knowledge.rules.get(SEEN.id)
        if setting is None:
            return []
        held = {cause for _rule, cause in read_causes(cursor, [SEEN.id])}
        there = {f"{_CAUSE}{sight.pk}": sight for sight in sights([int(cause[len(_CAUSE) :]) for cause in held])}
        over = {cause for cause in held if cause not in there or there[cause].ended_at is not None}
        missing = [cause for cause in there if cause not in held]
        # A finding is raised once, even where its alert was ended while it lasts.
        known = set(Alert.objects.filter(rule=SEEN.id, cause__in=missing).values_list("cause", flat=True))
        new = [_alert(setting, cause, there[cause]) for cause in missing if cause not in known]
        ended = end_causes(cursor, [(SEEN.id, cause, _ended_us(there.get(cause), now_us)) for cause in over])
        return sorted({*ended, *raise_alerts(cursor, new)})


def _alert(setting: InForce, cause: str, sight: Sight) -> NewAlert:
    evidence = {
        "label": sight.label,
        "confidence_pct": round(100 * sight.confidence, 1),
        "camera": sight.camera,
        "analyser": sight.analyser,
    }
    return NewAlert(
        setting, sight.grade, sight.asset, 0, 0, sight.owner, sight.region, sight.lon, sight.lat, _us(sight.taken_at),
        evidence_json(evidence), cause=cause, subject=f"{sight.label} · {sight.camera}",
        ended_us=None if sight.ended_at is None else _us(sight.ended_at),
    )  # fmt: skip


def _ended_us(sight: Sight | None, now_us: int) -> int:
    return now_us if sight is None or sight.ended_at is None else _us(sight.ended_at)


def _us(at: Any) -> int:
    return int(at.timestamp() * 1_000_000)


def picture_of(alert: Alert) -> dict[str, Any] | None:
    """The key frame that an alert rests on, for its card; None for alerts of other rules."""
    number = alert.cause.removeprefix(_CAUSE)
    return key_frame(int(number)) if alert.rule == SEEN.id and number.isdecimal() else None
