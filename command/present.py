"""Rules on the present: every few seconds, everything there is now is judged, in a transaction of its own."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from psycopg import sql

from command.engine import CAUSES, raised_total
from command.facts import AREA_ITSELF, Facts
from command.failures import RULE_FAILED, Failures
from command.judging import judge
from command.knowledge import Knowledge
from command.lifecycle import ESCALATING
from command.pending import forget_useless
from command.rules import Rule, RuleRegistry, Trigger
from command.store import NewAlert, cause_of, end_causes, log_steps, raise_alerts, read_causes
from twin.kinds import kinds
from twin.past_columns import EPOCH_2000_US, columns_of

REST = 4
"""Rules rest at least so many times as long as their round took: reading all that a city has is dear."""

_STATES = """
SELECT a.id, k.code, coalesce(a.owner_id, 0), coalesce(s.region_id, 0), s.ts, s.lon, s.lat,
       coalesce(s.alt_m, 'NaN')::float4, coalesce(s.speed_m_s, 'NaN')::float4, s.status, coalesce(s.still_since, s.ts)
FROM twin_state s JOIN twin_asset a ON a.id = s.asset_id
     JOIN unnest({keys}::text[], {codes}::int2[]) AS k(key, code) ON k.key = a.kind
WHERE a.active AND ({wanted}) ORDER BY a.id"""
_STATE_FIELDS = (
    *(("asset", "int8"), ("kind", "int2"), ("owner", "int8"), ("region", "int8"), ("ts", "timestamptz")),
    *(("lon", "float8"), ("lat", "float8"), ("alt_m", "float4"), ("speed_m_s", "float4"), ("status", "int2")),
    ("still_since", "timestamptz"),
)
# Of all that there is: hardly anything says more than its place, and texts are dear.
_ATTRS = """
SELECT a.id, s.attrs::text FROM twin_state s JOIN twin_asset a ON a.id = s.asset_id
WHERE a.active AND ({wanted}) AND s.attrs <> '{{}}'"""
_PRESENCES = """
SELECT p.asset_id, p.area_id, p.since FROM twin_presence p JOIN twin_asset a ON a.id = p.asset_id
WHERE {wanted} ORDER BY p.asset_id, p.area_id"""
_PRESENCE_FIELDS = (("asset", "int8"), ("area", "int8"), ("since", "timestamptz"))


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
        changed = self.judge(cursor, due)
        ended = time.monotonic()
        for rule in due:
            self._due[rule.id] = max(self._due[rule.id], ended + REST * (ended - now))
        return changed

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
        wanted = self._wanted(rules)
        codes = {kind.key: kind.code for kind in kinds()}
        states = sql.SQL(_STATES).format(
            keys=sql.Literal([*codes]), codes=sql.Literal([*codes.values()]), wanted=wanted
        )
        state = columns_of(cursor, states, _STATE_FIELDS)
        asset = state["asset"]
        now_us = time.time_ns() // 1000
        areas = self.knowledge.areas(now_us)
        presence = columns_of(cursor, sql.SQL(_PRESENCES).format(wanted=wanted), _PRESENCE_FIELDS)
        row = np.searchsorted(asset, presence["asset"]).clip(max=max(len(asset) - 1, 0))
        at = areas.position(presence["area"])
        here = (at >= 0) & (asset[row] == presence["asset"]) if len(asset) else np.zeros(len(at), bool)
        attrs_json = [""] * len(asset)
        cursor.execute(sql.SQL(_ATTRS).format(wanted=wanted))
        for key, text in cursor.fetchall():
            # Written between two questions: whoever appeared meanwhile is judged next time.
            if (i := int(np.searchsorted(asset, key))) < len(asset) and asset[i] == key:
                attrs_json[i] = text
        none = np.zeros(0, np.int64)
        return Facts(
            now_us=now_us,
            asset=asset,
            kind=state["kind"].astype(np.uint8),
            owner=state["owner"],
            region=state["region"],
            time_us=state["ts"] + EPOCH_2000_US,
            lon=state["lon"],
            lat=state["lat"],
            alt_m=state["alt_m"],
            speed_m_s=state["speed_m_s"],
            status=state["status"],
            still_since_us=state["still_since"] + EPOCH_2000_US,
            attrs_json=attrs_json,
            inside_row=row[here],
            inside_at=at[here],
            inside_since_us=presence["since"][here] + EPOCH_2000_US,
            inside_in_force=areas.in_force[at[here]],
            crossed_row=none,
            crossed_at=none,
            crossed_entered=none.astype(bool),
            crossed_in_force=none.astype(bool),
            areas=areas,
        )

    def _wanted(self, rules: Iterable[Rule]) -> sql.Composable:
        """Which assets ``a`` rules ask about: of a city's machines hardly any, as a rule."""
        asked: set[str] = set()
        only: set[int] = set()
        for rule in rules:
            if (subjects := self.knowledge.subjects(rule)) is not None:
                only.update(subjects)
            elif rule.kinds:
                asked.update(rule.kinds)
            else:
                return sql.SQL("true")
        return sql.SQL("a.kind = ANY({asked}::text[]) OR a.id = ANY({only}::int8[])").format(
            asked=sql.Literal([*asked]), only=sql.Literal([*only])
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
