"""The city on the hour: where everything was, so that a moment is a keyframe, the digests since, and a few rows.

A keyframe at an hour holds of each thing the newest row at or before it, no older than a day, with the status that the
thing said last (idle where none in that day). The next one is this one and the twelve digests between; a first one is
read from the rows. Keyframes of an archived day stay: with them its file is read for an hour at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from twin.digests import LAST, Columns, Layout, late_slots, pack, read_digests, stamp, unpack
from twin.history import SLOT_US
from twin.kinds import Status
from twin.past_columns import moment, read_pieces

HOUR_US = 3_600_000_000
LOOK_BACK_US = 24 * HOUR_US
_KEYFRAME: Layout = [("asset", "<i8"), *LAST]


@dataclass(frozen=True)
class Base:
    """The newest rows at a moment, as far as keyframe and digests say.

    Attributes
    ----------
    state : dict of arrays
        Columns of a keyframe, by ascending asset; a status is what was said last.
    tail_us : int
        Rows after this are not in it.
    boxes : dict of arrays, optional
        As :data:`twin.digests.BOXES` says, of the slot that holds the moment, which begins at ``tail_us``; None where
        that slot is not summed up.
    last : dict of arrays
        Beside ``boxes``, as :data:`twin.digests.LAST` says.
    """

    state: Columns
    tail_us: int
    boxes: Columns | None
    last: Columns


def base_at(cursor: Any, code: int, at_us: int) -> Base | None:
    """What is known of a kind at a moment; None where there is no keyframe, or it may not be believed."""
    hour_us = at_us // HOUR_US * HOUR_US
    if len(late_slots(cursor, code, hour_us - LOOK_BACK_US, at_us)):
        return None
    state = read_keyframe(cursor, code, hour_us)
    if state is None:
        return None
    digests = read_digests(cursor, code, hour_us, at_us + 1)
    tail_us = hour_us
    while tail_us + SLOT_US <= at_us and tail_us in digests:
        state = advance(state, *digests[tail_us])
        tail_us += SLOT_US
    boxes, last = digests.get(tail_us, (None, {})) if at_us < tail_us + SLOT_US else (None, {})
    return Base(state, tail_us, boxes, last)


def advance(state: Columns, boxes: Columns, last: Columns) -> Columns:
    """A state and newer rows: the state then.

    Parameters
    ----------
    state : dict of arrays
        Columns of a keyframe, by ascending asset.
    boxes : dict of arrays
        ``asset``, ascending.
    last : dict of arrays
        Beside it, as :data:`twin.digests.LAST` says; who says no status keeps the one from before.

    Returns
    -------
    dict of arrays
        In the place of ``state``, whose arrays may have been written to.
    """
    asset = state["asset"]
    at = np.searchsorted(asset, boxes["asset"])
    is_new = np.ones(len(at), bool)
    inner = at < len(asset)
    is_new[inner] = asset[at[inner]] != boxes["asset"][inner]
    columns: Columns = {name: column if column.flags.writeable else column.copy() for name, column in state.items()}
    if is_new.any():
        # Few are: they are set in where they belong, so that nothing is sorted.
        blank: dict[str, int] = {"status": Status.IDLE}
        columns = {name: np.insert(column, at[is_new], blank.get(name, 0)) for name, column in columns.items()}
        at = at + np.cumsum(is_new) - is_new
        columns["asset"][at[is_new]] = boxes["asset"][is_new]
    said = last["status"] >= 0
    for name, _kind in LAST:
        if name in ("status", "said_us"):
            columns[name][at[said]] = last[name][said]
        else:
            columns[name][at] = last[name]
    return columns


def read_keyframe(cursor: Any, code: int, hour_us: int) -> Columns | None:
    """The keyframe at an hour; None where there is none."""
    query = sql.SQL("SELECT 0::int8, data FROM twin_keyframe WHERE kind = {} AND at = {}").format(
        sql.Literal(code), moment(hour_us)
    )
    found = read_pieces(cursor, query, 1)
    return unpack(found[0][1][0], _KEYFRAME) if found else None


def write_keyframe(cursor: Any, code: int, hour_us: int, state: Columns) -> None:
    """Keep a state as the keyframe at an hour; what is older than a day is left out."""
    fresh: NDArray[np.bool_] = state["time_us"] > hour_us - LOOK_BACK_US
    kept = {name: column[fresh] for name, column in state.items()}
    cursor.execute(
        """INSERT INTO twin_keyframe (kind, at, things, data) VALUES (%s, %s, %s, %s)
           ON CONFLICT (kind, at) DO UPDATE SET things = excluded.things, data = excluded.data""",
        [code, stamp(hour_us), len(kept["asset"]), pack(kept, _KEYFRAME)],
    )


def make_keyframe(cursor: Any, code: int, hour_us: int) -> bool:
    """Make the keyframe at an hour from the one before it; whether that and all its digests were there."""
    state = read_keyframe(cursor, code, hour_us - HOUR_US)
    if state is None:
        return False
    digests = read_digests(cursor, code, hour_us - HOUR_US, hour_us)
    for slot_us in range(hour_us - HOUR_US, hour_us, SLOT_US):
        if slot_us not in digests:
            return False
        state = advance(state, *digests[slot_us])
    write_keyframe(cursor, code, hour_us, state)
    return True
