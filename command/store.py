"""Alerts into and out of the database, in the caller's transaction; any cursor will do.

Of one rule and cause at most one alert is open: a partial unique index says so, and inserting skips what is there. So
neither a batch that is tried again nor two processes that see the same thing can raise it twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from command.knowledge import InForce
from twin.batch import MICROSECOND

SUBJECT_SIGNS = 250
MOST_EVIDENCE_CHARS = 10_000


def cause_of(asset: int, area: int) -> str:
    """Name of the cause that an asset (0: none), in an area (0: none), gives."""
    return "/".join([f"asset:{asset}"] * bool(asset) + [f"area:{area}"] * bool(area))


def parts_of(cause: str) -> tuple[int, int]:
    """Asset and area of :func:`cause_of`, 0 for none."""
    parts = dict(part.split(":", 1) for part in cause.split("/"))
    return int(parts.get("asset", 0)), int(parts.get("area", 0))


@dataclass
class NewAlert:
    """An alert to raise. Keys are 0, and places None, where there is none; times in microseconds since 1970."""

    setting: InForce
    grade: int
    asset: int
    area: int
    area_version: int
    owner: int
    region: int
    lon: float | None
    lat: float | None
    raised_us: int
    evidence: str
    """JSON object."""
    cause: str = ""
    subject: str = ""
    ended_us: int | None = None

    def __post_init__(self) -> None:
        self.cause = self.cause or cause_of(self.asset, self.area)

    @property
    def group_by(self) -> str:
        """What alerts of one rule are grouped by: the area, else the owner, else the district."""
        named = (("area", self.area), ("owner", self.owner), ("region", self.region))
        return next((f"{name}:{key}" for name, key in named if key), "")


def raise_alerts(cursor: Any, new: list[NewAlert]) -> list[int]:
    """Insert alerts whose cause is not open yet; returns the keys of those that were."""
    if not new:
        return []
    groups = _groups(cursor, new)
    columns = [
        [alert.setting.rule.id for alert in new],
        [alert.setting.version for alert in new],
        [json.dumps(dict(alert.setting.parameters)) for alert in new],
        [alert.grade for alert in new],
        [alert.cause for alert in new],
        [alert.asset for alert in new],
        [alert.area for alert in new],
        [alert.area_version or None for alert in new],
        [alert.subject[:SUBJECT_SIGNS] for alert in new],
        [alert.owner for alert in new],
        [alert.region for alert in new],
        [alert.lon for alert in new],
        [alert.lat for alert in new],
        [stamp(alert.raised_us) for alert in new],
        [None if alert.ended_us is None else stamp(alert.ended_us) for alert in new],
        [alert.evidence for alert in new],
        [alert.group_by for alert in new],
        [groups[alert.setting.rule.id, alert.group_by] for alert in new],
        [alert.setting.rule.escalate_after_s for alert in new],
    ]
    cursor.execute(_INSERT, columns)
    ids = [row[0] for row in cursor.fetchall()]
    log_steps(cursor, ids, "raised")
    return ids


_INSERT = """
INSERT INTO command_alert (rule, rule_version, parameters, grade, state, cause, asset_id, area_id, area_version,
                           subject, owner_id, region_id, lon, lat, raised_at, cause_ended_at, evidence, group_by,
                           group_key, due_at, feedback)
SELECT v.rule, v.version, v.parameters, v.grade, 'raised', v.cause, s.id, z.id, v.area_version,
       left(coalesce(nullif(v.subject, ''), s.name || ' ' || s.code, z.name, ''), 250), o.id, r.id,
       coalesce(v.lon, ST_X(ST_PointOnSurface(z.boundary))), coalesce(v.lat, ST_Y(ST_PointOnSurface(z.boundary))),
       v.raised, v.ended, v.evidence, v.group_by, v.group_key, clock_timestamp() + make_interval(secs => v.due_s), ''
FROM unnest(%s::text[], %s::int4[], %s::jsonb[], %s::int2[], %s::text[], %s::int8[], %s::int8[], %s::int4[], %s::text[],
            %s::int8[], %s::int8[], %s::float8[], %s::float8[], %s::timestamptz[], %s::timestamptz[], %s::jsonb[],
            %s::text[], %s::text[], %s::int4[])
     AS v(rule, version, parameters, grade, cause, asset, area, area_version, subject, owner, region, lon, lat, raised,
          ended, evidence, group_by, group_key, due_s)
     LEFT JOIN twin_asset s ON s.id = v.asset LEFT JOIN twin_area z ON z.id = v.area
     LEFT JOIN access_organization o ON o.id = v.owner LEFT JOIN geo_region r ON r.id = v.region
ON CONFLICT (rule, cause) WHERE cause_ended_at IS NULL DO NOTHING
RETURNING id
"""


def _groups(cursor: Any, new: list[NewAlert]) -> dict[tuple[str, str], str]:
    """The group of each rule and place: that of its last alert, if it is recent, or a new one."""
    first: dict[tuple[str, str], NewAlert] = {}
    for alert in new:
        key = (alert.setting.rule.id, alert.group_by)
        if key not in first or alert.raised_us < first[key].raised_us:
            first[key] = alert
    groups = {(rule, place): f"{rule}/{place}/{alert.raised_us}" for (rule, place), alert in first.items()}
    since = [stamp(a.raised_us - a.setting.rule.group_within_s * MICROSECOND) for a in first.values()]
    cursor.execute(
        """SELECT v.rule, v.place, a.group_key
           FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS v(rule, place, since)
           CROSS JOIN LATERAL (SELECT group_key FROM command_alert
                               WHERE rule = v.rule AND group_by = v.place AND raised_at >= v.since
                               ORDER BY raised_at DESC LIMIT 1) a""",
        [[rule for rule, _place in first], [place for _rule, place in first], since],
    )
    groups.update({(rule, place): group for rule, place, group in cursor.fetchall()})
    return groups


def end_causes(cursor: Any, ended: Iterable[tuple[str, str, int]]) -> list[int]:
    """End open causes: rule, cause, and since when (microseconds); returns the keys of the alerts."""
    rows = sorted(ended)
    if not rows:
        return []
    cursor.execute(
        """UPDATE command_alert a SET cause_ended_at = greatest(v.ended, a.raised_at)
           FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS v(rule, cause, ended)
           WHERE a.rule = v.rule AND a.cause = v.cause AND a.cause_ended_at IS NULL RETURNING a.id""",
        [[row[0] for row in rows], [row[1] for row in rows], [stamp(row[2]) for row in rows]],
    )
    ids = [row[0] for row in cursor.fetchall()]
    log_steps(cursor, ids, "cause_ended")
    return ids


def read_causes(cursor: Any, rules: Iterable[str]) -> list[tuple[str, str]]:
    """Open causes of these rules: rule and cause."""
    cursor.execute(
        "SELECT rule, cause FROM command_alert WHERE cause_ended_at IS NULL AND rule = ANY(%s)", [list(rules)]
    )
    return cursor.fetchall()


def log_steps(cursor: Any, ids: list[int], action: str) -> None:
    """Log what the platform did to alerts."""
    if ids:
        cursor.execute(
            """INSERT INTO command_alertstep (alert_id, at, action, by_name, state_before, state_after, text, detail,
                                              told)
               SELECT id, clock_timestamp(), %s, '', state, state, '', '{}', false FROM command_alert
               WHERE id = ANY(%s) ORDER BY id""",
            [action, ids],
        )


def evidence_json(values: Mapping[str, Any]) -> str:
    """Evidence as it is kept; a number that is none (NaN) becomes null, what JSON does not know becomes text.

    Raises
    ------
    ValueError
        It cannot be kept.
    """
    text = json.dumps(
        {name: _plain(value) for name, value in values.items()}, default=str, allow_nan=False, ensure_ascii=False
    )
    text.encode()  # half a surrogate pair is no text
    if "\\u0000" in text or len(text) > MOST_EVIDENCE_CHARS:
        raise ValueError(f"evidence holds NUL or is longer than {MOST_EVIDENCE_CHARS}")
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def stamp(us: int) -> datetime:
    """A moment given in microseconds since 1970 UTC."""
    return datetime.fromtimestamp(us / MICROSECOND, UTC)
