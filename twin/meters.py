"""Figures that several parts of the road share: seconds of each stage, and whether a process has its broker.

Names begin with ``sandtable_``, then the part, the thing and the unit; counters end in ``_total`` (the client adds it).
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from prometheus_client import Gauge, Summary

stage_seconds = Summary("sandtable_ingest_stage_seconds", "Seconds of a batch in each stage of its storing", ["stage"])
broker_connected = Gauge("sandtable_broker_connected", "1 where this process has its broker, 0 where not", ["client"])


def stage(name: str) -> AbstractContextManager[object]:
    """Count the time of the block as a stage of storing a batch."""
    return stage_seconds.labels(name).time()
