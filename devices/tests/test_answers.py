"""With much to do, devices that were told to be patient are answered seldom, and none is forgotten."""

from __future__ import annotations

import json

import numpy as np
import pytest

from devices.ingest.answers import CALM_S, MUCH, SPARED_NUMBERS, SPARED_S, WAIT_S, Answers
from devices.ingest.decode import Decoded
from devices.ingest.registry import KnownDevice
from devices.numbering import Numbering
from devices.simulator.numbering import RESEND_AT_MOST_S, WINDOW
from devices.topics import shard_of
from twin.batch import nothing

YEAR_US = 365 * 86_400_000_000


def device(key):
    name = f"W-{key}"
    return KnownDevice(key, name, "machine", 1, shard_of(name), key, 0, "wgs84", True, False, YEAR_US)


class Worker:
    """A worker's answers, its numberings, and a clock that is turned by hand."""

    def __init__(self, keys=(1,)):
        self.now = 1000.0
        self.answers = Answers(lambda: self.now)
        self.numberings = {key: Numbering() for key in keys}

    def heap(self, *keys, rows=MUCH, step=1, moved=True, faults=None, is_more=False):
        """Who is told what after a heap in which these devices went on by ``step``."""
        for key in keys:
            self.numberings[key].acked += step
        decoded = Decoded(
            nothing(),
            numberings=self.numberings,
            numbering=[device(key) for key in keys],
            moved=set(keys) if moved else set(),
            faults=faults or {},
            rows=rows,
        )
        return self.read(self.answers.after(decoded, is_more))

    def owed(self):
        return self.read(self.answers.owed(self.numberings))

    @staticmethod
    def read(answers):
        said = [(name, json.loads(body)) for name, body in answers]
        return [(int(name.split("-")[1].split("/")[0]), a["acked"], a.get("wait_s", 0)) for name, a in said]


def test_with_little_to_do_everybody_is_answered_each_time():
    worker = Worker()
    assert [worker.heap(1, rows=MUCH - 1) for _ in range(3)] == [[(1, 1, 0)], [(1, 2, 0)], [(1, 3, 0)]]


def test_with_much_to_do_one_answer_tells_of_all():
    worker = Worker()
    assert worker.heap(1) == [(1, 1, WAIT_S)]
    worker.now += SPARED_S / 3
    assert worker.heap(1) == []
    worker.now += SPARED_S / 3
    assert worker.heap(1) == []
    worker.now += SPARED_S / 3 + 1
    # Due, and said once though it reports again: up to what this heap settles.
    assert worker.heap(1) == [(1, 4, WAIT_S)]
    assert worker.heap(1) == []


def test_who_reports_no_more_is_told_when_it_is_due():
    worker = Worker((1, 2))
    worker.heap(1)
    worker.heap(1)
    worker.now += SPARED_S
    assert worker.heap(2) == [(1, 2, WAIT_S), (2, 1, WAIT_S)]
    # Device 1 knows all; nobody owes it anything.
    worker.now += SPARED_S
    assert worker.heap(rows=MUCH) == []


def test_what_is_owed_is_paid_when_there_is_less_to_do():
    worker = Worker((1, 2))
    worker.heap(1, 2)
    worker.heap(1, 2)
    assert worker.owed() == []
    worker.now += CALM_S
    assert worker.owed() == [(1, 2, 0), (2, 2, 0)]
    assert worker.owed() == []


def test_a_smaller_heap_pays_what_is_owed_too():
    worker = Worker((1, 2))
    worker.heap(1, 2)
    worker.heap(1, 2)
    worker.now += CALM_S
    assert worker.heap(2, rows=1) == [(2, 3, 0), (1, 2, 0)]


@pytest.mark.parametrize(
    "said",
    [
        {"step": SPARED_NUMBERS},
        {"step": 0, "moved": False},  # a repetition: it has not heard
        {"faults": {"W-1": [(2, "time_in_future")]}},
    ],
)
def test_who_has_to_hear_is_told_at_once(said):
    worker = Worker()
    worker.heap(1)
    assert [key for key, _acked, _wait in worker.heap(1, **said)] == [1]


@pytest.mark.parametrize("is_more", [False, True])
def test_a_gap_is_told_at_once_and_to_wait_only_where_what_is_missing_may_be_here(is_more):
    worker = Worker((1, 2))
    worker.heap(1, 2)
    worker.numberings[1].ahead = [[5, 6]]
    assert worker.heap(1, is_more=is_more) == [(1, 2, WAIT_S if is_more else 0)]
    # Before its turn, after a worker was killed: nothing was settled.
    assert worker.heap(2, step=0, moved=False, is_more=is_more) == [(2, 1, WAIT_S if is_more else 0)]


def test_after_a_failure_nothing_is_said_of_what_was_read():
    worker = Worker()
    worker.heap(1)
    worker.heap(1)
    worker.answers.forget()
    worker.now += CALM_S
    assert worker.owed() == []


def test_no_device_runs_out_of_patience_or_of_numbers_before_its_answer():
    assert SPARED_S < WAIT_S <= RESEND_AT_MOST_S
    assert 2 * SPARED_NUMBERS <= WINDOW


def test_everybody_knows_everything_in_the_end():
    rng = np.random.default_rng(1)
    worker = Worker(range(50))
    heard: dict[int, int] = {}

    def hear(answers):
        heard.update({key: acked for key, acked, _wait in answers})

    for _ in range(400):
        worker.now += rng.uniform(0, 2)
        some = rng.permutation(50)[: rng.integers(1, 20)].tolist()
        hear(worker.heap(*some, rows=int(rng.choice([1, MUCH]))))
    worker.now += CALM_S
    hear(worker.owed())
    assert heard == {key: numbering.acked for key, numbering in worker.numberings.items()}
