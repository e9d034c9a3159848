"""Settled numbers against a plain set of them."""

from __future__ import annotations

import random

import pytest

from devices.exceptions import RefusedError
from devices.numbering import MOST_RANGES, Numbering


class Plain:
    """The same as a set: slow, and plainly right."""

    def __init__(self):
        self.epoch, self.settled, self.top = 0, set(), 400

    @property
    def acked(self):
        return next(n for n in range(self.top + 1) if n + 1 not in self.settled)

    @property
    def ahead(self):
        ranges, acked = [], self.acked
        for n in sorted(n for n in self.settled if n > acked):
            if ranges and ranges[-1][1] == n - 1:
                ranges[-1][1] = n
            else:
                ranges.append([n, n])
        return ranges

    def settle(self, epoch, number, oldest):
        if epoch < self.epoch:
            return "old_epoch"
        if epoch > self.epoch:
            self.epoch, self.settled = epoch, set()
        self.settled |= set(range(1, oldest or 1))
        if number in self.settled:
            return False
        touching = {number - 1, number + 1} & self.settled
        if not touching and number != self.acked + 1 and len(self.ahead) >= MOST_RANGES:
            return "too_many_gaps"
        self.settled.add(number)
        return True


@pytest.mark.parametrize("seed", range(30))
def test_like_a_set(seed):
    rng = random.Random(seed)
    real, plain = Numbering(), Plain()
    step = rng.choice([1, 2, 3])
    for _ in range(400):
        epoch = plain.epoch + rng.choices([0, 1, -1], [200, 1, 1])[0]
        number = rng.randint(1, 130) * step
        oldest = rng.randint(1, number) if rng.random() < 0.02 else None
        if epoch < 0:
            continue
        try:
            done = real.settle(epoch, number, oldest)
        except RefusedError as refusal:
            done = refusal.reason
        assert done == plain.settle(epoch, number, oldest)
        assert (real.epoch, real.acked, real.ahead) == (plain.epoch, plain.acked, plain.ahead)


def test_any_order_ends_the_same():
    rng = random.Random(7)
    numbers = list(range(1, 101)) * 2
    rng.shuffle(numbers)
    real = Numbering()
    assert sum(real.settle(5, n) for n in numbers) == 100
    assert (real.acked, real.ahead) == (100, [])


def test_too_many_gaps_end_when_the_lowest_are_sent_again():
    """What a device does after ``too_many_gaps``: from ``acked`` + 1 upwards. It must get through."""
    real = Numbering()
    for n in range(2, 2 * MOST_RANGES + 1, 2):
        real.settle(0, n)
    with pytest.raises(RefusedError, match="too_many_gaps"):
        real.settle(0, 1000)
    assert not [r for r in real.ahead if 1000 in r]
    for n in range(1, 2 * MOST_RANGES):
        real.settle(0, n)
    assert (real.acked, real.ahead) == (2 * MOST_RANGES, [])
    assert real.settle(0, 1000)


def test_huge_numbers_cost_nothing():
    real = Numbering()
    top = 2**53
    assert real.settle(top, top)
    assert (real.acked, real.ahead) == (0, [[top, top]])
    assert real.settle(top, top - 1, oldest=top - 1)
    assert (real.acked, real.ahead) == (top, [])


def test_oldest_never_settles_the_number_that_brings_it():
    real = Numbering()
    with pytest.raises(ValueError, match="above"):
        real.settle(0, 5, oldest=6)
    assert real.acked == 0
    assert real.settle(0, 5, oldest=5)
    assert real.acked == 5


@pytest.mark.parametrize(
    ("epoch", "number", "oldest", "skips"),
    [
        (1, 4, None, False),
        (1, 5, None, True),
        (1, 3, None, False),
        (1, 8, None, False),  # settled before
        (1, 10, None, True),
        (1, 10, 10, False),  # the device gave up what is below
        (0, 9, None, False),  # an ended series is refused elsewhere
        (2, 1, None, False),
        (2, 2, None, True),
        (2, 7, 7, False),
    ],
)
def test_what_would_leave_a_gap(epoch, number, oldest, skips):
    assert Numbering(1, 3, [[7, 9]]).skips(epoch, number, oldest) is skips
