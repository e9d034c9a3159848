"""What goes into one transaction when more has arrived than it takes."""

from __future__ import annotations

import json

import pytest

from devices.ingest import heaps
from devices.ingest.decode import Received
from devices.ingest.heaps import Heaps, tells_of_the_past
from devices.ingest.queues import size_of

NOW_US = 1_790_000_000_000_000
HOUR_MS = 3_600_000


class Ear:
    """A receiver that hears what a test puts there."""

    def __init__(self):
        self.heard = []
        self.open = True

    @property
    def waiting(self):
        return len(self.heard)

    def take(self):
        heard, self.heard = self.heard, []
        return heard, 0

    def is_open(self, message):
        return self.open


def message(seq, ago_ms=0, channel="pos", ack=None, size=0):
    row = {"seq": seq, "attrs": {"x": "y" * size}, "time": NOW_US // 1000 - ago_ms}
    body = row if channel == "pos" else {"rows": [row | {"time": row["time"] - 1000}, row]}
    return Received(f"st/v1/machine/1/d/{channel}", json.dumps(body).encode(), NOW_US, ack)


@pytest.fixture
def ear():
    return Ear()


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(heaps, "MOST_AT_ONCE", 10)


def numbers(taken):
    found = []
    for each in taken:
        body = json.loads(each.payload)
        found.append(body.get("seq") or body["rows"][0]["seq"])
    return found


def test_while_one_transaction_takes_all_nothing_overtakes(ear, small):
    ear.heard = [message(1, HOUR_MS), message(2), message(3, HOUR_MS), message(4)]
    taken = Heaps(ear).take()
    assert numbers(taken.heap) == [1, 2, 3, 4]
    assert taken.overflowed == 0


def test_the_present_goes_first_and_the_past_has_its_share(ear, small):
    queue = Heaps(ear)
    ear.heard = [message(n, HOUR_MS, "batch") for n in range(100, 106)] + [message(n) for n in range(1, 21)]
    assert numbers(queue.take().heap) == [*range(1, 9), 100, 101]
    assert queue.past == 4
    ear.heard = [message(21), message(106, HOUR_MS)]
    assert numbers(queue.take().heap) == [*range(9, 17), 102, 103]
    assert numbers(queue.take().heap) == [*range(17, 22), 104, 105, 106]
    assert queue.past == queue.left == 0
    # Caught up: in the order in which they come again.
    ear.heard = [message(107, HOUR_MS), message(22)]
    assert numbers(queue.take().heap) == [107, 22]


def test_nothing_overtakes_where_order_is_asked_for(ear, small):
    queue = Heaps(ear)
    ear.heard = [message(n, HOUR_MS) for n in range(100, 112)] + [message(n) for n in range(1, 13)]
    assert numbers(queue.take().heap) == [*range(1, 9), 100, 101]
    found = []
    while taken := queue.take(in_order=True).heap:
        found += numbers(taken)
    assert found == [*range(102, 112), *range(9, 13)]


def test_a_large_message_goes_alone(ear, monkeypatch):
    monkeypatch.setattr(heaps, "MOST_BYTES_AT_ONCE", 1000)
    queue = Heaps(ear)
    ear.heard = [message(1, size=5000), message(2, size=300), message(3, size=300), message(4, size=5000)]
    assert [numbers(queue.take().heap) for _ in range(4)] == [[1], [2, 3], [4], []]


def test_without_room_the_newest_of_the_past_are_left_for_their_devices_to_send_again(ear, small, monkeypatch):
    monkeypatch.setattr(heaps, "MOST_WAITING_BYTES", 20 * size_of([message(100)]))
    queue = Heaps(ear)
    ear.heard = [message(n, HOUR_MS) for n in range(100, 130)] + [message(130, HOUR_MS, ack=(1, 7)), message(131)]
    taken = queue.take()
    rest = []
    while more := queue.take().heap:
        rest += more
    found = numbers([*taken.heap, *rest])
    assert taken.overflowed == 32 - len(found) > 0
    assert {130, 131} <= set(found)  # the broker cannot be asked again for the one, the other is of now
    assert found[0] == 131
    assert sorted(found)[:-2] == list(range(100, 100 + len(found) - 2))


def test_what_waits_here_is_not_taken_twice(ear, small):
    queue = Heaps(ear)
    ear.heard = [message(n) for n in range(1, 16)]
    assert numbers(queue.take().heap) == [*range(1, 11)]
    again = [message(12), message(15), message(13, ack=(1, 7)), message(12, channel="batch")]
    of_another = message(14)._replace(topic="st/v1/machine/1/e/pos")
    # Number 3 has left; whether it was stored is not known here. What the broker waits for has to be acknowledged.
    ear.heard = [message(3), *again, of_another, message(14, channel="event"), *[message(n) for n in range(16, 20)]]
    taken = queue.take()
    assert taken.repeated == ["st/v1/machine/1/d/pos"] * 2 + ["st/v1/machine/1/d/batch"]
    assert numbers(taken.heap) == [*range(11, 16), 3, 13, 14, 14, 16]
    # A batch in which one number is new is taken whole.
    both = json.dumps({"rows": [{"seq": 18}, {"seq": 99}]}).encode()
    ear.heard = [Received("st/v1/machine/1/d/batch", both, NOW_US), *[message(n) for n in range(30, 40)]]
    assert numbers(queue.take().heap) == [17, 18, 19, 18, *range(30, 36)]
    # Nothing waits any more, and nothing is remembered.
    assert numbers(queue.take().heap) == [*range(36, 40)]
    ear.heard = [message(n) for n in range(36, 40)]
    assert queue.take().repeated == []


def test_in_order_a_repetition_may_be_the_one_whose_turn_it_is(ear, small):
    queue = Heaps(ear)
    ear.heard = [message(n) for n in range(1, 14)]
    queue.take(in_order=True)
    ear.heard = [message(12), message(13)]
    taken = queue.take(in_order=True)
    assert (numbers(taken.heap), taken.repeated) == ([11, 12, 13, 12, 13], [])


def test_who_waits_for_an_owner_is_asked_about_again(ear):
    queue = Heaps(ear)
    queue.hold([message(1)])
    assert (queue.waiting, queue.left) == (1, 0)
    assert numbers(queue.take().heap) == [1]
    queue.hold([message(1)])
    ear.open = False
    assert queue.take().heap == []


@pytest.mark.parametrize(
    ("payload", "past"),
    [
        (b'{"time": 1789999000000}', True),
        (b'{"time":1789999999000.5}', False),
        (b'{"time": "2026-09-21T22:00:00+08:00"}', True),
        (b'{"time": "2036-09-21T22:00:00Z"}', False),
        (b'{"time": "yesterday"}', False),
        (b'{"time": "\xff"}', False),
        (b'{"time": 99999999999999999999999999}', False),
        (b'{"time": ', False),
        (b"", False),
        (b'{"rows":[{"time":1},{"time":1790000000000}]}', False),
    ],
)
def test_what_tells_of_the_past(payload, past):
    assert tells_of_the_past(Received("st/v1/machine/1/d/batch", payload, NOW_US)) is past
    assert not tells_of_the_past(Received("st/v1/machine/1/d/event", payload, NOW_US))
