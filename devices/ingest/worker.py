"""The ingest worker: takes heaps of messages, stores each in one transaction, then answers.

Stored, then acknowledged, then shown. Whatever fails rolls the whole heap back, and memory is read again from the
database before it, and the one that was read meanwhile, are tried once more; numbers that were settled after all are
then recognised.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import django.db
import psycopg

from devices.exceptions import LeaseLostError
from devices.ingest.leases import RENEW_S, Leases
from devices.ingest.ledger import count_refusals
from devices.ingest.memory import Memory
from devices.ingest.meters import (
    Meters,
    failures_total,
    flush_seconds,
    past_messages,
    queue_messages,
    shards_held,
)
from devices.ingest.pushed import Pushes
from devices.ingest.receiver import Receiver
from devices.ingest.session import open_session
from devices.ingest.stale import Stale
from devices.ingest.storing import Storing
from devices.ingest.supply import FLUSH_S, Supply
from gis.regions import district_index
from twin.intake import Intake
from twin.later import Writer
from twin.live.frames import encode_update
from twin.live.hub import live_topic
from twin.meters import broker_connected
from twin.observers import make_observers
from twin.present import Current

logger = logging.getLogger(__name__)

RETRY_S = 0.5
WARM_S = 2.0
NOTICE_TOPICS = frozenset({"devices", "assets", "areas", "regions"})


class IngestWorker:
    """One ingest process.

    Parameters
    ----------
    name : str
        Stable name of this worker; also names its session at the broker.
    mqtt_url : str
        Broker, with the platform's account.
    database : dict
        Keyword arguments of :func:`psycopg.connect`.
    """

    def __init__(self, name: str, mqtt_url: str, database: dict) -> None:
        self.name = name
        # Two processes of one name would take each other's lease for their own.
        self._leases = Leases(f"{name}@{socket.gethostname()[:24]}:{os.getpid()}")
        self._receiver = Receiver(name, mqtt_url)
        self._pushes = Pushes(mqtt_url, self._receiver.arrived)
        self._database = database
        self._writer: Writer | None = None
        self._meters = Meters()
        self._memory = Memory(self._meters)
        self._devices = self._memory.devices
        self._intake = Intake(make_observers())
        self._stale = Stale(NOTICE_TOPICS | self._intake.topics, database)
        self._stopping = threading.Event()
        self._frames = time.time_ns()
        self._forgotten = 0
        self._renewed_at = 0.0
        self._signed_at = 0.0
        self._storing = Storing(self._leases, self._memory, self._intake, self._pushes)
        self._supply = Supply(self._receiver, self._pushes, self._leases, self._memory, self._stopping)
        self._others: frozenset[int] = frozenset()
        self._areas_stamp: int | None = None
        queue_messages.set_function(lambda: self._supply.heaps.waiting)
        past_messages.set_function(lambda: self._supply.heaps.past)
        broker_connected.labels("ingest").set_function(lambda: float(self._receiver.connected.is_set()))

    def stop(self) -> None:
        """Finish the heap at hand and end; safe from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Work until stopped."""
        self._stale.watch(self._stopping, self._receiver.arrived)
        self._receiver.start()
        self._pushes.start()
        try:
            while not self._stopping.is_set():
                try:
                    self._turn()
                except (psycopg.Error, django.db.Error, LeaseLostError) as error:
                    self._recover(error)
        finally:
            self._finish()

    def _turn(self) -> None:
        """Settle the parcel that is written, have the next one written."""
        storing = self._storing
        # What is stale has to be read while nothing is at hand.
        if storing.is_writing and self._supply.is_pressing and not self._stale.waiting:
            self._read_next()
        self._settle()
        self._keep_house()
        if storing.has_read or self._read_next():
            storing.write(self._connect(), bool(self._supply.heaps.left))
        else:
            self._receiver.send(storing.owed())
            self._memory.warm(self._begin, self._intake.recall, FLUSH_S)

    def _read_next(self) -> bool:
        """Read what goes into the next transaction; False where there is nothing."""
        storing = self._storing
        parcel = storing.unread() or storing.take(self._supply.gather(storing))
        parcel.messages = self._supply.mine(parcel.messages)
        if not parcel.messages and not self._pushes.waiting:
            storing.drop(parcel)
            return False
        storing.read(self._connect(), parcel, self._supply.patient)
        return True

    def _keep_house(self) -> None:
        """Connection, leases, what changed in the database, signs of life."""
        now = time.monotonic()
        forgotten = self._forgotten
        connection = self._connect().connection
        if now - self._renewed_at >= RENEW_S:
            with connection.transaction(), connection.cursor() as cursor:
                changed = self._leases.renew(cursor)
                self._leases.tell_areas(cursor, self._areas_stamp)
            self._renewed_at = now
            if changed:
                logger.info("ingest: holding %d shards", len(self._leases.tokens))
                self._forget()
                shards_held.set(len(self._leases.tokens))
            # Seen twice: by now the other one listens.
            self._receiver.follow(frozenset(self._leases.tokens), self._others & self._leases.others)
            self._others = self._leases.others
        if not self._storing.has_read and (stale := self._stale.take()):
            try:
                with connection.transaction(), connection.cursor() as cursor:
                    cursor.execute("SET LOCAL enable_hashjoin = on")  # here tables are read whole
                    cursor.execute("SET LOCAL enable_seqscan = on")
                    self._reload(cursor, stale)
            except (psycopg.Error, django.db.Error):
                self._stale.mark(stale)
                raise
            finally:
                django.db.connection.close()  # used for nothing else here, and not worth watching
        if self._forgotten != forgotten:
            self._memory.warm(self._begin, self._intake.recall, WARM_S)
        if now - self._signed_at >= 1:
            self._signed_at = now
            self._show(None)

    def _reload(self, cursor: psycopg.Cursor, stale: set[str]) -> None:
        if stale & {"devices", "assets"}:
            if self._memory.refresh(cursor):
                self._forget()  # caches must not grow for ever, either
            # Web workers that read the world before this may have been shown something outdated since: a gap in the
            # numbers makes them read it again.
            self._frames += 1
            logger.info("ingest: %d devices known", len(self._devices))
        if "areas" in stale:
            cursor.execute("SELECT version FROM geo_stamp WHERE name = 'areas'")
            # Read first: whatever is changed from now on comes with another notice.
            self._areas_stamp = (cursor.fetchone() or (0,))[0]
            logger.info("ingest: %d areas in force", self._intake.load_areas(cursor))
        if "regions" in stale:
            self._intake.use_regions(district_index())
        self._intake.reload_observers(cursor, stale)
        self._leases.tell_areas(cursor, self._areas_stamp)

    @contextmanager
    def _begin(self) -> Iterator[psycopg.Cursor]:
        with self._connect().connection.transaction() as transaction, transaction.connection.cursor() as cursor:
            yield cursor

    def _settle(self) -> None:
        """Once it is stored: answer, then acknowledge, then show."""
        written = self._storing.settle()
        if written is None:
            return
        decoded, outcome = written.read.decoded, written.outcome
        flush_seconds.observe(time.perf_counter() - written.read.since)
        self._receiver.send(written.answers)
        self._pushes.settle(written.read.parts, decoded)
        self._receiver.done(written.parcel.messages)
        self._meters.committed(written.parcel.messages, decoded.batch, time.time_ns() // 1000)
        for current in [outcome.current, *written.switched]:
            if len(current):
                self._show(current)
        for said in written.messages:
            self._receiver.publish(said.topic, said.payload)
        self._meters.count(decoded, outcome)
        count_refusals(decoded.refused)

    def _show(self, current: Current | None) -> None:
        self._frames += 1
        self._receiver.publish(live_topic(self.name), encode_update(self._frames, current))

    def _connect(self) -> Writer:
        if self._writer is None or self._writer.connection.closed:
            if self._writer is not None:
                self._writer.stop()
            self._writer = Writer(open_session(self._database))
            self._renewed_at = 0.0
        return self._writer

    def _recover(self, error: Exception) -> None:
        """After a failure: nothing in memory is trusted, the parcels at hand are tried again, in their order."""
        failures_total.inc()
        singly = isinstance(error, psycopg.DataError) and self._storing.refused()
        how = "storing its rows one by one" if singly else "trying again"
        logger.warning("ingest: %s: %s; %s", type(error).__name__, str(error).strip(), how)
        if self._writer is not None:
            self._writer.abandon()
            if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
                self._writer.connection.close()
        self._forget()
        self._renewed_at = 0.0
        # A commit whose answer was lost is not shown a second time: web workers read what they miss.
        self._frames += 1
        if not singly:
            self._stopping.wait(RETRY_S)

    def _forget(self) -> None:
        self._storing.put_back()
        self._memory.forget(self._leases.tokens.keys())
        self._intake.forget()
        self._forgotten += 1

    def _finish(self) -> None:
        """Settle what is written; what is not stays with the broker, and with devices that number."""
        try:
            self._settle()
        except (psycopg.Error, LeaseLostError) as error:
            logger.warning("ingest: the last parcel was not stored (%s); its devices send it again", error)
        self._receiver.stop()
        self._pushes.stop()
        try:
            writer = self._connect()
            writer.abandon()
            with self._begin() as cursor:
                self._leases.release(cursor)
            writer.stop()
            writer.connection.close()
        except psycopg.Error:
            logger.warning("ingest: leases could not be given back; they run out by themselves")
