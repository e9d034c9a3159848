"""Rehearsals over HTTP: the page sends the shape in hand, and sees the numbers change with it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext
from ninja import Router, Schema
from ninja.errors import HttpError
from numpy.typing import NDArray
from pydantic import Field

from access.models import Organization, User
from access.scope import scope_of
from command.exceptions import RuleError, UnknownRuleError
from command.plan.api import answered
from command.plan.areas import areas_seen
from command.plan.exceptions import DraftFaultError
from command.plan.places import planner, region_of
from command.plan.rehearsal import Paper, Tally, hours_of, overlap_share, rehearsable, rehearse, settings_of
from command.plan.shapes import as_stored, of_stored, read_shape, shape_fault
from twin.batch import MICROSECOND
from twin.kinds import kinds
from twin.live.sight import sight_of
from twin.models import Area, Asset
from twin.past import Look
from twin.period_text import check_periods
from twin.reading import reading

router = Router(tags=["plan"])

LONGEST_DAYS = 31
MOST_TOLD = 50
MOST_SPOTS = 2_000
_DAY_US = 86_400 * MICROSECOND


class RehearsalIn(Schema):
    """An area as it would be, the days before ``until`` (RFC 3339; now), and the rules (those switched on)."""

    kind: str
    shape: dict[str, Any]
    z_min_m: float | None = None
    z_max_m: float | None = None
    owner: int | None = None
    periods: list[dict[str, Any]] = Field(default=[], max_length=50)
    area: int | None = None
    days: float = Field(default=1, gt=0, le=LONGEST_DAYS)
    until: datetime | None = None
    rules: list[str] | None = Field(default=None, max_length=100)
    parameters: dict[str, dict[str, Any]] = {}


@router.get("/plan/rules")
def rules(request: HttpRequest) -> dict[str, Any]:
    """Rules that can be rehearsed, with their parameters as they are set."""
    planner(request)
    held = reading(lambda cursor: settings_of(cursor, [rule.id for rule in rehearsable()], {}))
    on = {setting.rule.id for setting in reading(lambda cursor: settings_of(cursor, None, {}))}
    return {
        "rules": [
            {
                "id": setting.rule.id,
                "title": str(setting.rule.title),
                "grade": int(setting.rule.grade),
                "enabled": setting.rule.id in on,
                "parameters": [
                    {
                        "key": p.key,
                        "title": str(p.title),
                        "kind": p.kind,
                        "unit": p.unit,
                        "minimum": p.minimum,
                        "maximum": p.maximum,
                        "choices": [[value, str(title)] for value, title in p.choices],
                        "value": setting.parameters.get(p.key, p.default),
                    }
                    for p in setting.rule.parameters
                ],
            }
            for setting in held
        ]
    }


@router.post("/plan/rehearse")
def run(request: HttpRequest, asked: RehearsalIn) -> dict[str, Any]:
    """Run an area over the recorded past; 503: it takes too long."""
    user = planner(request)
    began = time.monotonic()
    paper = answered(lambda: _paper(user, asked))
    to_us = int((asked.until or datetime.now(UTC)).timestamp() * MICROSECOND)
    from_us = to_us - int(asked.days * _DAY_US)
    look = Look(sight_of(scope_of(user)))
    try:
        tally = reading(
            lambda cursor: rehearse(
                cursor, look, paper, settings_of(cursor, asked.rules, asked.parameters), from_us, to_us
            )
        )
    except UnknownRuleError:
        raise HttpError(400, gettext("没有这条规则，或它不能预演。")) from None
    except RuleError as error:
        raise HttpError(400, gettext("规则参数有误：%s") % error) from error
    return _told(tally, paper, user) | {
        "from": datetime.fromtimestamp(from_us / MICROSECOND, UTC).isoformat(),
        "to": datetime.fromtimestamp(to_us / MICROSECOND, UTC).isoformat(),
        "took_ms": round((time.monotonic() - began) * 1000),
    }


def _paper(user: User, asked: RehearsalIn) -> Paper:
    shape = read_shape(asked.shape)
    if fault := shape_fault(asked.kind, shape):
        raise DraftFaultError(fault)
    try:
        check_periods(asked.periods)
    except ValidationError as error:
        raise DraftFaultError(" ".join(error.messages)) from error
    region = region_of(shape)
    owner = Organization.objects.within(scope_of(user)).filter(pk=asked.owner).first() if asked.owner else None
    area = areas_seen(user).filter(pk=asked.area).first() if asked.area else None
    return Paper(
        key=area.pk if area else 0,
        kind=asked.kind,
        shape=shape,
        z_min_m=np.nan if asked.z_min_m is None else asked.z_min_m,
        z_max_m=np.nan if asked.z_max_m is None else asked.z_max_m,
        owner=owner.pk if owner else 0,
        region=region.pk if region else 0,
        periods=asked.periods,
    )


def _told(tally: Tally, paper: Paper, user: User) -> dict[str, Any]:
    columns = [rule.columns() for rule in tally.rules]
    asset, time_us, lon, lat = (np.concatenate([np.zeros(0), *(found[k] for found in columns)]) for k in range(4))
    spots = np.c_[lon, lat][:: max(1, -(-len(lon) // MOST_SPOTS))]
    return {
        "alerts": len(asset),
        "entries": tally.entries,
        "visitors": len(tally.visitors),
        "rows": tally.rows,
        "thinned": tally.thinned,
        "rules": [
            {
                "id": rule.setting.rule.id,
                "title": str(rule.setting.rule.title),
                "grade": int(rule.setting.rule.grade),
                "alerts": len(found[0]),
                "assets": len(np.unique(found[0])),
                "fault": rule.fault,
            }
            for rule, found in zip(tally.rules, columns, strict=True)
        ],
        "by_hour": hours_of(time_us.astype(np.int64)).tolist(),
        "assets": _assets(asset.astype(np.int64)),
        "spots": spots.round(6).tolist(),
        "overlaps": _overlaps(paper, user),
    }


def _assets(asset: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Who raised most, the most first."""
    ids, counts = np.unique(asset, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MOST_TOLD]
    known = {row.pk: row for row in Asset.objects.filter(pk__in=ids[order].tolist()).only("kind", "code", "name")}
    names = {kind.key: str(kind.name) for kind in kinds()}
    return [
        {"id": key, "kind": names.get(row.kind, row.kind), "code": row.code, "name": row.name, "alerts": count}
        for key, count in zip(ids[order].tolist(), counts[order].tolist(), strict=True)
        if (row := known.get(key)) is not None
    ]


def _overlaps(paper: Paper, user: User) -> list[dict[str, Any]]:
    """Areas in force that share ground with it, by how much of it they cover."""
    near = areas_seen(user).filter(active=True, boundary__intersects=as_stored(paper.shape)).exclude(pk=paper.key)
    kinds_of = dict(Area.Kind.choices)
    found = [
        {
            "id": area.pk,
            "name": area.name,
            "kind": str(kinds_of[area.kind]),
            "share": round(overlap_share(paper.shape, of_stored(area.boundary)), 4),
        }
        for area in near[:MOST_TOLD]
    ]
    return sorted(found, key=lambda area: -area["share"])
