"""What the ingest worker takes next of what has arrived, and which of it is its own to store."""

from __future__ import annotations

import logging
import threading

from devices.ingest.answers import patience
from devices.ingest.backlog import Backlog
from devices.ingest.decode import Received
from devices.ingest.heaps import MOST_AT_ONCE, Heaps
from devices.ingest.leases import Leases
from devices.ingest.memory import Memory
from devices.ingest.meters import handed_on_total, overflow_total, repeated_waiting_total
from devices.ingest.pushed import Pushes
from devices.ingest.receiver import Receiver, packed
from devices.ingest.storing import Storing

logger = logging.getLogger(__name__)

FLUSH_S = 0.1
PATIENT_S = 15.0
"""After a shard changed hands its devices have this long to send again, in order, what was under way."""
PRESSED = 5_000
PRESSED_BYTES = 2 << 20
"""Messages and pushed rows, or what messages take in memory, that are worth reading while others are written."""


class Supply:
    """One a worker; ``heaps``: what has arrived and was not taken yet."""

    def __init__(
        self, receiver: Receiver, pushes: Pushes, leases: Leases, memory: Memory, stopping: threading.Event
    ) -> None:
        self.heaps = Heaps(receiver)
        self._receiver = receiver
        self._pushes = pushes
        self._leases = leases
        self._memory = memory
        self._stopping = stopping
        self._backlog = Backlog()

    @property
    def patient(self) -> frozenset[int]:
        """Shards that changed hands so lately that numbers may come before their turn."""
        return self._leases.taken_within(PATIENT_S)

    @property
    def is_pressing(self) -> bool:
        """Whether so much waits that it is read while the parcel before it is written.

        With less, answers would wait for no gain.
        """
        return self._waiting >= PRESSED or self._receiver.waiting_bytes >= PRESSED_BYTES

    @property
    def _waiting(self) -> int:
        """Messages, and rows of other ways in."""
        return self.heaps.waiting + self._pushes.rows

    def gather(self, storing: Storing) -> list[Received]:
        """What goes into the next transaction; waits a moment for it, unless one is being written."""
        if not storing.is_writing:
            self._receiver.arrived.wait(0 if self.heaps.left or self._memory.is_cold else FLUSH_S)
            if (self._receiver.waiting or self._pushes.waiting) and self._waiting < MOST_AT_ONCE:
                # A full heap costs hardly more than one message; give it a moment to fill.
                self._stopping.wait(FLUSH_S)
        # Of a shard that changed hands, a number before its turn is left for its device to send again.
        taken = self.heaps.take(in_order=bool(self.patient))
        if taken.overflowed:
            overflow_total.inc(taken.overflowed)
            logger.error("ingest: no room for %d messages; numbering devices will send again", taken.overflowed)
        if taken.repeated:
            repeated_waiting_total.inc(len(taken.repeated))
            packets = packed(patience(taken.repeated, self._memory.devices, self._memory.settled))
            # Numbers of a parcel that is written are settled in memory, and not yet for devices.
            if not storing.say_after(packets):
                self._receiver.send(packets)
        self._backlog.follow(self.heaps.waiting + len(taken.heap), self.heaps.left)
        return taken.heap

    def mine(self, heap: list[Received]) -> list[Received]:
        """What is this worker's to store; messages of other shards go where they belong."""
        mine: list[Received] = []
        others: list[Received] = []
        nobodys: list[Received] = []
        for message in heap:
            shard = int(message.topic.split("/", 4)[3])
            if shard in self._leases.tokens:
                mine.append(message)
            elif not self._receiver.listens(shard):
                others.append(message)
            elif message.ack is not None:
                nobodys.append(message)  # or perhaps no longer ours: the next second tells
        self.heaps.hold(nobodys)
        self._receiver.hand_on(others)
        handed_on_total.inc(len(others))
        return mine
