"""Reading the history as columns: the only module that knows where the past lies.

Recent days lie in the database (:mod:`twin.past_sql`), older ones in files (:mod:`twin.archive`), a day of which rows
came late in both; who asks is not told. A moment of many things is a keyframe, the digests since, and the rows of
those things alone that moved between the last digest and the moment (:mod:`twin.keyframes`).
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twin import past_sql
from twin.archive.files import Columns
from twin.archive.reading import Archived, archived_days, last_of_each, newest
from twin.batch import UNSAID
from twin.digests import stamp
from twin.keyframes import LOOK_BACK_US, Base, advance, base_at
from twin.kinds import Status
from twin.live.viewer import Window
from twin.past_rows import Assets, Ids, Rows

LAST_US = 253_402_300_799_000_000
"""The end of the year 9999."""
FEW = 2_000
"""So many things are read one by one sooner than a keyframe."""
_COLUMNS = ("asset", "time_us", "lon", "lat", "alt_m", "speed_m_s", "heading_deg", "status")


def newest_before(cursor: Any, assets: Assets, at_us: int, look_back_us: int, window: Window | None = None) -> Rows:
    """Each asset's newest row at or before a moment, none where that is longer ago than the look-back; in no order.

    Where a window is given, things that were not in it may be left out.
    """
    parts = [
        _newest_of_kind(cursor, code, assets.take(assets.kind == code), at_us, look_back_us, window)
        for code in assets.codes()
    ]
    return _together(parts) if parts else from_files(None, 0)


def _newest_of_kind(
    cursor: Any, code: int, assets: Assets, at_us: int, look_back_us: int, window: Window | None
) -> Rows:
    from_us = at_us - look_back_us
    days = archived_days(code, from_us, at_us)
    is_archived = bool(days) and days[-1].end_us > at_us
    # An archived day is read by the hour, but for a keyframe it would be read back to the day before.
    base = base_at(cursor, code, at_us) if look_back_us == LOOK_BACK_US and (is_archived or len(assets) > FEW) else None
    if base is None:
        found = past_sql.newest_before(cursor, assets, at_us, look_back_us)
        return _with_archived(found, days, assets.id, code, from_us, at_us)
    state = base.state
    if base.boxes is not None:
        settled = base.boxes["last"] <= at_us - base.tail_us
        state = advance(state, _some(base.boxes, settled), _some(base.last, settled))
    if is_archived:
        found = from_files(newest(days[-1:], _COLUMNS, base.tail_us, at_us, assets.id), code)
    else:
        moving = assets.take(np.isin(assets.id, _moving(cursor, base, at_us, window)))
        found = past_sql.newest_before(cursor, moving, at_us, at_us - base.tail_us)
    found = found.take(np.argsort(found["asset"]))
    state = advance(state, found.columns, {**found.columns, "said_us": found["time_us"]})
    state["status"][state["said_us"] <= from_us] = Status.IDLE
    state["status"][np.searchsorted(state["asset"], found["asset"][_unsure(base, found)])] = UNSAID
    del state["said_us"]
    rows = Rows({**state, "kind": np.full(len(state["asset"]), code, np.int16)})
    return rows.take((rows["time_us"] > from_us) & np.isin(rows["asset"], assets.id))


def _moving(cursor: Any, base: Base, at_us: int, window: Window | None) -> Ids:
    """Of whom there can be a row after the base that counts."""
    if base.boxes is None:
        # Who has reported since has a present that is newer, whatever else it did.
        cursor.execute("SELECT asset_id FROM twin_state WHERE ts > %s", [stamp(base.tail_us)])
        return np.array([row[0] for row in cursor.fetchall()], np.int64)
    boxes, since_us = base.boxes, at_us - base.tail_us
    moving = (boxes["first"] <= since_us) & (boxes["last"] > since_us)
    # A window may look round the globe; then it is not worth the trouble.
    if window is not None and window.west >= -180 and window.east <= 180:
        meets = (boxes["east"] >= window.west) & (boxes["west"] <= window.east)
        meets &= (boxes["north"] >= window.south) & (boxes["south"] <= window.north)
        was_there = base.state["asset"][window.holds(base.state["lon"], base.state["lat"])]
        moving &= meets | np.isin(boxes["asset"], was_there)
    return boxes["asset"][moving]


def _unsure(base: Base, rows: Rows) -> NDArray[np.bool_]:
    """Of which rows, read after the base, nobody knows yet what status was said last: bool[n]."""
    unsaid = rows["status"] == UNSAID
    if base.boxes is None or not len(base.boxes["asset"]):
        return unsaid
    at = np.minimum(np.searchsorted(base.boxes["asset"], rows["asset"]), len(base.boxes["asset"]) - 1)
    # In the whole slot it said none: it still has the one from before.
    silent = (base.boxes["asset"][at] == rows["asset"]) & (base.last["status"][at] == UNSAID)
    return unsaid & ~silent


def _with_archived(rows: Rows, days: list[Archived], ids: Ids, code: int, from_us: int, to_us: int) -> Rows:
    """Newest rows of the database, or of archived days where those have newer ones."""
    if not days:
        return rows
    done = rows["asset"][rows["time_us"] >= days[-1].end_us]
    found = from_files(newest(days, _COLUMNS, from_us, to_us, np.setdiff1d(ids, done)), code)
    both = _together([rows, found])
    return Rows(last_of_each(both.take(np.argsort(both["time_us"], kind="stable")).columns))


def track(cursor: Any, code: int, asset: int, from_us: int, to_us: int, most: int) -> Rows:
    """One asset's rows after ``from_us`` up to ``to_us``, of too many the newest ``most``; by time."""
    rows = past_sql.track(cursor, code, asset, from_us, to_us, most)
    parts = [rows]
    for day in archived_days(code, from_us, to_us):
        pieces = day.rows(_COLUMNS, from_us, to_us, np.array([asset]))
        parts += [from_files(piece, code) for piece in pieces]
    if len(parts) > 1:
        rows = once(_together(parts))
    return rows.take(np.argsort(rows["time_us"], kind="stable")[-most:])


def attributes(cursor: Any, code: int, asset: int, at_us: int) -> dict[str, Any]:
    """What an asset reported beside its position at this very instant; empty where nothing."""
    text = past_sql.attributes(cursor, code, asset, at_us)
    if text is None:
        for day in archived_days(code, at_us, at_us):
            for piece in day.rows(["attrs"], at_us - 1, at_us, np.array([asset])):
                text = piece["attrs"][-1]
    return json.loads(text) if text else {}


def rows_between(cursor: Any, assets: Assets, from_us: int, to_us: int, most: int) -> Rows | None:
    """Every row of theirs after ``from_us`` up to ``to_us``, in no order; None where there are more than ``most``."""
    rows = past_sql.rows_between(cursor, assets, from_us, to_us, most)
    if rows is None:
        return None
    parts, count = [rows], len(rows)
    for day, code, ids in _archived_of(assets, from_us, to_us):
        for piece in day.rows(_COLUMNS, from_us, to_us, ids):
            parts.append(from_files(piece, code))
            count += len(parts[-1])
            if count > most:
                return None
    return rows if len(parts) == 1 else once(_together(parts))


def newest_by_cell(cursor: Any, assets: Assets, from_us: int, to_us: int, cell_us: int) -> Rows:
    """Each asset's last row in each time cell after ``from_us`` up to ``to_us``, in no order."""
    parts = [past_sql.newest_by_cell(cursor, assets, from_us, to_us, cell_us)]
    for day, code, ids in _archived_of(assets, from_us, to_us):
        for piece in day.rows(_COLUMNS, from_us, to_us, ids):
            parts.append(_last_in_cells(from_files(piece, code), from_us, cell_us))
    return parts[0] if len(parts) == 1 else _last_in_cells(_together(parts), from_us, cell_us)


def status_before(cursor: Any, assets: Assets, at_us: int, look_back_us: int) -> dict[int, tuple[int, int]]:
    """The last status that each asset said at or before a moment, and when, where one of its newest rows says any."""
    said = past_sql.status_before(cursor, assets, at_us, look_back_us)
    for code in assets.codes():
        if days := archived_days(code, at_us - look_back_us, at_us):
            missing = np.setdiff1d(assets.id[assets.kind == code], list(said))
            found = newest(days, ["status"], at_us - look_back_us, at_us, missing, said=True)
            if found is not None:
                when = zip(found["status"].tolist(), found["time_us"].tolist(), strict=True)
                said |= dict(zip(found["asset"].tolist(), when, strict=True))
    return said


def oldest(cursor: Any, assets: Assets) -> int | None:
    """When the oldest row kept of any of these assets was, microseconds since 1970 UTC; None where there is none."""
    found = past_sql.oldest(cursor, assets)
    for code in assets.codes():
        ids = assets.id[assets.kind == code]
        for day in archived_days(code, 0, LAST_US if found is None else found):
            first = day.oldest(ids)
            if first is not None:
                found = first if found is None else min(found, first)
                break
    return found


def _archived_of(assets: Assets, from_us: int, to_us: int) -> list[tuple[Archived, int, Ids]]:
    """Archived days of a span, with the code and the assets of their kind."""
    codes = assets.codes()
    return [(day, c, assets.id[assets.kind == c]) for c in codes for day in archived_days(c, from_us, to_us)]


def _last_in_cells(rows: Rows, from_us: int, cell_us: int) -> Rows:
    """Each asset's last row of each cell; a cell ends with its last moment, as the span does."""
    rows = rows.take(np.lexsort((rows["time_us"], rows["asset"])))
    cell = (rows["time_us"] - from_us - 1) // cell_us
    is_last = np.append((rows["asset"][1:] != rows["asset"][:-1]) | (cell[1:] != cell[:-1]), True)[: len(rows)]
    return rows.take(is_last)


def once(rows: Rows) -> Rows:
    """Rows that stand in a file and, come again, in the database, once."""
    keys = ("asset", "time_us", "lon", "lat")
    rows = rows.take(np.lexsort([rows[name] for name in keys]))
    again = np.ones(max(len(rows) - 1, 0), bool)
    for name in keys:
        again &= rows[name][1:] == rows[name][:-1]
    return rows.take(np.append(True, ~again)[: len(rows)])


def from_files(columns: Columns | None, code: int) -> Rows:
    if columns is None:
        columns = dict.fromkeys(_COLUMNS, np.empty(0, np.float32)) | {
            name: np.empty(0, kind) for name, kind in (("asset", "i8"), ("time_us", "i8"), ("status", "i2"))
        }
    return Rows({**columns, "kind": np.full(len(columns["asset"]), code, np.int16)})


def _some(columns: Columns, rows: NDArray[np.bool_]) -> Columns:
    return {name: column[rows] for name, column in columns.items()}


def _together(parts: list[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    return Rows({name: np.concatenate([part[name] for part in parts]) for name in (*_COLUMNS, "kind")})
