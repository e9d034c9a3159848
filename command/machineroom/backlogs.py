"""Backlogs of the ingest in plain words: how much waits since when, and that it was caught up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext

from command.machineroom.state import Machine
from command.machineroom.tables import figure

SHOWN_S = 3600
SINCE = "sandtable_ingest_backlog_since_timestamp_seconds"
OVER = "sandtable_ingest_backlog_over_timestamp_seconds"
MOST = "sandtable_ingest_backlog_most_messages"


def backlogs(machine: Machine) -> list[dict[str, Any]]:
    """The last backlog of each ingest process that lives, unless it was worked off more than an hour ago."""
    rows = []
    for process in machine.living("ingest"):
        since_s, over_s, most = (process.did.gauges.get(name, 0.0) for name in (SINCE, OVER, MOST))
        if not since_s or (over_s and machine.now.timestamp() - over_s > SHOWN_S):
            continue
        said = {"name": process.name, "since": _clock(since_s), "over": _clock(over_s), "most": figure(most)}
        text = (
            gettext("%(name)s 的积压已处理完：%(since)s 起最多 %(most)s 条消息排队，%(over)s 赶上，现在是实时的。")
            if over_s
            else gettext(
                "%(name)s 有积压：%(since)s 起最多 %(most)s 条消息排队。先处理最新的位置，旧的随后补齐，不会丢失。"
            )
        )
        rows.append({"over": bool(over_s), "text": text % said})
    return rows


def _clock(at_s: float) -> str:
    return f"{datetime.fromtimestamp(at_s, timezone.get_current_timezone()):%H:%M:%S}"
