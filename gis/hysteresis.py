"""Crossings that hold against the positioning's error: who leaves a fence, or passes a line, must mean it. Pure.

A position just outside a fence may be the error of a thing inside. So a fence is left when the thing is further than a
margin outside, or has been outside for some time; a line is passed when the thing is further than the margin beyond, or
has not gone back for some time. Entering waits for nothing: fences mostly forbid, and the doubtful case must alarm.

What is not decided yet is *waiting*: it is kept from batch to batch with the time at which waiting began. So how a
stream is cut into batches changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gis.fences import Transitions
from gis.nearness import ranges

Ids = NDArray[np.int64]
Near = Callable[[Ids, Ids], NDArray[np.bool_]]
"""``near(subject, row)``: whether the positions ``row`` are within the margin of the fences or lines ``subject``."""
_FIRST_LOOK = 4


@dataclass(frozen=True)
class Rows:
    """``n`` positions sorted by asset and time.

    Attributes
    ----------
    asset, time_us : int64[n]
    after_us : int64[n]
        How long it must be beyond, though near, to be believed.
    """

    asset: Ids
    time_us: Ids
    after_us: Ids

    def ends(self, row: Ids) -> Ids:
        """The row after the last one of each row's asset."""
        return np.searchsorted(self.asset, self.asset[row], "right")

    def key(self, subject: Ids, row: Ids) -> Ids:
        """One number for a fence or line and a row, ascending with the row for each subject."""
        return subject * (len(self.asset) + 1) + row


@dataclass(frozen=True)
class Waiting:
    """What is not decided: one entry an asset and fence, or line.

    Attributes
    ----------
    asset, subject : int64[k]
    since_us : int64[k]
        Since when it has been beyond.
    inward : int64[k]
        Of a line: 1 where it would pass inwards, -1 outwards (around the end of a line, more than once). Of a fence:
        -1, it would leave.
    """

    asset: Ids
    subject: Ids
    since_us: Ids
    inward: Ids

    def __len__(self) -> int:
        return len(self.asset)

    def take(self, entries: Ids) -> Waiting:
        """Some of them, by index."""
        return Waiting(self.asset[entries], self.subject[entries], self.since_us[entries], self.inward[entries])

    @classmethod
    def nothing(cls) -> Waiting:
        """Everything is decided."""
        none = np.zeros(0, np.int64)
        return cls(none, none, none, none)


@dataclass(frozen=True)
class Held:
    """What became of exits.

    Attributes
    ----------
    change : Transitions
        Without the exits that are not believed; those believed later are at that row.
    row, fence : int64[h]
        Positions outside a fence that count as inside.
    waiting : Waiting
        Who is inside, though outside, after the last row.
    """

    change: Transitions
    row: Ids
    fence: Ids
    waiting: Waiting


def hold_exits(change: Transitions, rows: Rows, steady: NDArray[np.bool_], near: Near, before: Waiting) -> Held:
    """Believe exits only once they are clear.

    Parameters
    ----------
    change : Transitions
        What the positions say by themselves (:func:`gis.fences.transitions`).
    steady : bool[n]
        Rows of assets whose exits are believed at once.
    near : callable
        :data:`Near`, for fences.
    before : Waiting
        Who was waiting before these rows.
    """
    exits = np.flatnonzero(~change.entered)
    exits = exits[~steady[change.point_index[exits]]]
    if not len(exits):
        none = np.zeros(0, np.int64)
        return Held(change, none, none, Waiting.nothing())
    row, fence = change.point_index[exits], change.fence_id[exits]
    entries = np.flatnonzero(change.entered)
    entries = entries[np.argsort(rows.key(change.fence_id[entries], change.point_index[entries]))]
    entry_key = rows.key(change.fence_id[entries], change.point_index[entries])
    # The row at which it is inside again, or the end of what is known of it.
    stop = rows.ends(row)
    following = np.searchsorted(entry_key, rows.key(fence, row))
    again = following < len(entries)
    again[again] = entry_key[following[again]] < rows.key(fence, stop)[again]
    entry = entries[following[again]]
    stop[again] = change.point_index[entry]
    since_us = _since(rows, row, fence, before)
    left = first_clear(row, stop, rows.time_us, since_us, rows.after_us[row], lambda k, r: near(fence[k], r))
    stayed = left == stop
    if not (left > row).any():
        none = np.zeros(0, np.int64)
        return Held(change, none, none, Waiting.nothing())

    point = change.point_index.copy()
    point[exits] = left
    kept = np.ones(len(point), bool)
    kept[exits[stayed]] = False
    kept[entry[stayed[again]]] = False
    point, fences, entered = point[kept], change.fence_id[kept], change.entered[kept]
    order = np.lexsort((fences, entered, point))
    waits = stayed & ~again
    asset = rows.asset[row]
    held = np.repeat(np.arange(len(row)), left - row)
    return Held(
        replace(
            change,
            point_index=point[order],
            fence_id=fences[order],
            entered=entered[order],
            present_asset=np.r_[change.present_asset, asset[waits]],
            present_fence=np.r_[change.present_fence, fence[waits]],
        ),
        ranges(row, left - row),
        fence[held],
        Waiting(asset[waits], fence[waits], since_us[waits], np.full(int(waits.sum()), -1)),
    )


@dataclass(frozen=True)
class Passed:
    """Lines passed: ``row``, ``line`` and ``inward`` (bool), int64[k] each, ordered by row; and who is waiting."""

    row: Ids
    line: Ids
    inward: NDArray[np.bool_]
    waiting: Waiting


def hold_passes(row: Ids, line: Ids, inward: Ids, rows: Rows, near: Near, before: Waiting) -> Passed:
    """Believe that a line was passed once it is clear; who went back before that did not pass it.

    Parameters
    ----------
    row, line, inward : int64[k]
        What the steps say by themselves (:meth:`gis.lines.LineIndex.crossed`): each step's last row.
    near : callable
        :data:`Near`, for lines.
    before : Waiting
        Who was waiting before these rows.
    """
    first = np.searchsorted(rows.asset, before.asset)
    here = first < len(rows.asset)
    here[here] = rows.asset[first[here]] == before.asset[here]
    # Who waits is a step of its own, begun before the first row.
    new = np.r_[np.zeros(int(here.sum()), bool), np.ones(len(row), bool)]
    row, line = np.r_[first[here], row], np.r_[before.subject[here], line]
    inward = np.r_[before.inward[here], inward]
    if not len(row):
        return Passed(row, line, inward > 0, Waiting.nothing())
    since_us = np.where(new, rows.time_us[row], np.r_[before.since_us[here], np.zeros(len(row) - here.sum(), np.int64)])
    asset = rows.asset[row]
    order = np.lexsort((new, row, line, asset))
    row, line, inward, since_us, asset = (column[order] for column in (row, line, inward, since_us, asset))
    follows = np.r_[False, (asset[1:] == asset[:-1]) & (line[1:] == line[:-1])]
    stop = rows.ends(row)
    stop[:-1][follows[1:]] = row[1:][follows[1:]]
    clear = first_clear(row, stop, rows.time_us, since_us, rows.after_us[row], lambda k, r: near(line[k], r))
    decided = clear < stop
    # Steps since the last decision count together: there and back is nothing.
    begins = ~follows
    begins[1:] |= decided[:-1]
    group = np.flatnonzero(begins)
    net = np.add.reduceat(inward, group)
    last = np.r_[group[1:], len(row)] - 1
    told = np.flatnonzero(decided[last] & (net != 0))
    at = last[told]
    by_row = np.lexsort((line[at], clear[at]))
    waits = ~decided[last] & (net != 0)
    return Passed(
        clear[at][by_row],
        line[at][by_row],
        net[told][by_row] > 0,
        Waiting(asset[last][waits], line[last][waits], since_us[last][waits], net[waits]),
    )


def first_clear(start: Ids, stop: Ids, time_us: Ids, since_us: Ids, after_us: Ids, near: Near) -> Ids:
    """The first row from ``start`` up to, not including, ``stop`` that is not near, or at which the time is up.

    Parameters
    ----------
    start, stop, since_us, after_us : int64[k]
        One run of rows each, when its waiting began, and how long it waits.
    time_us : int64[n]
        Times of the rows.
    near : callable
        ``near(run, row)``, as :data:`Near`.

    Returns
    -------
    int64[k]
        ``stop`` where there is none.

    Notes
    -----
    All runs are looked at together, four rows of each, then sixteen, and so on: what is asked is in proportion to what
    is found near, and how often, to the logarithm of the longest wait.
    """
    found = stop.copy()
    at = start.copy()
    open_ = np.flatnonzero(at < stop)
    look = _FIRST_LOOK
    while len(open_):
        upto = np.minimum(at[open_] + look, stop[open_])
        run = np.repeat(open_, upto - at[open_])
        row = ranges(at[open_], upto - at[open_])
        clear = time_us[row] - since_us[run] >= after_us[run]
        asked = np.flatnonzero(~clear)
        clear[asked] = ~near(run[asked], row[asked])
        hit = np.flatnonzero(clear)
        runs, first = np.unique(run[hit], return_index=True)
        found[runs] = row[hit[first]]
        at[open_] = upto
        open_ = open_[(found[open_] == stop[open_]) & (upto < stop[open_])]
        look *= _FIRST_LOOK
    return found


def _since(rows: Rows, row: Ids, fence: Ids, before: Waiting) -> Ids:
    """When each exit began: before these rows, or at its own."""
    since_us = rows.time_us[row]
    if not len(before):
        return since_us
    since_us = since_us.copy()
    first = np.searchsorted(rows.asset, before.asset)
    here = first < len(rows.asset)
    here[here] = rows.asset[first[here]] == before.asset[here]
    key = rows.key(before.subject[here], first[here])
    order = np.argsort(key)
    key, known_us = key[order], before.since_us[here][order]
    wanted = rows.key(fence, row)
    at = np.searchsorted(key, wanted).clip(max=max(len(key) - 1, 0))
    known = key[at] == wanted if len(key) else np.zeros(len(wanted), bool)
    since_us[known] = known_us[at[known]]
    return since_us
