"""What a numbering device holds: positions that the platform has not yet called settled. No network in here."""

from __future__ import annotations

import contextlib
import math
import os
import random
from collections import Counter, deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

WINDOW = 500
"""Positions sent and not yet settled, at most; the rest wait."""
BATCH_ROWS = 200
BATCH_BYTES = 200 * 1024
RESEND_AFTER_S = 5.0
RESEND_AT_MOST_S = 60.0
JITTER = 0.5
"""Each wait is longer by up to this part of itself: a city that lost the platform at one moment must not come back at
one moment."""
RESEND_WINDOW = 100
"""Positions under way, at most, from sending again until something is settled: whoever is not heard does not shout."""
RESERVE = 1000
"""Numbers written to the file as used before they are, so that a crash never uses one twice."""


class Acked(msgspec.Struct):
    """The platform's answer: every number up to ``acked`` and every range in ``ahead`` is settled.

    What is not may wait its turn there, and what is sent from now on may be answered later: for ``wait_s`` seconds
    nothing need be sent again.
    """

    epoch: int
    acked: int
    ahead: list[tuple[int, int]] = []
    refused: list[tuple[int, str]] = []
    wait_s: float = 0


class _Kept(msgspec.Struct):
    epoch: int
    reserved: int
    acked: int
    rows: list[tuple[int, dict[str, Any]]]


class Unsettled:
    """The positions of one device from being numbered to being settled.

    Parameters
    ----------
    epoch : int
        Numbering series; must grow whenever numbering starts again at 1 (a device without memory: seconds since 1970).
    capacity : int
        Positions held at most; beyond it the oldest are given up and counted in ``dropped``.
    path : Path, optional
        File that carries what is held, and the numbering, over a restart or a crash.
    """

    def __init__(self, epoch: int, capacity: int = 10_000, path: Path | None = None) -> None:
        self.epoch = epoch
        self.capacity = capacity
        self.path = path
        self.acked = 0
        self.last = 0
        self.dropped = 0
        self.settled = 0
        self.refused: Counter[str] = Counter()
        self._rows: dict[int, dict[str, Any]] = {}
        self._waiting: deque[int] = deque()
        self._in_flight: set[int] = set()
        self._deadline: float | None = None
        self._patient_until = -math.inf
        self._wait_s = RESEND_AFTER_S
        self._window = WINDOW
        self._reserved = 0
        self._saved: tuple[int, int, int] | None = None
        if path is not None:
            self._load(path)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def oldest(self) -> int:
        """Lowest number still held; the next one to be given where nothing is."""
        return next(iter(self._rows), self.last + 1)

    def add(self, position: dict[str, Any]) -> int:
        """Number a position (fields of the protocol without ``seq``, ``epoch``, ``oldest``) and hold it."""
        self.last += 1
        self._rows[self.last] = position
        self._waiting.append(self.last)
        if len(self._rows) > self.capacity:
            lost = self.oldest
            del self._rows[lost]
            self._in_flight.discard(lost)
            self.dropped += 1
        if self.path is not None and self.last > self._reserved:
            self.save()
        return self.last

    def take(self, now_s: float) -> list[dict[str, Any]]:
        """Positions to send now, complete, lowest number first; [] when the window is full or nothing waits.

        Called until it returns []; each answer is one message's worth (``BATCH_ROWS``, about ``BATCH_BYTES``).
        """
        out: list[dict[str, Any]] = []
        size = 0
        oldest = self.oldest
        window = min(BATCH_ROWS, self._window - len(self._in_flight))
        while self._waiting and len(out) < window and size < BATCH_BYTES:
            seq = self._waiting.popleft()
            position = self._rows.get(seq)
            if position is None:
                continue
            row = {"seq": seq, "epoch": self.epoch, **position}
            if not out and oldest > self.acked + 1:
                row["oldest"] = oldest
            out.append(row)
            size += 200 + len(str(position.get("attrs", "")))
            self._in_flight.add(seq)
        if out and self._deadline is None:
            self._deadline = self._patiently(now_s)
        return out

    def settle(self, answer: Acked, now_s: float) -> None:
        """Let go of what the platform has settled.

        An answer about a series, or a number, that this device does not know of means that the numbering was used
        before: everything held is numbered anew in a higher series.
        """
        if answer.epoch < self.epoch:
            return
        if answer.epoch > self.epoch or answer.acked > self.last:
            self._start_series(answer.epoch + 1)
            return
        before = len(self._rows)
        for seq, reason in answer.refused:
            if self._let_go(seq):
                self.refused[reason] += 1
        while self._rows and self.oldest <= answer.acked:
            self._let_go(self.oldest)
        for first, last in answer.ahead:
            span: Iterable[int] = range(first, last + 1) if last - first < len(self._rows) else tuple(self._rows)
            for seq in span:
                if first <= seq <= last:
                    self._let_go(seq)
        if len(self._rows) < before:
            self._wait_s, self._window = RESEND_AFTER_S, WINDOW
        self._patient_until = now_s + _jittered(min(answer.wait_s, RESEND_AT_MOST_S))
        if answer.acked > self.acked:
            self.acked = answer.acked
            self._deadline = self._patiently(now_s)
        if not self._in_flight:
            self._deadline = None
        elif self._deadline is not None and answer.wait_s > 0:
            self._deadline = max(self._deadline, self._patient_until)
        elif self._deadline is not None:  # an earlier word to be patient holds no more
            self._deadline = min(self._deadline, self._patiently(now_s))

    def wait_s(self, now_s: float) -> float:
        """Seconds until :meth:`due` may become true; infinite when nothing is under way."""
        return math.inf if self._deadline is None else max(0.0, self._deadline - now_s)

    def due(self, now_s: float) -> bool:
        """Whether nothing has moved on for so long that what was sent is to be sent again (then it waits again)."""
        if self._deadline is None or now_s < self._deadline:
            return False
        self._wait_s, self._window = min(self._wait_s * 2, RESEND_AT_MOST_S), RESEND_WINDOW
        self.rewind()
        return True

    def rewind(self) -> None:
        """Everything held waits to be sent again, lowest number first: what was sent may be lost."""
        self._waiting = deque(self._rows)
        self._in_flight.clear()
        self._deadline = None
        self._patient_until = -math.inf

    def save(self) -> None:
        """Write what is held to the file, if there is one and anything changed."""
        state = (self.epoch, self.last, len(self._rows))
        if self.path is None or state == self._saved:
            return
        self._reserved = self.last + RESERVE
        kept = _Kept(self.epoch, self._reserved, self.acked, list(self._rows.items()))
        beside = self.path.with_suffix(".new")
        with beside.open("wb") as file:
            file.write(msgspec.json.encode(kept))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)
        self._saved = state

    def _load(self, path: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            kept = msgspec.json.decode(path.read_bytes(), type=_Kept)
            self.epoch, self.acked, self.last, self._reserved = kept.epoch, kept.acked, kept.reserved, kept.reserved
            self._rows = dict(kept.rows)
            self._waiting = deque(self._rows)

    def _patiently(self, now_s: float) -> float:
        """When what is sent now is to be sent again at the earliest."""
        return max(now_s + _jittered(self._wait_s), self._patient_until)

    def _let_go(self, seq: int) -> bool:
        if self._rows.pop(seq, None) is None:
            return False
        self._in_flight.discard(seq)
        self.settled += 1
        return True

    def _start_series(self, epoch: int) -> None:
        held = list(self._rows.values())
        self.epoch, self.acked, self.last = epoch, 0, len(held)
        self._rows = dict(enumerate(held, 1))
        self.rewind()
        self.save()


def _jittered(wait_s: float) -> float:
    return wait_s * random.uniform(1, 1 + JITTER)  # noqa: S311 - nothing secret
