"""A queue of messages that knows what it weighs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from devices.ingest.decode import Received

OVERHEAD_BYTES = 300
"""About what a message takes in memory beside its payload: topic, time, mark, and what holds them together."""


def size_of(messages: Iterable[Received]) -> int:
    """What messages take in memory, bytes."""
    return sum([len(message.payload) + OVERHEAD_BYTES for message in messages])


class Queue:
    """Messages in their order. ``size``: what they take in memory, bytes."""

    def __init__(self) -> None:
        self._messages: deque[Received] = deque()
        self.size = 0

    def __len__(self) -> int:
        return len(self._messages)

    def extend(self, messages: list[Received]) -> None:
        """Put messages behind all others."""
        self._messages.extend(messages)
        self.size += size_of(messages)

    def put_before(self, other: Queue) -> None:
        """Put what is in another queue before all others, and empty that one."""
        size = other.size
        self._messages.extendleft(reversed(other.clear()))
        self.size += size

    def clear(self) -> list[Received]:
        """Take everything."""
        messages = list(self._messages)
        self._messages.clear()
        self.size = 0
        return messages

    def take(self, most: int, most_bytes: int) -> list[Received]:
        """The first messages, with payloads of ``most_bytes`` in all; at least one where ``most`` allows it."""
        heap: list[Received] = []
        payloads = 0
        while self._messages and len(heap) < most:
            payloads += len(self._messages[0].payload)
            if heap and payloads > most_bytes:
                break
            heap.append(self._messages.popleft())
        self.size -= size_of(heap)
        return heap

    def drop_newest(self, excess: int) -> list[Received]:
        """Drop the newest until ``excess`` bytes are freed, and return them.

        What waits for an acknowledgement stays: the broker hands over few of these, and cannot be asked again.
        """
        dropped: list[Received] = []
        kept: list[Received] = []
        while self._messages and excess > 0:
            message = self._messages.pop()
            if message.ack is not None:
                kept.append(message)
                continue
            size = len(message.payload) + OVERHEAD_BYTES
            excess -= size
            self.size -= size
            dropped.append(message)
        self._messages.extend(reversed(kept))
        return dropped
