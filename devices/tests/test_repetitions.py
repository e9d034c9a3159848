"""What is sent again: dropped before anything is asked of it, and answered."""

from __future__ import annotations

import json

import numpy as np

from devices.ingest.answers import WAIT_S, Answers, patience
from devices.ingest.backlog import TOLD_AFTER_S, Backlog, most_messages, over_time, since_time
from devices.ingest.decode import Decoder, Received
from devices.ingest.registry import KnownDevice
from devices.numbering import Numbering
from devices.topics import shard_of, topic

NOW_US = 1_790_000_000_000_000
YEAR_US = 365 * 86_400_000_000
DEVICE = KnownDevice(7, "W-1", "machine", 1, shard_of("W-1"), 70, 0, "wgs84", True, False, YEAR_US)
DEVICES = {"W-1": DEVICE}


def position(seq, **more):
    row = {"seq": seq, "time": NOW_US // 1000, "lon": 121.5, "lat": 31.2} | more
    return Received(topic("machine", "W-1", "pos"), json.dumps(row).encode(), NOW_US)


def decode(numbering, *heap):
    return Decoder(DEVICES).decode(list(heap), lambda devices: {7: numbering})


def test_what_was_settled_is_answered_and_nothing_is_written():
    numbering = Numbering(0, 5, [[8, 9]])
    out = decode(numbering, position(5), position(3, lat="?"), position(9))
    assert (out.rows, out.repeated, len(out.batch), out.refused, out.moved) == (3, 3, 0, [], set())
    assert [json.loads(body) for _topic, body in Answers().after(out)] == [
        {"epoch": 0, "acked": 5, "ahead": [[8, 9]], "refused": []}
    ]


def test_what_is_new_beside_a_repetition_is_taken():
    out = decode(Numbering(0, 5), position(5), position(6), position(5), position(1, epoch=1))
    assert (out.repeated, out.moved) == (2, {7})
    assert out.batch.seq.tolist() == [6, 1]
    assert np.unique(out.batch.asset).tolist() == [70]


def test_a_repetition_that_tells_of_lost_numbers_moves_the_numbering():
    numbering = Numbering(0, 5, [[8, 9]])
    out = decode(numbering, position(9, oldest=8))
    assert (out.repeated, out.moved, numbering.acked) == (1, {7}, 9)


def test_who_repeats_what_waits_is_told_what_is_stored_and_to_wait():
    topics = [topic("machine", name, "pos") for name in ("W-1", "W-2", "W-1")]
    assert [json.loads(body) for _topic, body in patience(topics, DEVICES, {7: Numbering(2, 5)})] == [
        {"epoch": 2, "acked": 5, "ahead": [], "refused": [], "wait_s": WAIT_S}
    ]
    # After a failure nothing is known for certain, and nothing is said.
    assert [*patience(topics, DEVICES, {})] == []


def gauges():
    return [int(gauge._value.get()) for gauge in (since_time, over_time, most_messages)]


def test_a_backlog_is_told_of_once_it_lasts_and_when_it_is_over():
    now = [1000.0]
    backlog = Backlog(lambda: now[0])
    before = gauges()
    backlog.follow(30_000, 10_000)
    now[0] += TOLD_AFTER_S / 2
    backlog.follow(5, 0)
    assert gauges() == before
    now[0] = 2000.0
    backlog.follow(30_000, 10_000)
    now[0] += TOLD_AFTER_S
    backlog.follow(90_000, 70_000)
    assert gauges() == [2000, 0, 90_000]
    now[0] += 60
    backlog.follow(50_000, 30_000)
    backlog.follow(10, 0)
    assert gauges() == [2000, 2000 + TOLD_AFTER_S + 60, 90_000]
