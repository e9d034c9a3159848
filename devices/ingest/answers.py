"""What devices are answered once their numbers are settled, and when.

An answer costs the broker as much as a position. As long as the worker keeps up, every device is answered each time.
With much to do, a device that was answered lately, and told to be patient, is spared: its next answer says it all.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

import msgspec

from devices.ingest.decode import Decoded
from devices.ingest.registry import KnownDevice
from devices.numbering import Numbering
from devices.topics import PREFIX

WAIT_S = 45
"""A device of which something waits here, or whose answers are spared, need not send again so soon."""
SPARED_S = 30.0
"""So long a device may wait for its next answer, at most."""
SPARED_NUMBERS = 100
"""And over so many numbers: it may have 500 under way."""
MUCH = 2_500
"""Positions in one transaction from which on answers are spared."""
CALM_S = 5.0
"""Without such a transaction for so long, everybody is answered again."""
OWED_AT_ONCE = 5_000


class Answers:
    """Whom to answer; one a worker.

    Parameters
    ----------
    clock : callable
        Seconds, of any beginning.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._calm_at = -math.inf
        self._lately: dict[int, int] = {}
        """By key of devices that were told to be patient: up to where they were told that all is settled."""
        self._told: deque[tuple[float, list[KnownDevice]]] = deque()
        """Who is in there, and since when."""
        self._owed: dict[int, KnownDevice] = {}

    def forget(self) -> None:
        """Owe nobody anything: who hears nothing sends again, and is answered."""
        self._lately.clear()
        self._told.clear()
        self._owed.clear()

    def after(self, decoded: Decoded, is_more: bool = False) -> Iterator[tuple[str, bytes]]:
        """Topic and payload for numbering devices that a heap came from, and for those whose answer is due.

        Whoever is refused a number, leaves a gap, or repeats what is settled, is always answered; and told to be
        patient only where what is missing may be here.

        Parameters
        ----------
        is_more : bool, optional
            Whether more waits here than went into this heap.
        """
        now = self._clock()
        if decoded.rows >= MUCH:
            self._calm_at = now + CALM_S
        if now < self._calm_at:
            yield from self._sparingly(decoded, now, WAIT_S if is_more else 0)
            return
        for device in decoded.numbering:
            self._owed.pop(device.id, None)
            yield _answer(device, decoded.numberings[device.id], decoded.faults.get(device.identifier, []), 0)
        yield from self.owed(decoded.numberings)

    def owed(self, settled: Mapping[int, Numbering]) -> Iterator[tuple[str, bytes]]:
        """Topic and payload for some of those who were spared, once there is less to do."""
        if self._clock() < self._calm_at:
            return
        self._lately.clear()
        self._told.clear()
        for id_ in list(islice(self._owed, OWED_AT_ONCE)):
            device = self._owed.pop(id_)
            if id_ in settled:
                yield _answer(device, settled[id_], [], 0)

    def _sparingly(self, decoded: Decoded, now: float, missing_s: int) -> Iterator[tuple[str, bytes]]:
        numberings, told = decoded.numberings, []
        for device in self._due(now - SPARED_S):
            if device.id in numberings:
                told.append(device)
                self._lately[device.id] = numberings[device.id].acked
                yield _answer(device, numberings[device.id], [], WAIT_S)
        for device in decoded.numbering:
            id_ = device.id
            numbering, faults = numberings[id_], decoded.faults.get(device.identifier, [])
            before = self._lately.get(id_)
            if before is None:
                told.append(device)
            has_gap = bool(numbering.ahead) or id_ not in decoded.moved
            if before is not None and not has_gap and not faults:
                if numbering.acked == before:
                    continue  # told just now
                if before < numbering.acked < before + SPARED_NUMBERS:
                    self._owed[id_] = device
                    continue
            self._owed.pop(id_, None)
            self._lately[id_] = numbering.acked
            yield _answer(device, numbering, faults, missing_s if has_gap else WAIT_S)
        self._told.append((now, told))

    def _due(self, before: float) -> Iterator[KnownDevice]:
        """Those told last at ``before``, or earlier, who are owed an answer; the others among them are let go of."""
        while self._told and self._told[0][0] <= before:
            for device in self._told.popleft()[1]:
                del self._lately[device.id]
                if self._owed.pop(device.id, None) is not None:
                    yield device


def patience(
    topics: Iterable[str], devices: Mapping[str, KnownDevice], settled: Mapping[int, Numbering]
) -> Iterator[tuple[str, bytes]]:
    """Topic and payload for each numbering device that repeated what waits here: what is settled, and to wait.

    Parameters
    ----------
    topics : iterable of str
        Where repetitions came from.
    settled : mapping
        Numberings by device key, as they are stored; a device that is not among them is told nothing.
    """
    for identifier in {name.split("/")[-2]: None for name in topics}:
        device = devices.get(identifier)
        if device is not None and device.numbered and device.id in settled:
            yield _answer(device, settled[device.id], [], WAIT_S)


def _answer(
    device: KnownDevice, numbering: Numbering, refused: list[tuple[int, str]], wait_s: int
) -> tuple[str, bytes]:
    # Mostly nothing beyond numbers is to be said, and there are many to be told.
    ahead = msgspec.json.encode(numbering.ahead) if numbering.ahead else b"[]"
    why = msgspec.json.encode(refused) if refused else b"[]"
    waits = b',"wait_s":%d}' % wait_s if wait_s else b"}"
    return (
        f"{PREFIX}/{device.kind}/{device.shard}/{device.identifier}/acked",
        b'{"epoch":%d,"acked":%d,"ahead":%b,"refused":%b%b' % (numbering.epoch, numbering.acked, ahead, why, waits),
    )
