"""What has arrived and is not stored yet, cut into what goes into one transaction: the present before the past.

As long as one transaction takes all there is, everything is stored in the order in which it came. Where more waits, a
network that came back after an hour must not keep the present from the screens: messages that tell of the past step
aside, and are worked off behind those that tell of now. A device's numbers may be settled out of order; its answer
says so (``ahead``).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable

from devices.exceptions import RefusedError
from devices.ingest.decode import Received
from devices.ingest.receiver import MOST_WAITING_BYTES, Receiver
from devices.messages import time_us

MOST_AT_ONCE = 20_000
MOST_BYTES_AT_ONCE = 3 << 20
"""About as many positions in batches as there may be single ones."""
SHARE_OF_THE_PAST = 5
"""However much of the present waits: a fifth of a transaction is the past's, or it would never end."""
PAST_AFTER_US = 60 * 1_000_000
_TIME = re.compile(rb'"time"\s*:\s*(?:(\d+)|"([^"]{1,64})")')


class Heaps:
    """The worker's heap; all but what the receiver hears belongs to the worker's thread."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._present: deque[Received] = deque()
        self._past: deque[Received] = deque()
        self._held: list[Received] = []
        self._bytes = 0

    @property
    def waiting(self) -> int:
        """Messages that wait here or with the receiver."""
        return self._receiver.waiting + self.left + len(self._held)

    @property
    def left(self) -> int:
        """Messages that did not fit into the last transaction."""
        return len(self._present) + len(self._past)

    @property
    def past(self) -> int:
        """Messages of the past that stepped aside."""
        return len(self._past)

    def hold(self, messages: Iterable[Received]) -> None:
        """Messages whose owner the next second will tell."""
        self._held += messages

    def take(self, in_order: bool = False) -> tuple[list[Received], int]:
        """What goes into the next transaction, and how many messages there was no room for.

        Parameters
        ----------
        in_order : bool, optional
            Let nothing overtake.
        """
        arrived, overflowed = self._receiver.take()
        held, self._held = self._held, []
        arrived = [message for message in held if self._receiver.is_open(message)] + arrived
        if in_order:
            self._present.extendleft(reversed(self._past))
            self._past.clear()
        elif self._past or _exceeds(self._present, arrived):
            arrived, past = _divide([*self._present, *arrived])
            self._present.clear()
            self._past.extend(past)
        overflowed += self._keep(arrived)
        share = SHARE_OF_THE_PAST if self._past else 0
        heap = _take(
            self._present,
            MOST_AT_ONCE - MOST_AT_ONCE // share if share else MOST_AT_ONCE,
            MOST_BYTES_AT_ONCE - MOST_BYTES_AT_ONCE // share if share else MOST_BYTES_AT_ONCE,
        )
        heap += _take(self._past, MOST_AT_ONCE - len(heap), MOST_BYTES_AT_ONCE - _size(heap))
        self._bytes = _size(self._present) + _size(self._past)
        return heap, overflowed

    def _keep(self, arrived: list[Received]) -> int:
        """Make room where there is none: the newest messages of the past go first; their devices send them again."""
        self._present.extend(arrived)
        self._bytes = _size(self._present) + _size(self._past)
        dropped = 0
        for queue in (self._past, self._present):
            kept: list[Received] = []
            while queue and self._bytes > MOST_WAITING_BYTES:
                message = queue.pop()
                if message.ack is not None:
                    kept.append(message)  # the broker hands over few of these, and cannot be asked again
                    continue
                self._bytes -= len(message.payload)
                dropped += 1
            queue.extend(reversed(kept))
        return dropped


def tells_of_the_past(message: Received) -> bool:
    """Whether a message's last position is from before the last minute; what has no time to be read is of now."""
    payload = message.payload
    match = _TIME.match(payload, payload.rfind(b'"time"')) if message.topic.endswith(("/pos", "/batch")) else None
    if match is None:
        return False
    try:
        at_us = int(match[1]) * 1000 if match[1] else time_us(match[2].decode("ascii", "replace"))
    except RefusedError:
        return False
    return at_us < message.at_us - PAST_AFTER_US


def _divide(messages: list[Received]) -> tuple[list[Received], list[Received]]:
    """Those that tell of now, and those that tell of the past, each in their order."""
    present: list[Received] = []
    past: list[Received] = []
    for message in messages:
        (past if tells_of_the_past(message) else present).append(message)
    return present, past


def _exceeds(waiting: Iterable[Received], arrived: list[Received]) -> bool:
    """Whether this is more than one transaction takes."""
    messages = [*waiting, *arrived]
    return len(messages) > MOST_AT_ONCE or _size(messages) > MOST_BYTES_AT_ONCE


def _size(messages: Iterable[Received]) -> int:
    return sum([len(message.payload) for message in messages])


def _take(queue: deque[Received], most: int, most_bytes: int) -> list[Received]:
    """The first messages of a queue; at least one where ``most`` allows it."""
    heap: list[Received] = []
    size = 0
    while queue and len(heap) < most:
        size += len(queue[0].payload)
        if heap and size > most_bytes:
            break
        heap.append(queue.popleft())
    return heap
