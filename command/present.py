"""Rules on the present: every few seconds, everything there is now is judged, in a transaction of its own."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from command.engine import CAUSES, raised_total
from command.facts import AREA_ITSELF, Facts
from command.failures import RULE_FAILED, Failures
from command.judging import judge
from command.knowledge import Knowledge
from command.lifecycle import ESCALATING
from command.pending import forget_useless
from command.rules import Rule, RuleRegistry, Trigger
from command.store import NewAlert, cause_of, end_causes, log_steps, raise_alerts, read_causes
from twin.kinds import kind_of

_STATES = """
SELECT a.id, a.kind, coalesce(a.owner_id, 0), coalesce(s.region_id, 0), (extract(epoch FROM s.ts) * 1000000)::int8,
       s.lon, s.lat, coalesce(s.alt_m, 'NaN'), coalesce(s.speed_m_s, 'NaN'), s.status,
       (extract(epoch FROM coalesce(s.still_since, s.ts)) * 1000000)::int8, s.attrs::text
FROM twin_state s JOIN twin_asset a ON a.id = s.asset_id
WHERE a.active AND (%s::text[] IS NULL OR a.kind = ANY(%s)) ORDER BY a.id
"""


class PresentEngine:
    """Judges what there is now, ends what nobody can judge any more, escalates what is late.

    One process a platform holds it at a time; it keeps nothing about assets from one round to the next.
    """

    def __init__(self, rules: RuleRegistry) -> None:
        self._registry = rules
        self.failures = Failures()
        self._due: dict[str, float] = {}
        self.knowledge = Knowledge(rules)

    def round(self, cursor: Any) -> list[int]:
        """Judge the rules whose time has come; returns the alerts that changed."""
        now = time.monotonic()
        due = [rule for rule in self._registry.on(Trigger.PRESENT) if self._due.get(rule.id, 0.0) <= now]
        if not due:
            return []
        for rule in due:
            self._due[rule.id] = now + rule.every_s
        return self.judge(cursor, due)

    def judge(self, cursor: Any, rules: Iterable[Rule]) -> list[int]:
        """Judge these rules; returns the alerts that changed."""
        rules = [rule for rule in rules if rule.id in self.knowledge.rules]
        self.knowledge.mend()
        judged = [rule for rule in rules if self.knowledge.rules[rule.id].enabled]
        facts = self.facts(cursor, judged)
        still_open: dict[str, set[str]] = defaultdict(set)
        for rule_id, cause in read_causes(cursor, [*(rule.id for rule in rules), RULE_FAILED.id]):
            still_open[rule_id].add(cause)
        self.failures.recall(still_open[RULE_FAILED.id])
        new: list[NewAlert] = []
        ended: list[tuple[str, str, int]] = []
        for rule in rules:
            setting = self.knowledge.rules[rule.id]
            try:
                found = judge(setting, facts, self.knowledge)
                assets = np.where(found.row == AREA_ITSELF, 0, np.append(facts.asset, 0)[found.row])
                causes = {
                    cause_of(a, z): k for k, (a, z) in enumerate(zip(assets.tolist(), found.area.tolist(), strict=True))
                }
                raised = [found.new_alert(k) for cause, k in causes.items() if cause not in still_open[rule.id]]
            except Exception as error:  # whatever a rule raises, the others are asked
                new += self.failures.failed(setting, error, facts.now_us)
                continue
            new += raised
            ended += [(rule.id, cause, facts.now_us) for cause in still_open[rule.id] - set(causes)]
            ended += self.failures.judged(setting, facts.now_us)
        changed = end_causes(cursor, ended)
        ids = raise_alerts(cursor, new)
        raised_total.labels(Trigger.PRESENT.value).inc(len(ids))
        return sorted({*changed, *ids})

    def facts(self, cursor: Any, rules: Iterable[Rule]) -> Facts:
        """The present state of everything these rules ask about."""
        rules = list(rules)
        kinds = sorted({kind for rule in rules for kind in rule.kinds}) if all(rule.kinds for rule in rules) else None
        cursor.execute(_STATES, [kinds, kinds])
        rows = cursor.fetchall()
        columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 12
        asset = np.array(columns[0], np.int64)
        codes = {key: kind_of(key).code for key in set(columns[1])}
        now_us = time.time_ns() // 1000
        areas = self.knowledge.areas(now_us)
        cursor.execute(
            """SELECT asset_id, area_id, (extract(epoch FROM since) * 1000000)::int8 FROM twin_presence
               ORDER BY asset_id, area_id"""
        )
        pairs = np.array(cursor.fetchall(), np.int64).reshape(-1, 3)
        row = np.searchsorted(asset, pairs[:, 0]).clip(max=max(len(asset) - 1, 0))
        at = areas.position(pairs[:, 1])
        here = (at >= 0) & (asset[row] == pairs[:, 0]) if len(asset) else np.zeros(len(pairs), bool)
        none = np.zeros(0, np.int64)
        return Facts(
            now_us=now_us,
            asset=asset,
            kind=np.array([codes[key] for key in columns[1]], np.uint8),
            owner=np.array(columns[2], np.int64),
            region=np.array(columns[3], np.int64),
            time_us=np.array(columns[4], np.int64),
            lon=np.array(columns[5], np.float64),
            lat=np.array(columns[6], np.float64),
            alt_m=np.array(columns[7], np.float32),
            speed_m_s=np.array(columns[8], np.float32),
            status=np.array(columns[9], np.int16),
            still_since_us=np.array(columns[10], np.int64),
            attrs_json=list(columns[11]),
            inside_row=row[here],
            inside_at=at[here],
            inside_since_us=pairs[here, 2],
            inside_in_force=areas.in_force[at[here]],
            crossed_row=none,
            crossed_at=none,
            crossed_entered=none.astype(bool),
            crossed_in_force=none.astype(bool),
            areas=areas,
        )

    def sweep(self, cursor: Any) -> list[int]:
        """End causes of which nothing will ever be heard: of rules that are off, of things and areas out of use."""
        now_us = time.time_ns() // 1000
        known = self.knowledge.rules.values()
        silent = [s.rule.id for s in known if s.rule.on is Trigger.POSITIONS and not s.applies_at(now_us)]
        silent += [s.rule.id for s in known if not s.enabled and s.rule.on is not Trigger.PLATFORM]
        installed = [s.rule.id for s in known]
        enabled = [f"rule:{s.rule.id}" for s in known if s.enabled]
        cursor.execute(
            """SELECT a.rule, a.cause FROM command_alert a LEFT JOIN twin_asset s ON s.id = a.asset_id
                      LEFT JOIN twin_area z ON z.id = a.area_id
               WHERE a.cause_ended_at IS NULL
                 AND (a.rule = ANY(%s) OR a.rule <> ALL(%s)
                      OR (a.cause LIKE 'asset:%%' AND s.active IS NOT TRUE)
                      OR (a.cause LIKE '%%area:%%' AND z.active IS NOT TRUE)
                      OR (a.rule = %s AND a.cause <> ALL(%s)))""",
            [silent, installed, RULE_FAILED.id, enabled],
        )
        ids = end_causes(cursor, [(rule, cause, now_us) for rule, cause in cursor.fetchall()])
        forget_useless(cursor, {s.rule.id: s.version for s in known if s.enabled})
        if ids:
            cursor.execute("SELECT pg_notify('sandtable', %s)", [CAUSES])
        return ids

    def escalate(self, cursor: Any) -> list[int]:
        """Mark what nobody acknowledged, or nobody disposed of, in time; returns the alerts."""
        cursor.execute(
            """UPDATE command_alert SET escalated_at = now(), due_at = NULL
               WHERE due_at <= now() AND state = ANY(%s) RETURNING id""",
            [[state.value for state in ESCALATING]],
        )
        ids = [row[0] for row in cursor.fetchall()]
        log_steps(cursor, ids, "escalated")
        return ids
