"""What was refused: every message counted by reason and day, the last ones kept for an administrator to look at."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from prometheus_client import Counter as Metric

from devices.ingest.decode import Refused

RECORDS_KEPT = 10_000
RECORDS_OF_ONE = 3
"""Records written at once of one device and one reason: one device that floods must not wash out all others'."""
RECORDS_AT_ONCE = 100

refused_total = Metric("sandtable_positions_refused", "Messages and rows refused", ["reason"])


def write_refusals(cursor: Any, refused: list[Refused]) -> None:
    """Count all refusals, and record the last of each device and reason, inside the caller's transaction."""
    if not refused:
        return
    counts = Counter((datetime.fromtimestamp(r.at_us / 1e6, UTC).date(), r.reason) for r in refused)
    for (day, reason), count in sorted(counts.items()):
        cursor.execute(
            """INSERT INTO devices_refusalcount AS c (day, reason, count) VALUES (%s, %s, %s)
               ON CONFLICT (day, reason) DO UPDATE SET count = c.count + excluded.count""",
            [day, reason, count],
        )
    cursor.executemany(
        """INSERT INTO devices_refusal (at, reason, device, topic, detail, payload)
           VALUES (to_timestamp(%s), %s, %s, %s, %s, %s)""",
        [
            (r.at_us / 1e6, r.reason, *map(_storable, (r.device[:128], r.topic[:512], r.detail[:512], r.payload)))
            for r in _last_of_each(refused)
        ],
    )


def _last_of_each(refused: list[Refused]) -> list[Refused]:
    """The refusals that are recorded in full, in their order."""
    seen: Counter[tuple[str, str]] = Counter()
    kept = []
    for r in reversed(refused):
        seen[r.device, r.reason] += 1
        if seen[r.device, r.reason] <= RECORDS_OF_ONE:
            kept.append(r)
    return kept[:RECORDS_AT_ONCE][::-1]


def _storable(text: str) -> str:
    """What devices send goes into these texts, and the database takes neither U+0000 nor half a surrogate pair."""
    return text.replace("\x00", "�").encode(errors="replace").decode()


def count_refusals(refused: list[Refused]) -> None:
    """Show refusals in this process's metrics; once their transaction is through."""
    for reason, count in Counter(r.reason for r in refused).items():
        refused_total.labels(reason).inc(count)


def trim_refusals(cursor: Any) -> int:
    """Drop all records but the last :data:`RECORDS_KEPT`; the counts stay. Returns how many went."""
    cursor.execute(
        """DELETE FROM devices_refusal WHERE id <= (SELECT id FROM devices_refusal ORDER BY id DESC
           OFFSET %s LIMIT 1)""",
        [RECORDS_KEPT],
    )
    return cursor.rowcount
