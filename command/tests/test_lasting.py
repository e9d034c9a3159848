"""What must last before it counts: against a plain loop, and the cases people ask about."""

from __future__ import annotations

import numpy as np
import pytest

from command.lasting import Waiting, settle

S = 1_000_000


def ids(values):
    return np.array(list(values), np.int64)


def waiting_of(pairs):
    """``{(asset, area): (since, coming)}`` as columns."""
    rows = [(a, z, since, coming) for (a, z), (since, coming) in sorted(pairs.items())]
    asset, area, since, coming = zip(*rows, strict=True) if rows else [()] * 4
    return Waiting(ids(asset), ids(area), ids(since), np.array(coming, bool))


def plainly(rows, found, hold, opened, waiting):
    """The same, one position after the other: ``rows`` of (asset, time), ``found`` pairs of (row, area)."""
    opened, waiting, counts = set(opened), dict(waiting), set()
    pairs = {(rows[i][0], area) for i, area in found} | opened | set(waiting)
    for i, (asset, time) in enumerate(rows):
        for pair in [p for p in pairs if p[0] == asset]:
            holds = (i, pair[1]) in found
            since, coming = waiting.get(pair, (None, None))
            if since is None or coming != holds:
                since = time
            waiting[pair] = since, holds
            if time - since >= hold:
                (opened.add if holds else opened.discard)(pair)
            if pair in opened:
                counts.add((i, pair[1]))
    seen = {asset for asset, _time in rows}
    left = {p: w for p, w in waiting.items() if p[0] in seen and w[1] != (p in opened)}
    return counts, left


def settled(rows, found, hold, opened=(), waiting=None):
    found, opened = sorted(found), sorted(opened)
    answer = settle(
        ids(a for a, _t in rows),
        ids(t for _a, t in rows),
        ids(i for i, _z in found),
        ids(z for _i, z in found),
        hold,
        (ids(a for a, _z in opened), ids(z for _a, z in opened)),
        waiting_of(waiting or {}),
    )
    return set(zip(answer.row.tolist(), answer.area.tolist(), strict=True)), answer.waiting.entries()


@pytest.mark.parametrize("seed", range(12))
def test_it_is_what_a_plain_loop_finds_however_the_rows_are_cut_into_batches(seed):
    rng = np.random.default_rng(seed)
    hold = int(rng.integers(1, 6)) * S
    rows = sorted((int(a), int(t) * S) for a, t in zip(rng.integers(1, 4, 30), rng.integers(0, 40, 30), strict=True))
    found = {(i, int(z)) for i in range(len(rows)) for z in (0, 7, 9) if rng.random() < 0.6}
    opened, waiting = {(1, 7), (2, 0), (5, 9)}, {(1, 9): (-2 * S, True), (2, 0): (-S, False), (6, 0): (0, True)}
    counts, left = plainly(rows, found, hold, opened, waiting)
    assert settled(rows, found, hold, opened, waiting) == (counts, left)

    cut = 20 * S  # the same positions in two batches
    together, now_open, still = set(), opened, waiting
    for keep in (lambda t: t < cut, lambda t: t >= cut):
        part = [i for i, (_a, t) in enumerate(rows) if keep(t)]
        new = {old: k for k, old in enumerate(part)}
        seen = {rows[i][0] for i in part}
        got, left = settled([rows[i] for i in part], {(new[i], z) for i, z in found if i in new}, hold, now_open, still)
        together |= {(part[i], z) for i, z in got}
        last = {rows[i][0]: new[i] for i in part}
        now_open = {p for p in now_open if p[0] not in seen}
        now_open |= {(a, z) for a, k in last.items() for i, z in got if i == k}
        still = {p: w for p, w in still.items() if p[0] not in seen} | left
    assert together == counts


def test_a_cause_that_comes_and_goes_within_the_time_never_counts():
    rows = [(1, t * S) for t in (0, 20, 40, 60, 80)]
    assert settled(rows, {(0, 0), (1, 0), (3, 0)}, 30 * S) == (set(), {})


def test_silence_is_no_change():
    # Inside when last heard of, inside when heard of again: nothing says that it was ever out.
    counts, left = settled([(1, 600 * S)], {(0, 4)}, 60 * S, waiting={(1, 4): (0, True)})
    assert (counts, left) == ({(0, 4)}, {})


def test_nothing_found_nothing_open():
    assert settled([(1, 0)], set(), S) == (set(), {})
