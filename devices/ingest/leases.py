"""Which ingest worker owns which shard: leases in the database.

Every worker takes its fair share; a worker that stops renewing loses its shards to the others. The token of a lease
grows with every change of owner; a transaction that writes for a shard checks owner and token under a lock, so a
worker that was thought dead cannot write after another took over.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import psycopg

from devices.exceptions import LeaseLostError
from devices.topics import SHARDS

# With a look each RENEW_S the shards of a worker that was killed have another owner within 5 s.
LEASE_S = 3.5
RENEW_S = 1.0


@dataclass
class Leases:
    """The shards that worker ``name`` holds: ``tokens`` by shard; and those that ``others`` hold.

    What stands before an ``@`` in the name is the worker's stable name; an earlier process of it is no other.
    """

    name: str
    tokens: dict[int, int] = field(default_factory=dict)
    others: frozenset[int] = frozenset()
    _taken_at: dict[int, float] = field(default_factory=dict)

    def taken_within(self, seconds: float) -> frozenset[int]:
        """Shards that were another worker's until so long ago."""
        first = time.monotonic() - seconds
        return frozenset(shard for shard, at in self._taken_at.items() if at >= first)

    def renew(self, cursor: psycopg.Cursor) -> bool:
        """Renew what is held, give back what is too much, take what is free; in a transaction of its own.

        Returns
        -------
        bool
            True if the set of shards held changed.
        """
        cursor.execute(
            """INSERT INTO devices_worker (name, seen_at) VALUES (%s, clock_timestamp())
               ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at""",
            [self.name],
        )
        cursor.execute(
            "DELETE FROM devices_worker WHERE seen_at < clock_timestamp() - make_interval(secs => %s)", [LEASE_S]
        )
        if not self.tokens:
            cursor.execute(
                """INSERT INTO devices_shardlease (shard, owner, token, expires_at)
                   SELECT shard, '', 0, clock_timestamp() FROM generate_series(0, %s) AS shard
                   ON CONFLICT DO NOTHING""",
                [SHARDS - 1],
            )
        cursor.execute("SELECT count(*) FROM devices_worker")
        (workers,) = cursor.fetchone() or (1,)
        share = -(-SHARDS // max(workers, 1))
        cursor.execute(
            """UPDATE devices_shardlease SET expires_at = clock_timestamp() + make_interval(secs => %s)
               WHERE owner = %s RETURNING shard, token""",
            [LEASE_S, self.name],
        )
        held: dict[int, int] = dict(cursor.fetchall())
        if len(held) > share:
            surplus = sorted(held)[share:]
            cursor.execute(
                "UPDATE devices_shardlease SET owner = '', token = token + 1 WHERE owner = %s AND shard = ANY(%s)",
                [self.name, surplus],
            )
            held = {shard: token for shard, token in held.items() if shard not in surplus}
        elif len(held) < share:
            cursor.execute(
                """UPDATE devices_shardlease SET owner = %(name)s, token = token + 1,
                          expires_at = clock_timestamp() + make_interval(secs => %(lease)s)
                   WHERE shard IN (SELECT shard FROM devices_shardlease
                                   WHERE owner = '' OR expires_at < clock_timestamp()
                                   ORDER BY shard LIMIT %(wanted)s FOR UPDATE SKIP LOCKED)
                   RETURNING shard, token""",
                {"name": self.name, "lease": LEASE_S, "wanted": share - len(held)},
            )
            held |= dict(cursor.fetchall())
        cursor.execute(
            """SELECT shard FROM devices_shardlease WHERE owner <> '' AND expires_at > clock_timestamp()
               AND split_part(owner, '@', 1) <> split_part(%s, '@', 1)""",
            [self.name],
        )
        self.others = frozenset(shard for (shard,) in cursor.fetchall())
        changed = held != self.tokens
        now = time.monotonic()
        # A token of 1: nobody had this shard before.
        fresh = {shard: now for shard, token in held.items() if token > 1 and self.tokens.get(shard) != token}
        self._taken_at = {shard: at for shard, at in self._taken_at.items() if shard in held} | fresh
        self.tokens = held
        return changed

    def tell_areas(self, cursor: psycopg.Cursor, stamp: int | None) -> None:
        """Say by which state of the areas this worker judges; None: by none yet."""
        cursor.execute(
            """UPDATE devices_worker SET areas_stamp = %(stamp)s, areas_read_at = clock_timestamp()
               WHERE name = %(name)s AND areas_stamp IS DISTINCT FROM %(stamp)s""",
            {"stamp": stamp, "name": self.name},
        )

    def assert_held(self, cursor: psycopg.Cursor, shards: set[int]) -> None:
        """Make sure, until the end of the transaction, that ``shards`` are still this worker's.

        Raises
        ------
        LeaseLostError
            One of them is not.
        """
        if not shards:
            return
        cursor.execute(
            "SELECT shard, token FROM devices_shardlease WHERE owner = %s AND shard = ANY(%s) FOR SHARE",
            [self.name, sorted(shards)],
        )
        held: dict[int, int] = dict(cursor.fetchall())
        lost = {shard for shard in shards if held.get(shard) != self.tokens.get(shard) or shard not in held}
        if lost:
            raise LeaseLostError(f"shards {sorted(lost)} belong to another worker now")

    def release(self, cursor: psycopg.Cursor) -> None:
        """Give everything back, so that others need not wait."""
        cursor.execute("UPDATE devices_shardlease SET owner = '', token = token + 1 WHERE owner = %s", [self.name])
        cursor.execute("DELETE FROM devices_worker WHERE name = %s", [self.name])
        self.tokens = {}
