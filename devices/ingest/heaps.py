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
_DECADE_US = 10 * 1_000_000
"""Times in milliseconds that differ in the last four digits only."""
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
        self._here: dict[str, Received | set[int]] = {}
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
            self._leave(heap)
        else:
            self._here.clear()
        # What was put together in its order may hold some of the past.
        self._undivided = in_order and bool(self.left)
        return Taken(heap, overflowed, repeated)

    def _without_repetitions(self, arrived: list[Received]) -> tuple[list[Received], list[str]]:
        """Those of which something does not wait here yet, and the topics of the others.

        Hardly any device has a second message here, so only of those that have are the numbers read: by device, its
        only message, or the numbers of all of them. What the broker waits for is kept: it has to be acknowledged once
        it is stored.
        """
        kept, repeated = [], []
        here = self._here
        for message in arrived:
            place = message.topic.rpartition("/")[0]
            known = here.setdefault(place, message)
            if known is not message:
                if isinstance(known, Received):
                    known = here[place] = _numbers(known)
                numbers = _numbers(message)
                if numbers and known.issuperset(numbers):
                    repeated.append(message.topic)
                    continue
                known |= numbers
            kept.append(message)
        return kept, repeated

    def _leave(self, messages: list[Received]) -> None:
        """These do not wait here any more."""
        here = self._here
        for message in messages:
            place = message.topic.rpartition("/")[0]
            known = here.get(place)
            if isinstance(known, set):
                known -= _numbers(message)
            if known is message or known == set():
                del here[place]

    def _make_room(self) -> int:
        """Drop where there is no room: the newest messages of the past go first; their devices send them again."""
        dropped: list[Received] = []
        for queue in (self._past, self._present):
            excess = self._past.size + self._present.size - MOST_WAITING_BYTES
            dropped += queue.drop_newest(excess)
        self._leave(dropped)
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


def _numbers(message: Received) -> set[int]:
    """The numbers in a message of positions that nobody has to acknowledge to the broker."""
    if message.ack is not None or not message.topic.endswith(("/pos", "/batch")):
        return set()
    return {int(number[-18:]) for number in _NUMBER.findall(message.payload)}


def _divide(messages: list[Received]) -> tuple[list[Received], list[Received]]:
    """Those that tell of now, and those that tell of the past, each in their order."""
    present: list[Received] = []
    past: list[Received] = []
    decade, now, before = -1, b"", b""
    for message in messages:
        if message.at_us // _DECADE_US != decade:
            decade = message.at_us // _DECADE_US
            now, before = b'"time":%d' % decade, b'"time":%d' % (decade - 1)
        # As most do: written in milliseconds, and of the last seconds. Else it is looked at closely.
        payload = message.payload
        is_past = not (now in payload or before in payload) or message.topic.endswith("/batch")
        (past if is_past and tells_of_the_past(message) else present).append(message)
    return present, past


def _exceeds(arrived: list[Received]) -> bool:
    """Whether this is more than one transaction takes."""
    return len(arrived) > MOST_AT_ONCE or _payloads(arrived) > MOST_BYTES_AT_ONCE


def _payloads(messages: Iterable[Received]) -> int:
    return sum([len(message.payload) for message in messages])
