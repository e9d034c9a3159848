"""When what a camera reports is an alert. Pure: facts in, causes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from command.rules import Evidence, Facts, Grade, Parameter, Rule, Trigger, Verdicts

EVENT = "video_alarm"
"""Code of the event that an alarm of a camera comes as."""
UNSAID = 4
"""The least grave of the four priorities of GB/T 28181."""
_GRAVEST = Parameter("priority", _("不低于几级"), "int", UNSAID, minimum=1, maximum=UNSAID)
_TEXT = Evidence("text", _("报警内容"))
_METHOD = Evidence(
    "method",
    _("报警方式"),
    words={
        0: _("未说明"), 1: _("电话报警"), 2: _("设备报警"), 3: _("短信报警"), 4: _("定位报警"), 5: _("视频报警"),
        6: _("设备故障报警"), 7: _("其他报警"),
    },
)  # fmt: skip
"""As GB/T 28181 numbers them."""


def alarm(facts: Facts, parameters: Mapping[str, Any]) -> Verdicts:
    """Alarms of cameras, of the priority that is set or a graver one (1 is the gravest)."""
    rows = []
    for row, event in enumerate(facts.events):
        if event["code"] == EVENT and (_attrs(event).get("priority") or UNSAID) <= parameters["priority"]:
            rows.append(row)
    said = [facts.events[row] for row in rows]
    return Verdicts.of_rows(
        rows,
        text=[event.get("text") or "" for event in said],
        method=[_attrs(event).get("method") or 0 for event in said],
    )


def _attrs(event: Mapping[str, Any]) -> Mapping[str, Any]:
    return event.get("attrs") or {}


ALARM = Rule(
    id="video.alarm",
    title=_("摄像机报警"),
    grade=Grade.YELLOW,
    on=Trigger.EVENTS,
    judge=alarm,
    kinds=("camera",),
    parameters=(_GRAVEST,),
    evidence=(_TEXT, _METHOD),
    advice=_("查看该摄像机的画面，核实后处置。"),
)
RULES = (ALARM,)
