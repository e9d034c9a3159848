"""A draft on recorded history (预演): which alerts its rules would have raised, when, about whom, and where.

Positions are followed by the intake's own code (:mod:`twin.rehearsal`), judged by the rules' own
(:func:`command.judging.judge`), and causes compared as the stream engine compares them. Nothing is stored.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from command.engine import facts_of
from command.facts import Facts
from command.judging import judge
from command.knowledge import InForce, Knowledge
from command.lasting import Waiting, settle
from command.rules import Rule, Trigger, registry
from gis.fences import transitions
from gis.notices import stamp_of
from twin.kinds import kind_of, kinds
from twin.observers import Moved
from twin.past import Look, districts
from twin.periods import CITY_TIME
from twin.rehearsal import PaperArea, follow

HOURS, DAYS = 24, 7
_HOUR_US = 3_600_000_000
Ids = NDArray[np.int64]

_lock = threading.Lock()
_knowledge: tuple[int, Knowledge] | None = None


@dataclass(frozen=True)
class Paper:
    """An area as it would be; ``key``: that of the area it changes, 0 for a new one. Heights NaN where open."""

    key: int
    kind: str
    shape: BaseGeometry
    z_min_m: float
    z_max_m: float
    owner: int
    region: int
    periods: list[dict[str, Any]]


@dataclass
class RuleTally:
    """What one rule would have raised: one entry an alert, by day and asset.

    Attributes
    ----------
    fault : str
        Why it could not be judged; empty where it could.
    asset, time_us : int64[k]
    lon, lat : float64[k]
    """

    setting: InForce
    fault: str = ""
    asset: list[Ids] = field(default_factory=list)
    time_us: list[Ids] = field(default_factory=list)
    lon: list[NDArray[np.float64]] = field(default_factory=list)
    lat: list[NDArray[np.float64]] = field(default_factory=list)
    open_asset: Ids = field(default_factory=lambda: np.zeros(0, np.int64))
    waiting: Waiting = field(default_factory=Waiting.none)

    def columns(self) -> tuple[Ids, Ids, NDArray[np.float64], NDArray[np.float64]]:
        """Asset, time, longitude and latitude of every alert."""
        none = np.zeros(0)
        parts = (self.asset, self.time_us, self.lon, self.lat)
        asset, time_us, lon, lat = (np.concatenate([none, *part]) for part in parts)
        return asset.astype(np.int64), time_us.astype(np.int64), lon, lat


@dataclass
class Tally:
    """What a rehearsal found.

    Attributes
    ----------
    rules : list of RuleTally
    rows : int
        Positions that were looked at.
    entries : int
        How often something came in, or passed the line inwards.
    visitors : set of int
        Who did, or was there.
    thinned : bool
        Whether of long stays one position in five minutes was looked at.
    """

    rules: list[RuleTally]
    rows: int = 0
    entries: int = 0
    visitors: set[int] = field(default_factory=set)
    thinned: bool = False


def rehearsable() -> list[Rule]:
    """Rules that can be rehearsed: those asked with every position."""
    return registry.on(Trigger.POSITIONS)


def settings_of(
    cursor: Any, wanted: Iterable[str] | None, parameters: Mapping[str, Mapping[str, Any]]
) -> list[InForce]:
    """Rules as they are set, or as ``parameters`` (by rule) say; of ``wanted``, or all that are switched on.

    Raises
    ------
    RuleError
        A parameter is not allowed.
    UnknownRuleError
        There is no such rule.
    """
    held = _known(cursor).rules
    if wanted is None:
        chosen = [held[rule.id] for rule in rehearsable() if held[rule.id].enabled]
    else:
        asked = {registry.get(rule).id for rule in wanted}
        chosen = [held[rule.id] for rule in rehearsable() if rule.id in asked]
    values = [{**setting.parameters, **parameters.get(setting.rule.id, {})} for setting in chosen]
    return [
        replace(setting, enabled=True, parameters=setting.rule.settled(given))
        for setting, given in zip(chosen, values, strict=True)
    ]


def rehearse(cursor: Any, look: Look, paper: Paper, settings: list[InForce], from_us: int, to_us: int) -> Tally:
    """Run an area over the past.

    Parameters
    ----------
    cursor : cursor
        In a transaction.
    look : Look
        Whose: they are told of what they may see.
    settings : list of InForce
        Rules as they are to be judged.
    from_us, to_us : int
        Microseconds since 1970 UTC.

    Raises
    ------
    PastError
        There is too much, it takes too long, or an archived file is damaged.
    """
    key = paper.key or _free_key(cursor)
    known = _known(cursor).only_area(
        (key, paper.kind, 1, paper.owner, paper.region, json.dumps(paper.periods), paper.z_min_m, paper.z_max_m)
    )
    area = PaperArea(key, paper.shape, paper.z_min_m, paper.z_max_m)
    tally = Tally([RuleTally(setting, known.fault_of(setting)) for setting in settings])
    by_region = any(setting.regions is not None for setting in settings)
    for followed in follow(cursor, look, area, from_us, to_us, _codes(settings)):
        moved = _placed(followed.moved) if by_region else followed.moved
        tally.rows += len(moved)
        tally.thinned |= followed.thinned
        tally.entries += int(moved.crossed_entered.sum())
        visited = np.r_[moved.inside_row, moved.crossed_row]
        tally.visitors.update(moved.batch.asset[visited].tolist())
        facts = facts_of(moved, known, int(moved.batch.time_us.max()))
        for rule in tally.rules:
            if not rule.fault:
                _judge(rule, facts, known, key)
    return tally


def hours_of(time_us: Ids) -> NDArray[np.int64]:
    """How many of some moments fall into each hour of each day of the week, in the city's time: int64[7, 24]."""
    counts = np.zeros(DAYS * HOURS, np.int64)
    if len(time_us):
        moment = datetime.fromtimestamp(int(time_us[0]) / 1e6, UTC).astimezone(CITY_TIME)
        shift_us = int((moment.utcoffset() or timedelta()).total_seconds() * 1e6)
        hour = (time_us + shift_us) // _HOUR_US
        # 1970-01-01 was a Thursday, the fourth day.
        counts = np.bincount((hour + 3 * HOURS) % (DAYS * HOURS), minlength=DAYS * HOURS)
    return counts.reshape(DAYS, HOURS)


def _judge(tally: RuleTally, facts: Facts, known: Knowledge, key: int) -> None:
    """One rule on one day; causes that were open the day before go on."""
    try:
        found = judge(tally.setting, facts, known)
    except Exception as error:  # whatever a module's rule raises, the others are rehearsed
        tally.fault = f"{type(error).__name__}: {error}"
        return
    here = (found.area == key) & (found.row >= 0)
    row = found.row[here]
    opened = tally.open_asset
    keys = np.full(len(opened), key)
    if hold_us := tally.setting.hold_us:
        area = np.full(len(row), key)
        held = settle(facts.asset, facts.time_us, row, area, hold_us, (opened, keys), tally.waiting)
        row, tally.waiting = held.row, tally.waiting.of(facts.asset)[1].and_(held.waiting)
    if not len(row) and not len(opened):
        return
    change = transitions(facts.asset, row, np.full(len(row), key), opened, keys)
    tally.open_asset = change.present_asset
    came = change.point_index[change.entered]
    tally.asset.append(facts.asset[came])
    tally.time_us.append(facts.time_us[came])
    tally.lon.append(facts.lon[came])
    tally.lat.append(facts.lat[came])


def _placed(moved: Moved) -> Moved:
    """With the district of each row that is inside or passes."""
    rows = np.unique(np.r_[moved.inside_row, moved.crossed_row])
    region = moved.region.copy()
    region[rows] = np.maximum(districts().locate_one(moved.batch.lon[rows], moved.batch.lat[rows]), 0)
    return replace(moved, region=region)


def _codes(settings: list[InForce]) -> set[int]:
    """Kinds of things that the rules are about; all where one is about all, or there are none."""
    if not settings or any(not setting.rule.kinds for setting in settings):
        return {kind.code for kind in kinds()}
    return {kind_of(kind).code for setting in settings for kind in setting.rule.kinds}


def _free_key(cursor: Any) -> int:
    cursor.execute("SELECT coalesce(max(id), 0) + 1 FROM twin_area")
    return int(cursor.fetchone()[0])


def _known(cursor: Any) -> Knowledge:
    """What judging needs besides positions, read anew when it has changed."""
    global _knowledge
    blank = Knowledge(registry)
    version = stamp_of(blank.topics)
    with _lock:
        if _knowledge is None or _knowledge[0] != version:
            blank.load(cursor, blank.topics - {"areas"} | {"rules"})
            _knowledge = version, blank
        return _knowledge[1]


def overlap_share(shape: BaseGeometry, other: BaseGeometry) -> float:
    """How much of a shape's ground another one covers, 0 to 1; of a line, how much of its length."""
    whole = shape.area or shape.length
    common = shapely.intersection(shape, other)
    return float((common.area if shape.area else common.length) / whole) if whole else 0.0
