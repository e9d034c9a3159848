"""How calls to cameras end, in words that are counted."""

from __future__ import annotations

from prometheus_client import Counter

from media.faults import GONE, HUNG_UP, UNUSABLE
from media.sources.faults import CLOSED, NO_MEDIA, STOPPED

RECORDING_ENDED = "recording ended"
KNOWN = frozenset(
    {"stopped", "refused", NO_MEDIA, STOPPED, UNUSABLE, HUNG_UP, GONE, RECORDING_ENDED, "stopping", CLOSED}
)

calls_total = Counter("sandtable_gb28181_calls_ended", "Streams of cameras, by how they ended", ["how"])


def count_end(why: str) -> None:
    """A call has ended."""
    calls_total.labels(why if why in KNOWN else "other").inc()
