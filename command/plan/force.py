"""Whether a change of areas is in force on the live stream: what the ingest processes say they judge by."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.utils import timezone

from command.plan.models import AreaDraft
from devices.ingest.leases import LEASE_S
from devices.models import Worker


class Force(NamedTuple):
    """How far a change has come.

    Attributes
    ----------
    in_force : bool
        Every ingest process that is alive judges by it; false where none is alive.
    workers, told : int
        How many are alive, and how many of them judge by it.
    after_s : float or None
        How long it took from the change to the last of them.
    """

    in_force: bool
    workers: int
    told: int
    after_s: float | None


def force_of(draft: AreaDraft) -> Force:
    """How far what a draft made has come; ``draft.in_force_at`` is set."""
    alive = list(Worker.objects.filter(seen_at__gt=timezone.now() - timedelta(seconds=LEASE_S)))
    told = [w for w in alive if w.areas_stamp is not None and w.areas_stamp >= (draft.stamp or 0)]
    whole = bool(alive) and len(told) == len(alive)
    # A process that started later read it at its start: that says nothing of how long the change took.
    at = [w.areas_read_at for w in told if w.areas_read_at is not None]
    after_s = (max(at) - draft.in_force_at).total_seconds() if whole and at and draft.in_force_at else None
    return Force(whole, len(alive), len(told), None if after_s is None else round(max(after_s, 0.0), 3))
