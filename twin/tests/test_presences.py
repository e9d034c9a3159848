"""Who is where, as columns: the same as a dictionary of dictionaries would say, whatever happens."""

from __future__ import annotations

import numpy as np

from twin.presences import Presences


def whole(*values):
    return np.array(values, np.int64)


def said(presences, *slots):
    at, area = presences.of(whole(*slots))
    since = presences.since(whole(*slots)[at], area)
    return [(slots[i], int(a), int(s)) for i, a, s in zip(at, area, since, strict=True)]


def test_what_is_replaced_is_what_there_is():
    presences = Presences()
    presences.make_room(4)
    presences.replace(whole(0, 1, 3), whole(3, 0, 3), whole(70, 71, 72), whole(7, 8, 9))
    assert said(presences, 0, 1, 2, 3) == [(0, 71, 8), (3, 70, 7), (3, 72, 9)]
    presences.replace(whole(3), whole(3), whole(72), whole(9))
    assert said(presences, 3, 0) == [(3, 72, 9), (0, 71, 8)]
    assert presences.since(whole(3, 3, 1), whole(70, 72, 70)).tolist() == [0, 9, 0]


def test_it_grows_both_ways_and_forgets_areas_and_slots():
    presences = Presences()
    presences.make_room(1)
    presences.replace(whole(0), whole(0, 0, 0), whole(5, 6, 7), whole(1, 2, 3))
    presences.make_room(100)
    assert said(presences, 99, 0) == [(0, 5, 1), (0, 6, 2), (0, 7, 3)]
    presences.keep_areas({6, 7, 8})
    assert said(presences, 0) == [(0, 6, 2), (0, 7, 3)]
    presences.empty(slice(0, 1))
    assert said(presences, 0) == []


def test_against_dictionaries():
    rng = np.random.default_rng(7)
    presences, plain = Presences(), {}
    presences.make_room(30)
    for turn in range(200):
        slots = rng.permutation(30)[: rng.integers(1, 10)]
        pairs = {(int(s), int(a)): turn + 1 for s in slots for a in rng.integers(1, 9, rng.integers(0, 5))}
        for slot in slots.tolist():
            plain[slot] = {a: t for (s, a), t in pairs.items() if s == slot}
        order = rng.permutation(len(pairs))
        columns = np.array([(s, a, t) for (s, a), t in pairs.items()], np.int64).reshape(-1, 3)[order].T
        presences.replace(slots, *columns)
        assert {s: {a: t for q, a, t in said(presences, s)} for s in plain} == plain
