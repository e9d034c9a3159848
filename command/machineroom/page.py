"""The page of the machine room: the state of the platform in plain words, for administrators of the whole city."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.desk import DeskPage, Tile, register_page, register_tile
from access.roles import Permission
from access.scope import scope_of
from command.knowledge import Knowledge
from command.machineroom import tables
from command.machineroom.backlogs import backlogs
from command.machineroom.checks import CHECKS
from command.machineroom.inspection import read_database, read_machine
from command.machineroom.state import Machine
from command.machineroom.watch import findings
from command.rules import GRADE_NAMES, Grade, registry
from command.wire import spoken_evidence
from devices.reasons import name_of

DATABASE_KEPT_S = 30
TONES = {Grade.RED: "red", Grade.ORANGE: "orange", Grade.YELLOW: "yellow", Grade.BLUE: "blue"}


def may_see(request: HttpRequest) -> bool:
    """Administrators of the whole city: the platform is in no district."""
    return scope_of(request.user, Permission.ADMINISTER).everything  # type: ignore[arg-type]


def machine_room(request: HttpRequest) -> HttpResponse:
    """The page."""
    context = {**admin.site.each_context(request), "title": gettext("机房"), **_content()}
    return render(request, "command/machineroom/page.html", context)


def machine_room_now(request: HttpRequest) -> HttpResponse:
    """What the page fetches every few seconds."""
    return render(request, "command/machineroom/room.html", _content())


def read() -> tuple[Machine, Knowledge]:
    """The platform as it is, and how its rules are set."""
    knowledge = Knowledge(registry)
    with connection.cursor() as cursor:
        database = cache.get("machineroom.database")
        if database is None:
            database = read_database(cursor)
            cache.set("machineroom.database", database, DATABASE_KEPT_S)
        knowledge.load(cursor, {"rules"})
        return read_machine(cursor, [check.rule.id for check in CHECKS], database), knowledge


def troubles(machine: Machine, knowledge: Knowledge) -> list[dict[str, Any]]:
    """What is wrong now, the gravest first, and what to do about it.

    Judged here and now: a platform whose rules process is gone still says so.
    """
    found = []
    for check in CHECKS:
        rule = check.rule
        try:
            wrong = [(f.subject, f.evidence) for f in findings(check, knowledge.rules[rule.id], machine)]
        except Exception as error:  # a check that cannot be judged is itself something wrong
            wrong = [(gettext("该项检查无法判断"), {"error": str(error)})]
        for subject, evidence in wrong:
            said = [
                f"{e['title']} {_value(e['key'], e['value'])} {e['unit']}".strip()
                for e in spoken_evidence(rule.id, evidence)
            ]
            found.append(
                {
                    "grade": rule.grade,
                    "tone": TONES[rule.grade],
                    "grade_name": str(GRADE_NAMES[rule.grade]),
                    "title": str(rule.title),
                    "subject": subject,
                    "evidence": "，".join(said),
                    "advice": str(rule.advice),
                }
            )
    return sorted(found, key=lambda trouble: trouble["grade"])


def _value(key: str, value: Any) -> str:
    return name_of(value) if key == "reason" else f"{value:,}" if isinstance(value, int | float) else str(value)


def _content() -> dict[str, Any]:
    machine, knowledge = read()
    return {
        "now": machine.now,
        "troubles": troubles(machine, knowledge),
        "backlogs": backlogs(machine),
        "tiles": tables.tiles(machine),
        "charts": tables.charts(machine),
        "processes": tables.processes(machine),
        "stages": tables.stages(machine),
        "sources": tables.sources(machine),
        "refusals": tables.refusals(machine),
        "refusals_address": reverse("admin:devices_refusal_changelist"),
        "shards": tables.shards(machine),
        "screens": tables.screens(machine),
        "things": tables.things(machine),
    }


@register_tile
def trouble_tile(request: HttpRequest) -> Tile | None:
    """How much of the platform needs somebody."""
    if not may_see(request):
        return None
    wrong = troubles(*read())
    first = wrong[0]["title"] if wrong else gettext("平台各进程正常")
    return Tile(gettext("机房待处理"), len(wrong), reverse("admin:machine-room"), first, "orange")


register_page(
    DeskPage(
        path="machine-room/",
        name="machine-room",
        title=_("机房"),
        app_label="devices",
        allowed=may_see,
        view=machine_room,
        parts=(("machine-room/now/", "machine-room-now", machine_room_now),),
    )
)
