"""Parcels of messages on their way into the database: one transaction each, in their order.

While one is written, by a thread of its own (:mod:`twin.later`), the next one may be read: that needs memory only, and
what of it has to be asked of the database is asked after all that was written. What devices are told of a parcel is
put together before the next one is read, for reading moves the numberings, and said once its transaction is through.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial

from devices.ingest.answers import Answers
from devices.ingest.decode import Decoded, Received
from devices.ingest.leases import Leases
from devices.ingest.ledger import write_refusals
from devices.ingest.memory import Memory
from devices.ingest.numberings import write_numberings
from devices.ingest.pushed import Part, Pushes
from devices.ingest.receiver import packed
from devices.ingest.said import store_said
from devices.ingest.singly import store_singly
from twin.intake import Intake, Outcome
from twin.later import Writer, later
from twin.meters import stage
from twin.observers import Message
from twin.present import Current


@dataclass(eq=False)
class Parcel:
    """What goes into one transaction; ``read``: what it came to, once that is known."""

    messages: list[Received]
    singly: bool = False
    """The database would not take it as a whole."""
    read: Read | None = None


@dataclass(frozen=True)
class Read:
    """What a parcel came to; ``since``: when reading it began (of :func:`time.perf_counter`)."""

    decoded: Decoded
    parts: list[Part]
    since: float


@dataclass
class Written:
    """A parcel whose transaction is under way; ``answers``: packets for the broker once it is through."""

    parcel: Parcel
    read: Read
    outcome: Outcome
    switched: list[Current]
    messages: list[Message]
    answers: bytes
    committed: Future[None]


class Storing:
    """The parcels at hand, two at most: one that is written, and the next one.

    After any failure :meth:`put_back`, and what the worker remembers is forgotten: they are then read and written anew.
    """

    def __init__(self, leases: Leases, memory: Memory, intake: Intake, pushes: Pushes) -> None:
        self._leases = leases
        self._memory = memory
        self._intake = intake
        self._pushes = pushes
        self._answers = Answers()
        self._parcels: deque[Parcel] = deque()
        self._begun: Parcel | None = None
        self._written: Written | None = None

    @property
    def is_writing(self) -> bool:
        """Whether a transaction is under way."""
        return self._written is not None

    @property
    def has_read(self) -> bool:
        """Whether a parcel is read and waits to be written."""
        return any(parcel.read is not None for parcel in self._parcels if parcel is not self._begun)

    def unread(self) -> Parcel | None:
        """The first parcel that has to be read (again)."""
        return next((parcel for parcel in self._parcels if parcel.read is None), None)

    def take(self, messages: list[Received]) -> Parcel:
        """A new parcel, behind all others."""
        parcel = Parcel(messages)
        self._parcels.append(parcel)
        return parcel

    def drop(self, parcel: Parcel) -> None:
        """A parcel with nothing in it."""
        self._parcels.remove(parcel)

    def say_after(self, packets: bytes) -> bool:
        """Say something with the answers of what is being written; False where nothing is."""
        if self._written is None:
            return False
        self._written.answers += packets
        return True

    def owed(self) -> bytes:
        """Packets for devices whose answers were spared; only while nothing is read or written."""
        return packed(self._answers.owed(self._memory.settled))

    def read(self, writer: Writer, parcel: Parcel, patient: frozenset[int]) -> None:
        """Read a parcel; see :meth:`devices.ingest.decode.Decoder.decode`."""
        since = time.perf_counter()
        with stage("decode"):
            recall = partial(self._memory.numberings, writer.cursor())
            decoded = self._memory.decoder.decode(parcel.messages, recall, patient)
            parts = self._pushes.decode(decoded, self._memory.devices, self._leases.tokens)
        parcel.read = Read(decoded, parts, since)

    def write(self, writer: Writer, is_more: bool) -> None:
        """Begin, and have written what the first parcel came to; :meth:`settle` ends it.

        Parameters
        ----------
        is_more : bool
            Whether more waits than went into the parcels.
        """
        parcel = self._begun = self._parcels[0]
        assert parcel.read is not None
        decoded = parcel.read.decoded
        cursor = writer.begin()
        later(cursor, lambda writing: self._leases.assert_held(writing, decoded.shards))
        if parcel.singly:
            with cursor.connection.cursor() as plain:
                outcome = store_singly(plain, self._intake, decoded, self._memory.devices.values())
        else:
            outcome = self._intake.store(cursor, decoded.batch)
        switched, heard = store_said(cursor, self._intake, decoded.said)
        messages = outcome.messages + self._intake.heard(cursor, heard)
        write_numberings(cursor, {id_: decoded.numberings[id_] for id_ in decoded.moved})
        if decoded.refused:
            later(cursor, lambda writing: write_refusals(writing, decoded.refused))
        committed = writer.commit()
        told = packed(self._answers.after(decoded, is_more))
        self._written = Written(parcel, parcel.read, outcome, switched, messages, told, committed)

    def settle(self) -> Written | None:
        """Wait for the end of the transaction that is under way, if one is.

        Raises
        ------
        Exception
            It did not get there.
        """
        written = self._written
        if written is None:
            return None
        written.committed.result()
        self._begun = self._written = None
        self._parcels.popleft()
        return written

    def refused(self) -> bool:
        """The database refused what is in the parcel that was begun: whether its rows can be tried one by one."""
        if self._begun is None or self._begun.singly:
            return False
        self._begun.singly = True
        return True

    def put_back(self) -> None:
        """Nothing that was read or written counts any more; no transaction is under way."""
        self._begun = self._written = None
        for parcel in self._parcels:
            parcel.read = None
        self._pushes.put_back()
        self._answers.forget()
