"""What has arrived and is not stored yet, cut into what goes into one transaction: the present before the past.

As long as one transaction takes all there is, everything is stored in the order in which it came. Where more waits, a
network that came back after an hour must not keep the present from the screens: messages that tell of the past step
aside, and are worked off behind those that tell of now. A device's numbers may be settled out of order; its answer
says so (``ahead``). What is sent again while it waits here is dropped unread: taken for a repetition in error, it is
not settled either, so its device sends it once more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from devices.exceptions import RefusedError
from devices.ingest.decode import Received
from devices.ingest.queues import Queue
from devices.ingest.receiver import MOST_WAITING_BYTES, Receiver
from devices.messages import time_us

MOST_AT_ONCE = 20_000
MOST_BYTES_AT_ONCE = 3 << 20
"""Of payloads: about as many positions in batches as there may be single ones."""
SHARE_OF_THE_PAST = 5
"""However much of the present waits: a fifth of a transaction is the past's, or it would never end."""
PAST_AFTER_US = 60 * 1_000_000
_TIME = re.compile(rb'"time"\s*:\s*(?:(\d+)|"([^"]{1,64})")')
_NUMBER = re.compile(rb'"seq"\s*:\s*(\d+)')


class Taken(NamedTuple):
    """What goes into the next transaction.

    ``overflowed``: messages there was no room for; ``repeated``: topics of what was dropped because it waits here.
    """

    heap: list[Received]
    overflowed: int
    repeated: list[str]


class Heaps:
    """The worker's heap; all but what the receiver hears belongs to the worker's thread."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._present = Queue()
        self._past = Queue()
        self._held: list[Received] = []
        self._here: set[int] = set()
        self._undivided = False

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

    def take(self, in_order: bool = False) -> Taken:
        """Cut off what goes into the next transaction.

        Parameters
        ----------
        in_order : bool, optional
            Let nothing overtake, and drop no repetition: what waits may be before its turn.
        """
        arrived, overflowed = self._receiver.take()
        held, self._held = self._held, []
        arrived = [message for message in held if self._receiver.is_open(message)] + arrived
        if not self.left and not _exceeds(arrived):
            return Taken(arrived, overflowed, [])
        repeated: list[str] = []
        if in_order:
            self._present.put_before(self._past)
            self._present.extend(arrived)
        else:
            arrived, repeated = self._without_repetitions(arrived)
            present, past = _divide([*(self._present.clear() if self._undivided else ()), *arrived])
            self._present.extend(present)
            self._past.extend(past)
        overflowed += self._make_room()
        share = SHARE_OF_THE_PAST if self._past else 0
        heap = self._present.take(
            MOST_AT_ONCE - MOST_AT_ONCE // share if share else MOST_AT_ONCE,
            MOST_BYTES_AT_ONCE - MOST_BYTES_AT_ONCE // share if share else MOST_BYTES_AT_ONCE,
        )
        heap += self._past.take(MOST_AT_ONCE - len(heap), MOST_BYTES_AT_ONCE - _payloads(heap))
        if self.left:
            self._here.difference_update(mark for message in heap for mark in _marks(message))
        else:
            self._here.clear()
        # What was put together in its order may hold some of the past.
        self._undivided = in_order and bool(self.left)
        return Taken(heap, overflowed, repeated)

    def _without_repetitions(self, arrived: list[Received]) -> tuple[list[Received], list[str]]:
        """Those of which something does not wait here yet, and the topics of the others.

        What the broker waits for is kept: it has to be acknowledged once it is stored.
        """
        kept, repeated = [], []
        here = self._here
        for message in arrived:
            marks = _marks(message) if message.ack is None else ()
            if marks and here.issuperset(marks):
                repeated.append(message.topic)
            else:
                here.update(marks)
                kept.append(message)
        return kept, repeated

    def _make_room(self) -> int:
        """Drop where there is no room: the newest messages of the past go first; their devices send them again."""
        dropped: list[Received] = []
        for queue in (self._past, self._present):
            excess = self._past.size + self._present.size - MOST_WAITING_BYTES
            dropped += queue.drop_newest(excess)
        self._here.difference_update(mark for message in dropped for mark in _marks(message))
        return len(dropped)


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


def _marks(message: Received) -> list[int]:
    """What stands for each number in a message of positions: its hash with the topic's, for there may be millions.

    Two that are alike by chance cost a device a wait, not a position.
    """
    if not message.topic.endswith(("/pos", "/batch")):
        return []
    topic = message.topic.rpartition("/")[0]
    return [hash((topic, number)) for number in _NUMBER.findall(message.payload)]


def _divide(messages: list[Received]) -> tuple[list[Received], list[Received]]:
    """Those that tell of now, and those that tell of the past, each in their order."""
    present: list[Received] = []
    past: list[Received] = []
    for message in messages:
        (past if tells_of_the_past(message) else present).append(message)
    return present, past


def _exceeds(arrived: list[Received]) -> bool:
    """Whether this is more than one transaction takes."""
    return len(arrived) > MOST_AT_ONCE or _payloads(arrived) > MOST_BYTES_AT_ONCE


def _payloads(messages: Iterable[Received]) -> int:
    return sum([len(message.payload) for message in messages])
