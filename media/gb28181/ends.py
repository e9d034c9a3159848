"""How calls to cameras end, in words that are counted."""

from __future__ import annotations

from prometheus_client import Counter

RECORDING_ENDED = "recording ended"
KNOWN = frozenset(
    {"stopped", "refused", "no media", "media stopped", "media not usable", "device hung up", "device gone",
     RECORDING_ENDED, "stopping", "connection closed"}
)  # fmt: skip

calls_total = Counter("sandtable_gb28181_calls_ended", "Streams of cameras, by how they ended", ["how"])


def count_end(why: str) -> None:
    """A call has ended."""
    calls_total.labels(why if why in KNOWN else "other").inc()
