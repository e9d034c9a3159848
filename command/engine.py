"""Rules on the stream: every batch of positions and every event is judged in the transaction that stores it."""

from __future__ import annotations

import time
from collections import defaultdict

import numpy as np
import psycopg
from numpy.typing import NDArray
from prometheus_client import Counter, Histogram

from command.facts import Facts
from command.failures import RULE_FAILED, Failures
from command.judging import judge
from command.knowledge import Knowledge
from command.pending import Pending, Settled
from command.push import messages_of
from command.rules import RuleRegistry, Trigger, registry
from command.store import NewAlert, cause_of, end_causes, parts_of, raise_alerts, read_causes
from command.wire import read_alerts
from gis.fences import transitions
from twin.observers import Heard, Message, Moved
from twin.present import read_current

CAUSES = "causes"
"""Notice that open causes were ended elsewhere: by a person, or by the rules process."""

raised_total = Counter("sandtable_alerts_raised", "Alerts raised", ["trigger"])
judging_seconds = Histogram(
    "sandtable_rules_batch_seconds", "Time of all rules on one batch", buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1)
)


def facts_of(moved: Moved, knowledge: Knowledge, now_us: int) -> Facts:
    """What rules are told of positions that were followed."""
    batch = moved.batch
    areas = knowledge.areas(now_us)
    inside_at, crossed_at = areas.position(moved.inside_area), areas.position(moved.crossed_area)
    # An area deleted a moment ago, of which the index does not know yet.
    inside, crossed = inside_at >= 0, crossed_at >= 0
    inside_row, inside_at = moved.inside_row[inside], inside_at[inside]
    crossed_row, crossed_at = moved.crossed_row[crossed], crossed_at[crossed]
    return Facts(
        now_us=now_us,
        asset=batch.asset,
        kind=batch.kind,
        owner=batch.owner,
        region=moved.region,
        time_us=batch.time_us,
        lon=batch.lon,
        lat=batch.lat,
        alt_m=batch.alt_m,
        speed_m_s=batch.speed_m_s,
        status=batch.status,
        still_since_us=moved.still_since_us,
        attrs_json=batch.attrs,
        inside_row=inside_row,
        inside_at=inside_at,
        inside_since_us=moved.inside_since_us[inside],
        inside_in_force=knowledge.in_force(inside_at, batch.time_us[inside_row]),
        crossed_row=crossed_row,
        crossed_at=crossed_at,
        crossed_entered=moved.crossed_entered[crossed],
        crossed_in_force=knowledge.in_force(crossed_at, batch.time_us[crossed_row]),
        areas=areas,
    )


class StreamEngine:
    """The observer (:mod:`twin.observers`) that judges positions and events.

    Open causes are kept in memory for as long as transactions succeed; each asset belongs to one ingest worker, and so
    does each cause.
    """

    def __init__(self, rules: RuleRegistry = registry) -> None:
        self._registry = rules
        self._knowledge = Knowledge(rules)
        self._failures = Failures()
        self._pending = Pending()
        self._open: dict[str, dict[int, set[int]]] | None = None
        self.topics = self._knowledge.topics | {CAUSES}

    def reload(self, cursor: psycopg.Cursor, topics: frozenset[str]) -> None:
        """Read again areas, settings and attributes that changed."""
        self._knowledge.load(cursor, topics)
        if CAUSES in topics:
            self.forget()

    def forget(self) -> None:
        """Read open causes again with the next batch."""
        self._open = None

    def moved(self, cursor: psycopg.Cursor, moved: Moved) -> list[Message]:
        """Judge a batch; returns what to tell screens after the commit."""
        with judging_seconds.time():
            return self._judge(cursor, self._facts(moved), Trigger.POSITIONS)

    def heard(self, cursor: psycopg.Cursor, events: list[Heard]) -> list[Message]:
        """Judge events by the present state of who sent them."""
        if not events or not self._registry.on(Trigger.EVENTS):
            return []
        return self._judge(cursor, self._event_facts(cursor, events), Trigger.EVENTS)

    def _judge(self, cursor: psycopg.Cursor, facts: Facts, trigger: Trigger) -> list[Message]:
        if not len(facts):
            return []
        opened = self._recall(cursor)
        self._knowledge.mend()
        new: list[NewAlert] = []
        ended: list[tuple[str, str, int]] = []
        for rule in self._registry.on(trigger):
            setting = self._knowledge.rules[rule.id]
            try:
                settled = self._pending.settle(judge(setting, facts, self._knowledge), opened[rule.id])
                raised, gone = self._compare(settled, lasting=trigger is Trigger.EVENTS)
            except Exception as error:  # whatever a rule raises, the positions are stored and the others asked
                new += self._failures.failed(setting, error, facts.now_us)
                continue
            self._pending.keep(settled)
            ended += [*gone, *self._failures.judged(setting, facts.now_us)]
            new += raised
        self._pending.write(cursor)
        changed = end_causes(cursor, ended)
        ids = raise_alerts(cursor, new)
        raised_total.labels(trigger.value).inc(len(ids))
        if not ids and not changed:
            return []
        return messages_of(read_alerts(cursor, {*ids, *changed}), "ingest")

    def _compare(self, settled: Settled, lasting: bool) -> tuple[list[NewAlert], list[tuple[str, str, int]]]:
        """Causes that came and went, row by row; ``lasting``: none goes by itself."""
        assert self._open is not None
        found = settled.found
        facts, rule = found.facts, found.setting.rule.id
        still_open = self._open[rule]
        if not len(settled.row) and not still_open:
            return [], []
        before = [(a, z) for a in np.unique(facts.asset).tolist() for z in still_open.get(a, ())]
        if not len(settled.row) and not before:
            return [], []
        before_asset, before_area = np.array(before, np.int64).reshape(-1, 2).T
        change = transitions(facts.asset, settled.row, settled.area, before_asset, before_area)
        if not len(change.point_index):
            return [], []
        entry = {pair: k for k, pair in enumerate(zip(found.row.tolist(), found.area.tolist(), strict=True))}
        new: dict[tuple[int, int], NewAlert] = {}
        raised: list[NewAlert] = []
        ended: list[tuple[str, str, int]] = []
        asset, time_us = facts.asset.tolist(), facts.time_us.tolist()
        events = (change.point_index.tolist(), change.fence_id.tolist(), change.entered.tolist())
        for row, area, came in zip(*events, strict=True):
            cause = asset[row], area
            if came and not (lasting and (cause in new or cause in before)):
                new[cause] = found.new_alert(entry[row, area])
                raised.append(new[cause])
            elif not came and not lasting:
                if cause in new:
                    new.pop(cause).ended_us = time_us[row]
                else:
                    ended.append((rule, cause_of(*cause), time_us[row]))
        # Only now: had the evidence of one been unusable, the rule would count as not asked.
        for a, z in before if not lasting else ():
            still_open[a].discard(z)
        now_open = (
            zip(change.present_asset.tolist(), change.present_fence.tolist(), strict=True) if not lasting else new
        )
        for a, z in now_open:
            still_open[a].add(z)
        return raised, ended

    def _recall(self, cursor: psycopg.Cursor) -> dict[str, dict[int, set[int]]]:
        if self._open is not None:
            return self._open
        rules = [rule.id for rule in self._registry.on(Trigger.POSITIONS, Trigger.EVENTS)]
        self._open = {rule: defaultdict(set) for rule in rules}
        self._pending.recall(cursor)
        for rule, cause in read_causes(cursor, [*rules, RULE_FAILED.id]):
            if rule == RULE_FAILED.id:
                self._failures.recall([cause])
            else:
                asset, area = parts_of(cause)
                self._open[rule][asset].add(area)
        return self._open

    def _facts(self, moved: Moved) -> Facts:
        return facts_of(moved, self._knowledge, time.time_ns() // 1000)

    def _event_facts(self, cursor: psycopg.Cursor, events: list[Heard]) -> Facts:
        """Rows are events, sorted by asset and time, of assets that have a state."""
        current = read_current(cursor, sorted({event.asset for event in events}))
        state, known = current.batch, set(current.batch.asset.tolist())
        told = sorted((event for event in events if event.asset in known), key=lambda event: event[:2])
        rows = np.searchsorted(state.asset, np.array([event.asset for event in told], np.int64))
        now_us = time.time_ns() // 1000
        none: NDArray[np.int64] = np.zeros(0, np.int64)
        batch = state.take(rows)
        return Facts(
            now_us=now_us,
            asset=batch.asset,
            kind=batch.kind,
            owner=batch.owner,
            region=current.region[rows],
            time_us=np.array([event.time_us for event in told], np.int64),
            lon=batch.lon,
            lat=batch.lat,
            alt_m=batch.alt_m,
            speed_m_s=batch.speed_m_s,
            status=batch.status,
            still_since_us=np.zeros(len(told), np.int64),
            attrs_json=[""] * len(told),
            inside_row=none,
            inside_at=none,
            inside_since_us=none,
            inside_in_force=none.astype(bool),
            crossed_row=none,
            crossed_at=none,
            crossed_entered=none.astype(bool),
            crossed_in_force=none.astype(bool),
            areas=self._knowledge.areas(now_us),
            events=[{"code": event.code, "text": event.text, "attrs": event.attrs} for event in told],
        )
