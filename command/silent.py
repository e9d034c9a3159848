"""The platform's own rule: something that should report does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy as _

from command.rules import Evidence, Facts, Grade, Parameter, Rule, Trigger, Verdicts
from twin.batch import MICROSECOND
from twin.kinds import Status, kinds


def judge_silent(facts: Facts, p: Mapping[str, Any]) -> Verdicts:
    """Things that were not switched off and have been quiet for a multiple of their kind's ``silent_after_s``."""
    after_s = np.full(256, np.inf)
    for kind in kinds():
        after_s[kind.code] = kind.silent_after_s
    quiet_s = (facts.now_us - facts.time_us) / MICROSECOND
    silent = np.flatnonzero((facts.status != Status.OFF) & (quiet_s > after_s[facts.kind] * p["times"]))
    return Verdicts.of_rows(silent, silent_s=np.round(quiet_s[silent]))


SILENT = Rule(
    id="command.silent",
    title=_("对象失联"),
    grade=Grade.BLUE,
    on=Trigger.PRESENT,
    judge=judge_silent,
    every_s=10,
    # A fleet that parks for the night without saying so would fill the wall: whoever wants it switches it on.
    enabled=False,
    escalate_after_s=None,
    parameters=(Parameter("times", _("静默时限的倍数"), "float", 5.0, minimum=1, maximum=1000),),
    evidence=(Evidence("silent_s", _("失联时长"), "s"),),
    advice=_("联系现场，确认对象与终端状态。"),
)
