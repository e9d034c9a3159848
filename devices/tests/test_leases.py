"""Who owns which shard, by a real database's clock and locks."""

from __future__ import annotations

import psycopg
import pytest

from devices.exceptions import LeaseLostError
from devices.ingest.leases import Leases
from devices.topics import SHARDS
from gis.notices import connection_parameters

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def connect():
    opened = []

    def connect():
        opened.append(psycopg.connect(**connection_parameters(), autocommit=True))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


@pytest.fixture
def cursor(connect):
    return connect().cursor()


def renew(leases, cursor):
    with cursor.connection.transaction():
        return leases.renew(cursor)


def expire(cursor, name):
    """Time passes for everybody but those who renew."""
    cursor.execute("UPDATE devices_worker SET seen_at = seen_at - interval '1 h' WHERE name = %s", [name])
    cursor.execute("UPDATE devices_shardlease SET expires_at = expires_at - interval '1 h' WHERE owner = %s", [name])


def test_one_worker_takes_all_and_keeps_it(cursor):
    first = Leases("a@x:1")
    assert renew(first, cursor)
    assert set(first.tokens) == set(range(SHARDS))
    tokens = dict(first.tokens)
    assert not renew(first, cursor)
    assert first.tokens == tokens
    assert first.others == set()


def test_three_share_without_overlap_and_nothing_moves_in_vain(cursor):
    workers = [Leases(f"{name}@x:1") for name in "abc"]
    for _ in range(4):
        for worker in workers:
            renew(worker, cursor)
    held = [set(worker.tokens) for worker in workers]
    assert set().union(*held) == set(range(SHARDS))
    assert sum(map(len, held)) == SHARDS
    assert max(map(len, held)) <= -(-SHARDS // 3)
    assert workers[0].others == held[1] | held[2]
    assert not any(renew(worker, cursor) for worker in workers)


def test_what_a_dead_worker_held_is_taken_with_new_tokens(cursor):
    dead, heir = Leases("a@x:1"), Leases("b@x:1")
    renew(dead, cursor)
    renew(heir, cursor)
    assert heir.tokens == {}
    expire(cursor, dead.name)
    renew(heir, cursor)
    assert set(heir.tokens) == set(range(SHARDS))
    assert all(heir.tokens[shard] > dead.tokens[shard] for shard in range(SHARDS))
    with pytest.raises(LeaseLostError), cursor.connection.transaction():
        dead.assert_held(cursor, {3})
    with cursor.connection.transaction():
        heir.assert_held(cursor, {3})


def test_a_lease_lost_and_won_back_is_another_lease(cursor):
    """What was read under the old one may be outdated, so the old token must not pass."""
    first, second = Leases("a@x:1"), Leases("b@x:1")
    renew(first, cursor)
    old = Leases(first.name, dict(first.tokens))
    expire(cursor, first.name)
    renew(second, cursor)
    with cursor.connection.transaction():
        second.release(cursor)
    assert renew(first, cursor)
    with pytest.raises(LeaseLostError), cursor.connection.transaction():
        old.assert_held(cursor, {0})


def test_nobody_takes_a_lease_that_somebody_is_writing_under(cursor, connect):
    writer, taker = Leases("a@x:1"), Leases("b@x:1")
    renew(writer, cursor)
    expire(cursor, writer.name)
    with cursor.connection.transaction():
        writer.assert_held(cursor, {5, 6})
        other = connect().cursor()
        other.execute("SET statement_timeout = '3s'")
        renew(taker, other)
        assert set(taker.tokens) == set(range(SHARDS)) - {5, 6}
    renew(taker, cursor)
    assert {5, 6} <= set(taker.tokens)


def test_release_leaves_everything_to_others_at_once(cursor):
    first, second = Leases("a@x:1"), Leases("b@x:1")
    renew(first, cursor)
    renew(second, cursor)
    with cursor.connection.transaction():
        first.release(cursor)
    renew(second, cursor)
    assert set(second.tokens) == set(range(SHARDS))
    assert first.tokens == {}


def test_an_earlier_process_of_the_same_worker_is_no_other(cursor):
    """Its session at the broker is ours: what it listened to must not be given up while its leases run out."""
    renew(Leases("a@x:1"), cursor)
    again = Leases("a@x:2")
    renew(again, cursor)
    assert (again.tokens, again.others) == ({}, set())


def test_no_shards_need_no_lease(cursor):
    Leases("a@x:1").assert_held(cursor, set())


def test_only_what_was_somebody_elses_is_taken_over(cursor):
    dead, heir = Leases("a@x:1"), Leases("b@x:1")
    renew(dead, cursor)
    assert dead.taken_within(60) == set()  # nobody had them before
    renew(heir, cursor)
    expire(cursor, dead.name)
    renew(heir, cursor)
    renew(heir, cursor)
    assert heir.taken_within(60) == set(range(SHARDS))
    assert heir.taken_within(-1) == set()
