"""The ingest worker: takes heaps of messages, stores each in one transaction, then answers.

Stored, then acknowledged, then shown. Whatever fails rolls the whole heap back, and memory is read again from the
database before the heap is tried once more; numbers that were settled after all are then recognised.
"""

from __future__ import annotations

import gc
import logging
import os
import socket
import threading
import time
from collections.abc import Iterable
from functools import partial

import django.db
import msgspec
import numpy as np
import psycopg

from devices.exceptions import LeaseLostError
from devices.ingest.decode import Decoded, Decoder, Received, Refused
from devices.ingest.heaps import MOST_AT_ONCE, Heaps
from devices.ingest.leases import RENEW_S, Leases
from devices.ingest.ledger import count_refusals, write_refusals
from devices.ingest.meters import (
    Meters,
    failures_total,
    flush_seconds,
    handed_on_total,
    overflow_total,
    past_messages,
    queue_messages,
    shards_held,
)
from devices.ingest.numberings import read_numberings, write_numberings
from devices.ingest.pushed import Pushes
from devices.ingest.receiver import Receiver
from devices.ingest.registry import KnownDevice, Registry
from devices.ingest.said import store_said
from devices.numbering import Numbering
from devices.process import PATIENCE
from devices.topics import topic
from gis.notices import listen
from gis.regions import district_index
from twin.intake import Intake, Outcome
from twin.live.frames import encode_update
from twin.live.hub import live_topic
from twin.meters import broker_connected, stage, stage_seconds
from twin.observers import Message, make_observers
from twin.present import Current

logger = logging.getLogger(__name__)

FLUSH_S = 0.1
RETRY_S = 0.5
PATIENT_S = 15.0
"""After a shard changed hands its devices have this long to send again, in order, what was under way."""
LONGEST_PAUSE_S = 20
WAIT_S = 30
"""A device whose past waits here need not send it again so soon."""
WARM_AT_ONCE = 20_000
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
        self._connection: psycopg.Connection | None = None
        self._registry = Registry()
        self._devices = self._registry.devices
        self._decoder = Decoder(self._devices)
        self._numberings: dict[int, Numbering] = {}
        self._intake = Intake(make_observers())
        self._topics = NOTICE_TOPICS | self._intake.topics
        self._stale: set[str] = set(self._topics)
        self._stale_lock = threading.Lock()
        self._stopping = threading.Event()
        self._frames = time.time_ns()
        self._renewed_at = 0.0
        self._signed_at = 0.0
        self._heaps = Heaps(self._receiver)
        self._cold: list[KnownDevice] = []
        self._others: frozenset[int] = frozenset()
        self._meters = Meters()
        queue_messages.set_function(lambda: self._heaps.waiting)
        past_messages.set_function(lambda: self._heaps.past)
        broker_connected.labels("ingest").set_function(lambda: float(self._receiver.connected.is_set()))

    def stop(self) -> None:
        """Finish the heap at hand and end; safe from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Work until stopped."""
        threading.Thread(target=self._watch_notices, name="notices", daemon=True).start()
        self._receiver.start()
        self._pushes.start()
        heap: list[Received] = []
        try:
            while not self._stopping.is_set():
                try:
                    self._keep_house()
                    if not heap:
                        heap = self._gather()
                    if heap or self._pushes.waiting:
                        self._flush(heap)
                        heap = []
                    else:
                        self._warm(FLUSH_S)
                except (psycopg.Error, django.db.Error, LeaseLostError) as error:
                    self._recover(error)
        finally:
            self._receiver.stop()
            self._pushes.stop()
            self._release()

    def _gather(self) -> list[Received]:
        self._receiver.arrived.wait(0 if self._heaps.waiting or self._cold else FLUSH_S)
        if (self._receiver.waiting or self._pushes.waiting) and self._heaps.waiting < MOST_AT_ONCE:
            # A full heap costs hardly more than one message; give it a moment to fill.
            self._stopping.wait(FLUSH_S)
        behind = self._heaps.past
        # What is left for a device to send again would be more if anything overtook.
        heap, overflowed = self._heaps.take(in_order=bool(self._leases.taken_within(PATIENT_S)))
        if overflowed:
            overflow_total.inc(overflowed)
            logger.error("ingest: no room for %d messages; numbering devices will send theirs again", overflowed)
        if bool(behind) != bool(self._heaps.past):
            logger.info("ingest: %s", "caught up with the past" if behind else "the present first, the past behind it")
        return heap

    def _keep_house(self) -> None:
        """Connection, leases, what changed in the database, signs of life."""
        now = time.monotonic()
        known = self._cold
        connection = self._connect()
        if now - self._renewed_at >= RENEW_S:
            with connection.transaction(), connection.cursor() as cursor:
                changed = self._leases.renew(cursor)
            self._renewed_at = now
            if changed:
                logger.info("ingest: holding %d shards", len(self._leases.tokens))
                self._forget()
                shards_held.set(len(self._leases.tokens))
            # Seen twice: by now the other one listens.
            self._receiver.follow(frozenset(self._leases.tokens), self._others & self._leases.others)
            self._others = self._leases.others
        with self._stale_lock:
            stale, self._stale = self._stale, set()
        if stale:
            try:
                with connection.transaction(), connection.cursor() as cursor:
                    cursor.execute("SET LOCAL enable_hashjoin = on")  # here tables are read whole
                    self._reload(cursor, stale)
            except (psycopg.Error, django.db.Error):
                self._mark_stale(stale)
                raise
            finally:
                django.db.connection.close()  # used for nothing else here, and not worth watching
        if self._cold is not known:
            self._warm(WARM_S)
        if now - self._signed_at >= 1:
            self._signed_at = now
            self._show(None)

    def _reload(self, cursor: psycopg.Cursor, stale: set[str]) -> None:
        if stale & {"devices", "assets"}:
            self._know_devices(self._registry.refresh(cursor))
        if "areas" in stale:
            logger.info("ingest: %d areas in force", self._intake.load_areas(cursor))
        if "regions" in stale:
            self._intake.use_regions(district_index())
        self._intake.reload_observers(cursor, stale)

    def _know_devices(self, changed: set[str] | None) -> None:
        """Go along with devices that were read again: those, or all."""
        if changed is None:
            self._decoder = Decoder(self._devices)
            self._meters.know(self._devices.values())
            gc.collect()
            gc.freeze()  # they stay until they are replaced: no need to look through all of them again and again
            # Keys may mean something else by now (a restored database), and caches must not grow for ever.
            self._forget()
        else:
            self._decoder.forget(changed)
            devices = [self._devices[identifier] for identifier in changed]
            self._meters.know(devices)
            for device in devices:
                self._numberings.pop(device.id, None)
        # Web workers that read the world before this may have been shown something outdated since: a gap in the
        # numbers makes them read it again.
        self._frames += 1
        logger.info("ingest: %d devices known", len(self._devices))

    def _warm(self, seconds: float) -> None:
        """Read what is known of devices before they report: in bulk it costs a part of what it does at first sight."""
        until = time.monotonic() + seconds
        while self._cold and time.monotonic() < until:
            some, self._cold = self._cold[:WARM_AT_ONCE], self._cold[WARM_AT_ONCE:]
            connection = self._connect()
            with connection.transaction(), connection.cursor() as cursor:
                self._recall_numberings(cursor, (device for device in some if device.numbered))
                self._intake.recall(cursor, [device.asset for device in some if device.asset is not None])

    def _flush(self, heap: list[Received]) -> None:
        """Store a heap; messages of shards that are not this worker's go where they belong."""
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
        if mine or self._pushes.waiting:
            self._take_in(mine)
        self._heaps.hold(nobodys)
        self._receiver.hand_on(others)
        handed_on_total.inc(len(others))

    def _take_in(self, mine: list[Received]) -> None:
        """Store, then answer, then acknowledge, then show."""
        with flush_seconds.time():
            decoded, outcome, switched, messages = self._store(mine)
        self._meters.committed(mine, decoded.batch, time.time_ns() // 1000)
        self._answer(decoded)
        self._pushes.settle(decoded)
        self._receiver.done(mine)
        for current in [outcome.current, *switched]:
            if len(current):
                self._show(current)
        for said in messages:
            self._receiver.publish(said.topic, said.payload)
        self._meters.count(decoded, outcome)
        count_refusals(decoded.refused)

    def _store(self, heap: list[Received]) -> tuple[Decoded, Outcome, list[Current], list[Message]]:
        connection = self._connect()
        with connection.transaction(), connection.cursor() as cursor:
            with stage("decode"):
                recall = partial(self._recall_numberings, cursor)
                decoded = self._decoder.decode(heap, recall, self._leases.taken_within(PATIENT_S))
                self._pushes.decode(decoded, self._devices, self._leases.tokens)
            self._leases.assert_held(cursor, decoded.shards)
            try:
                with connection.transaction():
                    outcome = self._intake.store(cursor, decoded.batch)
            except psycopg.DataError as error:
                outcome = self._store_singly(cursor, decoded, error)
            switched, heard = store_said(cursor, self._intake, decoded.said)
            messages = outcome.messages + self._intake.heard(cursor, heard)
            write_numberings(cursor, decoded.numberings)
            write_refusals(cursor, decoded.refused)
            ready_at = time.perf_counter()
        stage_seconds.labels("commit").observe(time.perf_counter() - ready_at)
        return decoded, outcome, switched, messages

    def _store_singly(self, cursor: psycopg.Cursor, decoded: Decoded, error: psycopg.DataError) -> Outcome:
        """Find the rows that the database will not take, refuse those, and store the others."""
        logger.warning("ingest: the database refused a batch (%s); storing its rows one by one", error)
        self._intake.forget()
        good = []
        by_id = {device.id: device for device in self._devices.values()}
        for i in range(len(decoded.batch)):
            row = decoded.batch.take(np.array([i]))
            try:
                with cursor.connection.transaction(force_rollback=True):
                    self._intake.store(cursor, row)
                good.append(i)
            except psycopg.DataError as refusal:
                device = by_id[int(row.device[0])]
                decoded.refused.append(
                    Refused(
                        int(row.received_us[0]),
                        "storage_refused",
                        str(refusal)[:500],
                        device.identifier,
                        "",
                        row.attrs[0],
                    )
                )
                if device.identifier in decoded.answers:
                    decoded.answers[device.identifier].append((int(row.seq[0]), "storage_refused"))
            self._intake.forget()
        decoded.batch = decoded.batch.take(np.array(good, np.int64))
        return self._intake.store(cursor, decoded.batch)

    def _recall_numberings(self, cursor: psycopg.Cursor, devices: Iterable[KnownDevice]) -> dict[int, Numbering]:
        wanted = {device.id for device in devices if device.id not in self._numberings}
        if wanted:
            self._numberings |= {id_: Numbering() for id_ in wanted} | read_numberings(cursor, wanted)
        return self._numberings

    def _answer(self, decoded: Decoded) -> None:
        answers = []
        more = {"wait_s": WAIT_S} if self._heaps.past else {}
        for identifier, refused in decoded.answers.items():
            device = self._devices[identifier]
            numbering = decoded.numberings[device.id]
            answer = {
                "epoch": numbering.epoch,
                "acked": numbering.acked,
                "ahead": numbering.ahead,
                "refused": refused,
                **more,
            }
            answers.append((topic(device.kind, identifier, "acked"), msgspec.json.encode(answer)))
        self._receiver.publish_all(answers)

    def _show(self, current: Current | None) -> None:
        self._frames += 1
        self._receiver.publish(live_topic(self.name), encode_update(self._frames, current))

    def _connect(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(**PATIENCE | self._database, autocommit=True)
            self._connection.execute("SET statement_timeout = '30s'")
            # A heap meets a few rows of large tables, by their keys. Not knowing how few, the planner would read the
            # tables whole, and a position would cost the more the more devices there are.
            self._connection.execute("SET enable_hashjoin = off")
            self._connection.execute("SET enable_mergejoin = off")
            # A worker that froze amid a transaction holds the locks on its leases: others could never take over.
            self._connection.execute(f"SET idle_in_transaction_session_timeout = '{LONGEST_PAUSE_S}s'")
            self._renewed_at = 0.0
        return self._connection

    def _recover(self, error: Exception) -> None:
        """After a failure: nothing in memory is trusted, the heap is tried again."""
        failures_total.inc()
        logger.warning("ingest: %s: %s; trying again", type(error).__name__, str(error).strip())
        self._forget()
        self._renewed_at = 0.0
        # A commit whose answer was lost is not shown a second time: web workers read what they miss.
        self._frames += 1
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and self._connection is not None:
            self._connection.close()
        self._stopping.wait(RETRY_S)

    def _forget(self) -> None:
        self._numberings.clear()
        self._intake.forget()
        self._cold = [device for device in self._devices.values() if device.shard in self._leases.tokens]

    def _release(self) -> None:
        try:
            connection = self._connect()
            with connection.transaction(), connection.cursor() as cursor:
                self._leases.release(cursor)
            connection.close()
        except psycopg.Error:
            logger.warning("ingest: leases could not be given back; they run out by themselves")

    def _mark_stale(self, topics: frozenset[str] | set[str]) -> None:
        with self._stale_lock:
            self._stale |= topics

    def _watch_notices(self) -> None:
        for topics in listen(self._topics, stop=self._stopping, parameters=self._database):
            self._mark_stale(topics)
            self._receiver.arrived.set()
