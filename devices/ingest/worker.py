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
from datetime import UTC, datetime
from functools import partial

import django.db
import msgspec
import numpy as np
import psycopg
from prometheus_client import Counter, Gauge, Histogram

from devices.exceptions import LeaseLostError
from devices.ingest.decode import Decoded, Decoder, Received, Refused, Said
from devices.ingest.leases import RENEW_S, Leases
from devices.ingest.ledger import count_refusals, write_refusals
from devices.ingest.meters import Meters, queue_messages
from devices.ingest.numberings import read_numberings, write_numberings
from devices.ingest.pushed import Pushes
from devices.ingest.receiver import Receiver
from devices.ingest.registry import KnownDevice, load_devices
from devices.ingest.replies import store_reply
from devices.messages import Event, PowerStatus, Reply
from devices.numbering import Numbering
from devices.process import PATIENCE
from devices.topics import topic
from gis.notices import listen
from gis.regions import district_index
from twin.intake import Intake, Outcome
from twin.live.frames import encode_update
from twin.live.hub import live_topic
from twin.meters import broker_connected, stage, stage_seconds
from twin.observers import Heard, Message, make_observers
from twin.present import Current

logger = logging.getLogger(__name__)

FLUSH_S = 0.1
MOST_AT_ONCE = 20_000
MOST_BYTES_AT_ONCE = 16 << 20
RETRY_S = 0.5
PATIENT_S = 15.0
"""After a shard changed hands its devices have this long to send again, in order, what was under way."""
LONGEST_PAUSE_S = 20
NOTICE_TOPICS = frozenset({"devices", "assets", "areas", "regions"})

received_total = Counter("sandtable_positions_received", "Positions that arrived, whatever became of them")
stored_total = Counter("sandtable_positions_stored", "Positions stored in the history")
repeated_total = Counter("sandtable_positions_repeated", "Positions that had been stored before")
early_total = Counter(
    "sandtable_positions_early", "Positions before their turn after a change of owner; their devices send them again"
)
late_total = Counter("sandtable_positions_late", "Positions stored that were older than the present state")
overflow_total = Counter("sandtable_messages_overflowed", "Messages without room in memory; their devices send again")
handed_on_total = Counter("sandtable_messages_handed_on", "Messages of shards that belong to another worker")
failures_total = Counter("sandtable_ingest_failures", "Transactions that failed and were tried again")
shards_held = Gauge("sandtable_ingest_shards", "Shards this worker holds")
flush_seconds = Histogram(
    "sandtable_ingest_flush_seconds", "Time to decode and store a heap", buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10)
)


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
        self._devices: dict[str, KnownDevice] = {}
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
        self._held: list[Received] = []
        self._others: frozenset[int] = frozenset()
        self._meters = Meters()
        self._left_over = 0
        self._areas_stamp: int | None = None
        queue_messages.set_function(lambda: self._receiver.waiting + self._left_over + len(self._held))
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
                        heap = self._flush(heap)
                except (psycopg.Error, django.db.Error, LeaseLostError) as error:
                    self._recover(error)
        finally:
            self._receiver.stop()
            self._pushes.stop()
            self._release()

    def _gather(self) -> list[Received]:
        self._receiver.arrived.wait(FLUSH_S)
        heap, overflowed = self._receiver.take()
        if (heap or self._pushes.waiting) and len(heap) < MOST_AT_ONCE:
            # A full heap costs hardly more than one message; give it a moment to fill.
            self._stopping.wait(FLUSH_S)
            more, overflowed_more = self._receiver.take()
            heap += more
            overflowed += overflowed_more
        if overflowed:
            overflow_total.inc(overflowed)
            logger.error("ingest: no room for %d messages; numbering devices will send theirs again", overflowed)
        held, self._held = self._held, []
        return [message for message in held if self._receiver.is_open(message)] + heap

    def _keep_house(self) -> None:
        """Connection, leases, what changed in the database, signs of life."""
        now = time.monotonic()
        connection = self._connect()
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
        if now - self._signed_at >= 1:
            self._signed_at = now
            self._show(None)

    def _reload(self, cursor: psycopg.Cursor, stale: set[str]) -> None:
        if stale & {"devices", "assets"}:
            self._devices = load_devices(cursor)
            self._meters.know(self._devices.values())
            self._decoder = Decoder(self._devices)
            gc.collect()
            gc.freeze()  # they stay until they are replaced: no need to look through all of them again and again
            # Keys may mean something else by now (a restored database), and caches must not grow for ever.
            self._forget()
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

    def _flush(self, heap: list[Received]) -> list[Received]:
        """Store a heap; returns what is left of it."""
        now, rest = _divide(heap)
        self._left_over = len(rest)
        mine: list[Received] = []
        others: list[Received] = []
        nobodys: list[Received] = []
        for message in now:
            shard = int(message.topic.split("/", 4)[3])
            if shard in self._leases.tokens:
                mine.append(message)
            elif not self._receiver.listens(shard):
                others.append(message)
            elif message.ack is not None:
                nobodys.append(message)  # or perhaps no longer ours: the next second tells
        if mine or self._pushes.waiting:
            self._take_in(mine)
        self._held += nobodys
        self._receiver.hand_on(others)
        handed_on_total.inc(len(others))
        return rest

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
        received_total.inc(decoded.rows)
        stored_total.inc(outcome.stored)
        repeated_total.inc(decoded.repeated + len(decoded.batch) - outcome.stored)
        late_total.inc(outcome.late)
        early_total.inc(decoded.early)
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
            switched, heard = self._store_said(cursor, decoded.said)
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

    def _store_said(self, cursor: psycopg.Cursor, said: list[Said]) -> tuple[list[Current], list[Heard]]:
        """Store events, power changes and replies; returns the states that changed and the events that are new."""
        switched, heard = [], []
        for device, at_us, time_us, message in said:
            at, time_ = datetime.fromtimestamp(at_us / 1e6, UTC), datetime.fromtimestamp(time_us / 1e6, UTC)
            if isinstance(message, Reply):
                store_reply(cursor, device.id, message, at)
                continue
            channel = "event" if isinstance(message, Event) else "status"
            body = {k: v for k, v in msgspec.to_builtins(message).items() if v is not None and k != "time"}
            cursor.execute(
                """INSERT INTO devices_deviceevent (device_id, channel, ts, received_at, body)
                   VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
                [device.id, channel, time_, at, msgspec.json.encode(body).decode()],
            )
            new = cursor.rowcount == 1
            if isinstance(message, PowerStatus) and device.asset is not None:
                current = self._intake.switch(cursor, device.asset, time_us, on=message.power == "on")
                if current is not None:
                    switched.append(current)
            if new and isinstance(message, Event) and device.asset is not None:
                heard.append(Heard(device.asset, time_us, message.code, message.text or "", message.attrs or {}))
        return switched, heard

    def _recall_numberings(self, cursor: psycopg.Cursor, devices: Iterable[KnownDevice]) -> dict[int, Numbering]:
        wanted = {device.id for device in devices if device.id not in self._numberings}
        if wanted:
            self._numberings |= {id_: Numbering() for id_ in wanted} | read_numberings(cursor, wanted)
        return self._numberings

    def _answer(self, decoded: Decoded) -> None:
        answers = []
        for identifier, refused in decoded.answers.items():
            device = self._devices[identifier]
            numbering = decoded.numberings[device.id]
            answer = {
                "epoch": numbering.epoch,
                "acked": numbering.acked,
                "ahead": numbering.ahead,
                "refused": refused,
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


def _divide(heap: list[Received]) -> tuple[list[Received], list[Received]]:
    """What goes into one transaction, and the rest."""
    size = 0
    for count, message in enumerate(heap):
        size += len(message.payload)
        if count == MOST_AT_ONCE or (count and size > MOST_BYTES_AT_ONCE):
            return heap[:count], heap[count:]
    return heap, []
