"""What an ingest worker remembers of devices: who they are, and which of their numbers are settled."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager

import psycopg

from devices.ingest.decode import Decoder
from devices.ingest.meters import Meters
from devices.ingest.numberings import read_numberings
from devices.ingest.registry import KnownDevice, Registry
from devices.numbering import Numbering

WARM_AT_ONCE = 20_000


class Memory:
    """A copy of what the database holds; :meth:`forget` after a failure makes it be read again."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters
        self._registry = Registry()
        self._numberings: dict[int, Numbering] = {}
        self._cold: list[KnownDevice] = []
        self.decoder = Decoder(self._registry.devices)

    @property
    def devices(self) -> dict[str, KnownDevice]:
        """Registered devices by identifier."""
        return self._registry.devices

    @property
    def is_cold(self) -> bool:
        """Whether something is worth reading before it is asked for."""
        return bool(self._cold)

    @property
    def settled(self) -> Mapping[int, Numbering]:
        """Between two transactions: the numberings known so far, by device key, as the database has them."""
        return self._numberings

    def refresh(self, cursor: psycopg.Cursor) -> bool:
        """Read devices that changed; True where all were read, and nothing else may be trusted any more.

        Keys may mean something else then (a restored database).
        """
        changed = self._registry.refresh(cursor)
        if changed is None:
            self.decoder = Decoder(self.devices)
            self._meters.know(self.devices.values())
            gc.collect()
            gc.freeze()  # they stay until they are replaced: no need to look through all of them again and again
            return True
        self.decoder.forget(changed)
        devices = [self.devices[identifier] for identifier in changed]
        self._meters.know(devices)
        for device in devices:
            self._numberings.pop(device.id, None)
        return False

    def forget(self, shards: Collection[int]) -> None:
        """Drop the numberings; those of devices of ``shards`` will be asked for."""
        self._numberings.clear()
        self._cold = [device for device in self.devices.values() if device.shard in shards]

    def numberings(self, cursor: psycopg.Cursor, devices: Iterable[KnownDevice]) -> dict[int, Numbering]:
        """Numberings by device key, those of ``devices`` among them."""
        wanted = {device.id for device in devices if device.id not in self._numberings}
        if wanted:
            self._numberings |= {id_: Numbering() for id_ in wanted} | read_numberings(cursor, wanted)
        return self._numberings

    def warm(
        self,
        begin: Callable[[], AbstractContextManager[psycopg.Cursor]],
        recall: Callable[[psycopg.Cursor, list[int]], None],
        seconds: float,
    ) -> None:
        """Read for so long what is known of devices before they report: at first sight it would cost a multiple.

        Parameters
        ----------
        begin : callable
            Opens a transaction.
        recall : callable
            Reads what is known of assets.
        """
        until = time.monotonic() + seconds
        while self._cold and time.monotonic() < until:
            some, self._cold = self._cold[:WARM_AT_ONCE], self._cold[WARM_AT_ONCE:]
            with begin() as cursor:
                self.numberings(cursor, (device for device in some if device.numbered))
                recall(cursor, [device.asset for device in some if device.asset is not None])
