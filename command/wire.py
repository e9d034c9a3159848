"""An alert as JSON: what processes tell each other, and, with words of a language, what screens and the API get."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import get_language, override

from command.declarations import HELD, HOLD, Evidence, Parameter
from command.rules import GRADE_NAMES, Grade, registry
from twin.kinds import kind_of

MOST_OPEN = 1000
"""Open alerts a screen is given at once: the gravest, then the newest."""
_TIMES = (
    *("raised_at", "cause_ended_at", "due_at", "escalated_at"),
    *("acknowledged_at", "disposed_at", "verified_at", "closed_at"),
)
_SELECT = f"""
SELECT a.id, a.rule, a.rule_version, a.grade, a.state, a.subject, a.lon, a.lat, a.group_key, a.evidence::text,
       a.feedback, {", ".join(f"a.{name}" for name in _TIMES)},
       s.id, s.kind, s.code, s.name, z.id, z.kind, z.name, a.area_version, o.id, o.name,
       r.id, r.code, r.name, r.name_en,
       u.id, coalesce(nullif(u.display_name, ''), u.username),
       coalesce((SELECT max(t.id) FROM command_alertstep t WHERE t.alert_id = a.id), 0)
FROM command_alert a LEFT JOIN twin_asset s ON s.id = a.asset_id LEFT JOIN twin_area z ON z.id = a.area_id
     LEFT JOIN access_organization o ON o.id = a.owner_id LEFT JOIN geo_region r ON r.id = a.region_id
     LEFT JOIN access_user u ON u.id = a.assigned_to_id
"""  # noqa: S608 (names from above)


def read_alerts(cursor: Any, ids: Iterable[int]) -> list[dict[str, Any]]:
    """Records of these alerts, by id; any cursor will do."""
    cursor.execute(_SELECT + "WHERE a.id = ANY(%s) ORDER BY a.id", [list(ids)])
    return [_record(row) for row in cursor.fetchall()]


def read_open(cursor: Any) -> list[dict[str, Any]]:
    """Records of alerts that are not closed: the gravest and newest :data:`MOST_OPEN`."""
    cursor.execute(_SELECT + "WHERE a.state <> 'closed' ORDER BY a.grade, a.raised_at DESC LIMIT %s", [MOST_OPEN])
    return [_record(row) for row in cursor.fetchall()]


def _record(row: tuple) -> dict[str, Any]:
    (id_, rule, version, grade, state, subject, lon, lat, group, evidence, feedback), rest = row[:11], row[11:]
    times, rest = rest[: len(_TIMES)], rest[len(_TIMES) :]
    asset, area, owner, region, user, step = rest[:4], rest[4:8], rest[8:10], rest[10:14], rest[14:16], rest[16]
    return {
        "id": id_,
        "step": step,
        "rule": rule,
        "rule_version": version,
        "grade": grade,
        "state": state,
        "subject": subject,
        "asset": _named(("id", "kind", "code", "name"), asset),
        "area": _named(("id", "kind", "name", "version"), area),
        "owner": _named(("id", "name"), owner),
        "region": _named(("id", "code", "name", "name_en"), region),
        "lon": lon,
        "lat": lat,
        **{name: _iso(time) for name, time in zip(_TIMES, times, strict=True)},
        "assigned_to": _named(("id", "name"), user),
        "feedback": feedback,
        "group": group,
        "evidence": json.loads(evidence),
    }


def _named(names: tuple[str, ...], values: tuple) -> dict[str, Any] | None:
    return None if values[0] is None else dict(zip(names, values, strict=True))


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def spoken(record: Mapping[str, Any], language: str | None = None) -> dict[str, Any]:
    """A record with words: title, grade, advice, evidence by name; whether it is heard.

    ``language``: a code of ``settings.LANGUAGES``; the active one when left out.
    """
    if language is not None:
        with override(language):
            return spoken(record)
    rule = registry.find(record["rule"])
    asset = record["asset"]
    return {
        **record,
        "title": str(rule.title) if rule else record["rule"],
        "grade_name": str(GRADE_NAMES[Grade(record["grade"])]),
        "advice": str(rule.advice) if rule else "",
        "sound": rule.sound if rule else False,
        "asset": asset and {**asset, "kind_name": str(kind_of(asset["kind"]).name)},
        "region": record["region"] and _spoken_region(record["region"]),
        "evidence": spoken_evidence(record["rule"], record["evidence"]),
    }


def _spoken_region(region: Mapping[str, Any]) -> dict[str, Any]:
    name = region["name_en"] if get_language() == "en" else ""
    return {"id": region["id"], "code": region["code"], "name": name or region["name"]}


def spoken_evidence(rule_id: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Evidence by name: ``[{"key", "title", "value", "unit"}, …]``, in the language of the page."""
    rule = registry.find(rule_id)
    named = (HELD, *(rule.evidence if rule else ()))
    words = {entry.key: entry.words for entry in named if entry.words}
    said = {key: str(words[key].get(value, value)) if key in words else value for key, value in values.items()}
    return _by_name(named, said)


def spoken_parameters(rule_id: str, values: Mapping[str, Any], evidence: Mapping[str, Any]) -> list[dict[str, Any]]:
    """By what was judged, as evidence is told; without what the evidence replaces (a place's own limit)."""
    rule = registry.find(rule_id)
    counted = {k: v for k, v in values.items() if k not in evidence and (k, v) != (HOLD.key, HOLD.default)}
    return _by_name(rule.parameters if rule else (), counted)


def _by_name(named: Iterable[Evidence | Parameter], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    entries = {entry.key: entry for entry in named}
    return [
        {
            "key": key,
            "title": str(entries[key].title) if key in entries else key,
            "value": value,
            "unit": entries[key].unit if key in entries else "",
        }
        for key, value in values.items()
    ]
