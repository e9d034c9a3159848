"""The dummy's rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy as _

from command.rules import Evidence, Facts, Grade, Parameter, Rule, Trigger, Verdicts


def too_high(facts: Facts, parameters: Mapping[str, Any]) -> Verdicts:
    """What flies above the limit; unknown heights are no cause."""
    rows = np.flatnonzero(facts.alt_m > parameters["limit_m"])
    return Verdicts.of_rows(rows, alt_m=facts.alt_m[rows])


TOO_HIGH = Rule(
    id="dummy_layer.too_high",
    title=_("超高"),
    grade=Grade.BLUE,
    on=Trigger.POSITIONS,
    judge=too_high,
    kinds=("kite",),
    parameters=(Parameter("limit_m", _("限高"), "float", 120.0, minimum=1, maximum=1000, unit="m"),),
    evidence=(Evidence("alt_m", _("高度"), "m"),),
)
