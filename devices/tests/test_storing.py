"""Two parcels at hand, one written while the next one is read: whatever happens, each is stored once and in order."""

from __future__ import annotations

import json
import threading
import time
from types import SimpleNamespace

import psycopg
import pytest
from django.db import connection

from devices.exceptions import LeaseLostError
from devices.ingest import supply, wire, worker
from devices.ingest.decode import Received
from devices.ingest.worker import IngestWorker
from devices.models import Device, Numbering, Refusal
from devices.pushed import SIGNED_IN
from devices.topics import topic
from gis.notices import connection_parameters
from twin import intake
from twin.later import Writer
from twin.models import Asset

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


class Bench:
    """A worker without a broker, turned by hand; the writing thread may be held up."""

    def __init__(self, names):
        self.worker = IngestWorker("hand", "mqtt://127.0.0.1:1", connection_parameters())
        self.sent: list[bytes] = []
        self.worker._receiver._link.send = self.sent.append
        self.go_on = threading.Event()
        self.go_on.set()
        held = self.worker._leases.assert_held

        def hold_up(cursor, shards):
            assert self.go_on.wait(30)
            held(cursor, shards)

        self.worker._leases.assert_held = hold_up
        for name in names:
            asset = Asset.objects.create(kind="machine", code=name, name="焊机")
            Device.objects.create(identifier=name, kind="machine", asset=asset, datum="wgs84")
        self.failures = []
        # Whoever is met for the first time is looked up, and that waits for what is written.
        for name in names:
            self.hear(1, name)
        self.turn(3)
        assert self.acked() == [1] * len(names)
        self.sent.clear()

    def hear(self, seq, device="S-1", **more):
        now = time.time_ns() // 1000
        row = {"seq": seq, "time": now // 1000 - 1000 + seq, "lon": 121.5, "lat": 31.2} | more
        message = Received(topic("machine", device, "pos"), json.dumps(row).encode(), now)
        self.worker._receiver._heap.append(message)

    def hear_pushed(self, number, seconds_ago):
        at = int((time.time() - seconds_ago) * 1000)
        rows = [{"device": "S-1", "time": at, "lon": 121.5, "lat": 31.2}]
        heap = json.dumps({"id": number, "sender": "door", "source": SIGNED_IN, "rows": rows}).encode()
        self.worker._pushes._on_message(None, None, SimpleNamespace(payload=heap))

    def turn(self, times=1):
        for _ in range(times):
            try:
                self.worker._turn()
            except (psycopg.Error, LeaseLostError) as error:
                self.failures.append(type(error))
                self.worker._recover(error)

    def both_at_hand(self):
        """Number 2 is written, but for the writing thread, which waits; number 3 is read."""
        self.go_on.clear()
        self.hear(2)
        self.turn()
        self.hear(3)
        assert self.worker._read_next()
        assert self.worker._storing.is_writing
        assert self.worker._storing.has_read

    def answers(self):
        packets, rest = wire.split(b"".join(self.sent))
        assert not rest
        said = [wire.read_publish(*packet) for packet in packets]
        return [json.loads(each.payload) for each in said if each.topic.endswith("/acked")]

    def acked(self):
        return [answer["acked"] for answer in self.answers()]


def tracks():
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq FROM twin_track WHERE seq > 1 ORDER BY seq")
        return [seq for (seq,) in cursor.fetchall()]


@pytest.fixture
def bench(monkeypatch):
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE twin_track")  # no model, so no test's flush empties it
    monkeypatch.setattr(worker, "RETRY_S", 0.0)
    monkeypatch.setattr(supply, "PRESSED", 1)
    bench = Bench(["S-1", "S-2", "S-3"])
    yield bench
    bench.go_on.set()
    bench.worker._finish()


def test_what_is_read_meanwhile_is_told_of_only_once_it_is_stored(bench):
    bench.both_at_hand()
    assert bench.acked() == []
    assert bench.worker._memory.settled[Device.objects.get(identifier="S-1").pk].acked == 3
    bench.go_on.set()
    bench.turn()
    # The first is stored, and told of as it was; the second is under way.
    assert bench.acked() == [2]
    bench.turn()
    assert (bench.acked(), tracks(), bench.failures) == ([2, 3], [2, 3], [])


def test_what_is_pushed_is_read_meanwhile_too(bench):
    bench.go_on.clear()
    bench.hear_pushed(1, 30)
    bench.turn()
    assert not bench.worker._supply.is_pressing
    bench.hear_pushed(2, 20)
    assert bench.worker._supply.is_pressing
    assert bench.worker._read_next()
    assert not bench.worker._supply.is_pressing
    bench.go_on.set()
    bench.turn(2)
    assert (bench.worker._pushes.waiting, bench.failures) == (0, [])
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM twin_track WHERE seq = 0")
        assert cursor.fetchone() == (2,)


def test_who_repeats_what_waits_is_answered_after_the_commit(bench):
    bench.go_on.clear()
    bench.hear(2)
    bench.turn()
    assert bench.worker._storing.say_after(wire.publish(topic("machine", "S-1", "acked"), b'{"acked":"patience"}'))
    assert bench.acked() == []
    bench.go_on.set()
    bench.turn()
    assert bench.acked() == [2, "patience"]
    assert not bench.worker._storing.say_after(b"")


def kill(bench):
    backend = bench.worker._writer.connection.info.backend_pid
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [backend])
    bench.go_on.set()
    return psycopg.OperationalError


def take_the_lease(bench):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE devices_shardlease SET owner = '', token = token + 1")
    bench.go_on.set()
    return LeaseLostError


def fail_the_commit(bench):
    # A deferred complaint: everything was written, only the end of the transaction fails.
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION complain() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE SQLSTATE '40001'; END $$; "
            "CREATE CONSTRAINT TRIGGER complain AFTER UPDATE ON twin_state DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION complain()"
        )
    bench.go_on.set()
    with pytest.raises(psycopg.errors.SerializationFailure):
        bench.worker._storing._written.committed.result()
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION complain() CASCADE")
    return psycopg.OperationalError


@pytest.mark.parametrize("happens", [kill, take_the_lease, fail_the_commit])
def test_after_a_failure_both_are_tried_again_in_their_order(bench, happens):
    bench.both_at_hand()
    expected = happens(bench)
    bench.turn()
    assert [issubclass(failure, expected) for failure in bench.failures] == [True]
    assert (bench.acked(), tracks()) == ([], [])
    assert bench.worker._memory.settled == {}
    bench.turn()
    assert bench.acked() == []
    bench.turn(3)
    assert (bench.acked(), tracks(), len(bench.failures)) == ([2, 3], [2, 3], 1)
    assert Numbering.objects.get(device__identifier="S-1").acked == 3


def test_a_commit_whose_answer_is_lost_is_recognised(bench, monkeypatch):
    commit = Writer.commit

    def commit_and_lose(self):
        commit(self)

        def lose(_cursor):
            raise psycopg.OperationalError("the answer to COMMIT was lost")

        monkeypatch.undo()
        return self.post(lose)

    monkeypatch.setattr(Writer, "commit", commit_and_lose)
    bench.both_at_hand()
    bench.go_on.set()
    bench.turn(5)
    assert bench.failures == [psycopg.OperationalError]
    assert (bench.acked(), tracks()) == ([2, 3], [2, 3])


def test_what_the_database_refuses_is_found_row_by_row_and_nothing_overtakes(bench, monkeypatch):
    write = intake.write_tracks

    def refuse(cursor, batch):
        if any("bad" in text for text in batch.attrs):
            raise psycopg.errors.NumericValueOutOfRange("too much")
        return write(cursor, batch)

    monkeypatch.setattr(intake, "write_tracks", refuse)
    bench.go_on.clear()
    bench.hear(2)
    bench.hear(2, "S-2", attrs={"bad": 1})
    bench.hear(2, "S-3")
    bench.turn()
    bench.hear(3)
    assert bench.worker._read_next()
    bench.go_on.set()
    bench.turn(5)
    assert bench.failures == [psycopg.errors.NumericValueOutOfRange]
    assert tracks() == [2, 2, 3]
    assert [(r.device, r.reason) for r in Refusal.objects.all()] == [("S-2", "storage_refused")]
    assert [(a["acked"], a["refused"]) for a in bench.answers()] == [
        (2, []),
        (2, [[2, "storage_refused"]]),
        (2, []),
        (3, []),
    ]
