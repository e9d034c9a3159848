"""What judging needs besides positions, kept in memory: areas, how rules are set, what modules keep in their tables."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from command.declarations import HOLD
from command.exceptions import RuleError
from command.facts import Areas
from command.rules import Rule, RuleRegistry
from twin.batch import MICROSECOND
from twin.periods import Period, PeriodError, in_force, read_periods

logger = logging.getLogger(__name__)

MINUTE_US = 60_000_000
MEND_S = 10.0
_MOST_REMEMBERED = 100_000


@dataclass(frozen=True)
class InForce:
    """A rule as it is set. ``regions``: keys of the regions where it applies, None: everywhere."""

    rule: Rule
    enabled: bool
    version: int
    parameters: Mapping[str, Any]
    periods: tuple[Period, ...]
    regions: NDArray[np.int64] | None
    fault: str = ""
    """Why it cannot be judged; empty where it can."""

    @property
    def hold_us(self) -> int:
        """How long a cause must hold, or be gone, before it counts; microseconds."""
        return int(self.parameters.get(HOLD.key, 0)) * MICROSECOND

    def applies_at(self, time_us: int) -> bool:
        """Whether it is enabled, and in one of its periods."""
        return self.enabled and in_force(self.periods, _moment(time_us))


def _moment(time_us: int) -> datetime:
    return datetime.fromtimestamp(time_us / 1e6, UTC)


class Knowledge:
    """Read it with :meth:`load` at start and whenever one of :attr:`topics` changes."""

    def __init__(self, rules: RuleRegistry) -> None:
        self._registry = rules
        self.topics = frozenset({"areas", "rules", "regions"}).union(*(a.topics for a in rules.attributes()))
        self.rules: dict[str, InForce] = {}
        self._areas = _no_areas()
        self._area_periods: list[tuple[Period, ...]] = []
        self._has_periods = np.zeros(0, bool)
        self._remembered: dict[tuple[int, int], bool] = {}
        self._attributes: dict[str, Mapping[int, Any]] = {}
        self._broken: dict[str, str] = {}
        self._tried_at = 0.0

    def load(self, cursor: Any, topics: Iterable[str]) -> None:
        """Read again what depends on ``topics``."""
        stale = set(topics)
        if "areas" in stale:
            self._load_areas(cursor)
        if stale & {"rules", "regions"}:
            self._load_rules(cursor)
        self._load_attributes({a.key for a in self._registry.attributes() if stale & set(a.topics)})

    def mend(self) -> None:
        """Try once more, now and then, what a module could not read."""
        if self._broken and time.monotonic() - self._tried_at >= MEND_S:
            self._load_attributes(set(self._broken))

    def only_area(self, row: tuple[Any, ...]) -> Knowledge:
        """The same, as if one area were all there is: ``row`` as :meth:`load` reads it, periods as JSON text."""
        other = copy(self)
        other._take_areas([row])
        return other

    def fault_of(self, setting: InForce) -> str:
        """Why a rule cannot be judged now; empty where it can."""
        return setting.fault or next(
            (self._broken[a.key] for a in setting.rule.attributes if a.key in self._broken), ""
        )

    def areas(self, now_us: int, rule: Rule | None = None) -> Areas:
        """Every active area at a moment, with the attributes that ``rule`` needs."""
        everything = np.arange(len(self._areas))
        held = self.in_force(everything, np.full(len(everything), now_us))
        a = self._areas
        return Areas(
            a.id, a.kind, a.version, a.owner, a.region, held, a.z_min_m, a.z_max_m, self.attributes(rule, "area")
        )

    def attributes(self, rule: Rule | None, of: str) -> dict[str, Mapping[int, Any]]:
        """The values that ``rule`` needs about assets or areas."""
        wanted = rule.attributes if rule is not None else ()
        return {a.key: self._attributes.get(a.key, {}) for a in wanted if a.of == of}

    def subjects(self, rule: Rule) -> list[int] | None:
        """Keys of the only assets that can be a rule's subjects; None: all of its kinds."""
        return None if rule.only_with is None else [*self._attributes.get(rule.only_with.key, {})]

    def in_force(self, at: NDArray[np.int64], time_us: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether areas, by entry (int64[k]), are in force at times (int64[k]); periods have whole minutes."""
        held = np.ones(len(at), bool)
        for i in np.flatnonzero(self._has_periods[at]):
            key = int(at[i]), int(time_us[i]) // MINUTE_US
            if key not in self._remembered:
                if len(self._remembered) >= _MOST_REMEMBERED:
                    self._remembered.clear()
                self._remembered[key] = in_force(self._area_periods[key[0]], _moment(int(time_us[i])))
            held[i] = self._remembered[key]
        return held

    def _load_areas(self, cursor: Any) -> None:
        cursor.execute(
            """SELECT id, kind, version, coalesce(owner_id, 0), coalesce(region_id, 0), periods::text,
                      coalesce(z_min_m, 'NaN'), coalesce(z_max_m, 'NaN')
               FROM twin_area WHERE active ORDER BY id"""
        )
        self._take_areas(cursor.fetchall())

    def _take_areas(self, rows: list[tuple[Any, ...]]) -> None:
        columns = list(zip(*rows, strict=True)) if rows else [()] * 8
        ids, version, owner, region = (np.array(columns[i], np.int64) for i in (0, 2, 3, 4))
        low, high = (np.array(columns[i], np.float64) for i in (6, 7))
        kind, always = np.array(columns[1], object), np.ones(len(ids), bool)
        self._areas = Areas(ids, kind, version, owner, region, always, low, high)
        self._area_periods = [_area_periods(id_, text) for id_, text in zip(columns[0], columns[5], strict=True)]
        self._has_periods = np.array([bool(periods) for periods in self._area_periods], bool)
        self._remembered = {}

    def _load_rules(self, cursor: Any) -> None:
        cursor.execute(
            "SELECT rule, enabled, parameters::text, periods::text, regions::text, version FROM command_rulesetting"
        )
        stored = {row[0]: row[1:] for row in cursor.fetchall()}
        self.rules = {rule.id: self._set(cursor, rule, stored.get(rule.id)) for rule in self._registry}

    def _set(self, cursor: Any, rule: Rule, stored: tuple | None) -> InForce:
        if stored is None:
            return InForce(rule, rule.enabled, 0, rule.settled({}), read_periods(list(rule.periods)), None)
        enabled, parameters, periods, regions, version = stored
        try:
            values, held = rule.settled(json.loads(parameters)), read_periods(json.loads(periods))
        except (RuleError, PeriodError) as error:
            # The module changed under the setting. Whatever it should have found may be there now.
            logger.error("rule %s cannot be judged as it is set: %s", rule.id, error)
            return InForce(rule, enabled, version, {}, (), None, f"{type(error).__name__}: {error}")
        return InForce(rule, enabled, version, values, held, _within(cursor, json.loads(regions)))

    def _load_attributes(self, keys: set[str]) -> None:
        self._tried_at = time.monotonic()
        for attribute in self._registry.attributes():
            if attribute.key not in keys:
                continue
            try:
                self._attributes[attribute.key] = attribute.load()
            except Exception as error:  # a module's code: whatever it raises, only its rules stop
                if attribute.key not in self._broken:
                    logger.exception("attribute %s cannot be read", attribute.key)
                self._broken[attribute.key] = f"{attribute.key}: {type(error).__name__}: {error}"
            else:
                if self._broken.pop(attribute.key, None):
                    logger.info("attribute %s can be read again", attribute.key)


def _area_periods(area: int, text: str) -> tuple[Period, ...]:
    try:
        return read_periods(json.loads(text))
    except PeriodError as error:
        logger.error("area %d is taken to be always in force: %s", area, error)
        return ()


def _within(cursor: Any, codes: list[str]) -> NDArray[np.int64] | None:
    if not codes:
        return None
    cursor.execute(
        """SELECT DISTINCT r.id FROM geo_region r JOIN geo_region top ON r.path LIKE top.path || '%%'
           WHERE top.code = ANY(%s)""",
        [codes],
    )
    return np.array(sorted(row[0] for row in cursor.fetchall()), np.int64)


def _no_areas() -> Areas:
    none = np.zeros(0, np.int64)
    return Areas(none, np.zeros(0, object), none, none, none, np.zeros(0, bool), np.zeros(0), np.zeros(0))
