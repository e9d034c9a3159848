"""What the ingest knows of devices, kept in memory; of what changes, only that is read again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from sys import intern

import psycopg

from twin.kinds import kind_of

_WHOLE_ABOVE = 0.2
"""Where a greater part has changed, everything is read."""


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """One registered device. ``asset`` and ``owner`` are keys; None, and 0, where there is none.

    ``kind`` is the device's, as in its topic; ``kind_code`` and retention are the asset's, whose history it writes.
    ``platform`` is the key of the platform that may push for it.
    """

    id: int
    identifier: str
    kind: str
    kind_code: int
    shard: int
    asset: int | None
    owner: int
    datum: str
    numbered: bool
    revoked: bool
    retention_us: int
    platform: int | None = None


_SELECT = """
SELECT d.id, d.identifier, d.kind, coalesce(a.kind, d.kind), d.shard, a.id,
       coalesce(a.owner_id, 0), d.datum, d.numbered, d.revoked_at IS NOT NULL, p.id
FROM devices_device d LEFT JOIN twin_asset a ON a.id = d.asset_id AND a.active
LEFT JOIN devices_platform p ON p.id = d.platform_id AND p.active"""
# Rows written by a transaction that had not ended when was looked last. PostgreSQL compares transactions by their age,
# for their numbers begin anew.
_CHANGED = """
SELECT d.id FROM devices_device d WHERE age(d.xmin) <= age(%(since)s::xid)
UNION SELECT d.id FROM twin_asset a JOIN devices_device d ON d.asset_id = a.id WHERE age(a.xmin) <= age(%(since)s::xid)
UNION SELECT d.id FROM devices_platform p JOIN devices_device d ON d.platform_id = p.id
      WHERE age(p.xmin) <= age(%(since)s::xid)"""


class Registry:
    """Registered devices, in ``devices`` by identifier; one whose asset is out of use counts as having none."""

    def __init__(self) -> None:
        self.devices: dict[str, KnownDevice] = {}
        self._since: str | None = None

    def refresh(self, cursor: psycopg.Cursor) -> set[str] | None:
        """Read what changed since the last time.

        Returns
        -------
        set of str or None
            Identifiers of the devices read again; None where all were.
        """
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::xid::text, count(*) FROM devices_device")
        now, count = cursor.fetchone() or ("", 0)
        changed = self._changed(cursor, count)
        if changed is None:
            cursor.execute(_SELECT)
            known = dict(_known(cursor))
            self.devices.clear()
            self.devices.update(known)
        self._since = now
        return changed

    def _changed(self, cursor: psycopg.Cursor, count: int) -> set[str] | None:
        """Take over the devices that changed; None where that does not tell everything."""
        if self._since is None or not self.devices:
            return None
        cursor.execute(_CHANGED, {"since": self._since})
        keys = [key for (key,) in cursor.fetchall()]
        if len(keys) > _WHOLE_ABOVE * count:
            return None
        cursor.execute(_SELECT + " WHERE d.id = ANY(%s)", [keys])
        changed = dict(_known(cursor))
        self.devices.update(changed)
        # One that was deleted, or has another name, is still here under its old one.
        return set(changed) if len(self.devices) == count else None


def _known(cursor: psycopg.Cursor) -> Iterable[tuple[str, KnownDevice]]:
    for id_, identifier, kind, asset_kind, shard, asset, owner, datum, numbered, revoked, platform in cursor.fetchall():
        retention_us = kind_of(asset_kind).retention_days * 86_400_000_000
        code = kind_of(asset_kind).code
        yield (
            identifier,
            KnownDevice(
                id_,
                identifier,
                intern(kind),  # hundreds of thousands of the same few words
                code,
                shard,
                asset,
                owner,
                intern(datum),
                numbered,
                revoked,
                retention_us,
                platform,
            ),
        )
