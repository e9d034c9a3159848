"""Causes that came or went but have not lasted yet (:mod:`command.lasting`): in memory, and in the database.

They are written with the positions that showed them, in one transaction, so a worker that is started again goes on
counting from where the last one stood.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from command.declarations import HELD
from command.judging import Judgement
from command.lasting import Ids, Lasting, Waiting, settle
from command.store import stamp
from twin.batch import MICROSECOND

_Key = tuple[str, int, int]


@dataclass(frozen=True)
class Settled:
    """What a rule found, and what of it counts: ``row``, ``area`` int64[m]."""

    found: Judgement
    row: Ids
    area: Ids
    lasting: Lasting | None = None


class Pending:
    """What waits, by rule; changes are kept until :meth:`write`."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[int, Waiting]] = {}
        self._changed: dict[_Key, tuple[int, bool, int] | None] = {}

    def recall(self, cursor: Any) -> None:
        """Read what waits; what was not written is forgotten."""
        self._waiting, self._changed = {}, {}
        cursor.execute(
            """SELECT rule, version, array_agg(asset_id), array_agg(area_id),
                      array_agg((extract(epoch FROM since) * 1000000)::int8), array_agg(coming)
               FROM command_pendingcause GROUP BY rule, version ORDER BY rule, version"""
        )
        for rule, version, asset, area, since_us, coming in cursor.fetchall():
            columns = [np.array(column, np.int64) for column in (asset, area, since_us)]
            self._waiting[rule] = version, Waiting(columns[0], columns[1], columns[2], np.array(coming, bool))

    def settle(self, found: Judgement, opened: Mapping[int, Iterable[int]]) -> Settled:
        """What of a judgement counts; ``opened``: areas of open causes, by asset."""
        setting, facts = found.setting, found.facts
        if not setting.hold_us:
            return Settled(found, found.row, found.area)
        waiting = self._of(found)
        if not len(found.row) and not opened and not len(waiting):
            return Settled(found, found.row, found.area)
        pairs = [(asset, area) for asset in np.unique(facts.asset).tolist() for area in opened.get(asset, ())]
        was_asset, was_area = np.array(pairs, np.int64).reshape(-1, 2).T
        lasting = settle(
            facts.asset, facts.time_us, found.row, found.area, setting.hold_us, (was_asset, was_area), waiting
        )
        evidence = {**found.verdicts.evidence, HELD.key: lasting.held_us // MICROSECOND}
        told = replace(found, verdicts=replace(found.verdicts, evidence=evidence))
        return Settled(told, lasting.row, lasting.area, lasting)

    def keep(self, settled: Settled) -> None:
        """Take over what waits now; only once everything else about the judgement went well."""
        if settled.lasting is None:
            return
        rule, version = settled.found.setting.rule.id, settled.found.setting.version
        before, others = self._of(settled.found).of(settled.found.facts.asset)
        now = settled.lasting.waiting
        self._waiting[rule] = version, others.and_(now)
        old, new = before.entries(), now.entries()
        for asset, area in old.keys() - new.keys():
            self._changed[rule, asset, area] = None
        for (asset, area), entry in new.items():
            if old.get((asset, area)) != entry:
                self._changed[rule, asset, area] = *entry, version

    def write(self, cursor: Any) -> None:
        """Write what changed."""
        changed, self._changed = sorted(self._changed.items()), {}
        if gone := [key for key, value in changed if value is None]:
            cursor.execute(
                """DELETE FROM command_pendingcause
                   WHERE (rule, asset_id, area_id) IN (SELECT * FROM unnest(%s::text[], %s::int8[], %s::int8[]))""",
                [list(column) for column in zip(*gone, strict=True)],
            )
        if rows := [(*key, stamp(value[0]), *value[1:]) for key, value in changed if value is not None]:
            cursor.execute(
                """INSERT INTO command_pendingcause (rule, asset_id, area_id, since, coming, version)
                   SELECT * FROM unnest(%s::text[], %s::int8[], %s::int8[], %s::timestamptz[], %s::bool[], %s::int4[])
                   ON CONFLICT (rule, asset_id, area_id)
                   DO UPDATE SET since = excluded.since, coming = excluded.coming, version = excluded.version""",
                [list(column) for column in zip(*rows, strict=True)],
            )

    def _of(self, found: Judgement) -> Waiting:
        version, waiting = self._waiting.get(found.setting.rule.id, (0, Waiting.none()))
        return waiting if version == found.setting.version else Waiting.none()


def forget_useless(cursor: Any, versions: Mapping[str, int]) -> None:
    """Delete what nobody counts any more: of rules set otherwise since, of things and areas out of use.

    ``versions``: as the rules in force are set, by rule.
    """
    # Rows that are just being counted on are left for the next time: waiting for them could be waiting for each other.
    cursor.execute(
        """DELETE FROM command_pendingcause WHERE (rule, asset_id, area_id) IN (
           SELECT p.rule, p.asset_id, p.area_id FROM command_pendingcause p
           WHERE NOT EXISTS (SELECT FROM unnest(%s::text[], %s::int4[]) v(rule, version)
                             WHERE v.rule = p.rule AND p.version >= v.version)
              OR NOT EXISTS (SELECT FROM twin_asset s WHERE s.id = p.asset_id AND s.active)
              OR (p.area_id <> 0 AND NOT EXISTS (SELECT FROM twin_area z WHERE z.id = p.area_id AND z.active))
           FOR UPDATE OF p SKIP LOCKED)""",
        [list(versions), list(versions.values())],
    )
