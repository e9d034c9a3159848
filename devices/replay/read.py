"""A recorded track file to clean columns. Pure: a file and the user's choices in, tracks and what was said out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from devices.replay.columns import ALT_UNITS, SPEED_UNITS, alt_unit, choose_columns, speed_unit
from devices.replay.formats import Table, read_table
from devices.replay.times import NO_TIME, parse_times
from devices.replay.words import Said, TrackFileError, gettext_noop

RANGES = {"alt": (-1000.0, 100_000.0), "speed": (0.0, 400.0), "heading": (0.0, 360.0)}
"""What the protocol takes, in its units."""


@dataclass(frozen=True)
class Choices:
    """What the user said about a file; everything left out is guessed, and said aloud."""

    columns: dict[str, str] = field(default_factory=dict)
    """Role ("time", "lon", "lat", "id", "alt", "speed", "heading") to column."""
    time_format: str | None = None
    time_unit: str | None = None
    speed_unit: str | None = None
    alt_unit: str | None = None


@dataclass(frozen=True)
class Tracks:
    """Positions in the order of their times.

    Attributes
    ----------
    track : (n,) object
        Identifier of the thing that moved, as the file has it.
    time_us : (n,) int64
        Microseconds since 1970 or since the recording's own beginning.
    lon, lat : (n,) float64
        Degrees, in whatever datum the file is in.
    alt_m, speed_m_s, heading_deg : (n,) float64
        NaN where unknown.
    said : list of Said
        What was guessed or left out.
    refused : Counter
        Rows left out, by reason.
    """

    track: NDArray[np.object_]
    time_us: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    alt_m: NDArray[np.float64]
    speed_m_s: NDArray[np.float64]
    heading_deg: NDArray[np.float64]
    said: list[Said]
    refused: Counter[str]

    def __len__(self) -> int:
        return len(self.time_us)


def read_tracks(path: Path, choices: Choices | None = None) -> Tracks:
    """Read a track file.

    Raises
    ------
    TrackFileError
        It cannot be read or understood, or no row of it can be replayed.
    """
    choices = choices or Choices()
    table = read_table(path)
    frame = table.frame
    roles = choose_columns(frame, table.roles | choices.columns)
    times, how = parse_times(frame[roles["time"]], choices.time_unit, choices.time_format)
    said = [Said(gettext_noop("时间列：%(column)s（%(how)s）"), column=roles["time"], how=how)]
    said.append(Said(gettext_noop("坐标列：%(lon)s、%(lat)s"), lon=roles["lon"], lat=roles["lat"]))
    track = _track(frame, roles, path, said)
    lon, lat = _numbers(frame, roles["lon"]), _numbers(frame, roles["lat"])
    reason = _reasons(times, lon, lat)
    reason[(reason == "") & _repeated(times, track, reason == "")] = "repeated_time"
    refused = table.refused + Counter(reason[reason != ""].tolist())
    good = np.flatnonzero(reason == "")
    if not len(good):
        raise TrackFileError(
            gettext_noop("没有一行能用：%(refused)s"), refused="、".join(f"{k} {v}" for k, v in refused.items())
        )
    if (backward := int((np.diff(times[good]) < 0).sum())) and len(np.unique(track[good])) == 1:
        said.append(Said(gettext_noop("时间有 %(count)d 处倒退，已按时间排序"), count=backward))
    order = good[np.argsort(times[good], kind="stable")]
    optional = _optional(table, roles, choices, said)
    return Tracks(
        track[order], times[order], lon[order], lat[order],
        optional["alt"][order], optional["speed"][order], optional["heading"][order], said, refused,
    )  # fmt: skip


def _track(frame: pd.DataFrame, roles: dict[str, str], path: Path, said: list[Said]) -> NDArray[np.object_]:
    stem = path.name.split(".")[0]
    if "id" not in roles:
        said.append(Said(gettext_noop("没有编号列：整个文件算一条轨迹 %(stem)s"), stem=stem))
        return np.full(len(frame), stem, object)
    column = frame[roles["id"]]
    track = column.astype("string").str.strip().replace("", pd.NA).fillna(stem).to_numpy(object)
    said.append(
        Said(gettext_noop("编号列：%(column)s（%(count)d 个）"), column=roles["id"], count=len(np.unique(track)))
    )
    return track


def _reasons(times: NDArray[np.int64], lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.object_]:
    """Why a row cannot be replayed; "" where it can."""
    reason = np.full(len(times), "", object)
    reason[(np.abs(lon) > 180) | (np.abs(lat) > 90)] = "out_of_range"
    reason[~(np.isfinite(lon) & np.isfinite(lat))] = "no_coordinate"
    reason[times == NO_TIME] = "no_time"
    return reason


def _repeated(times: NDArray[np.int64], track: NDArray[np.object_], usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows whose track already has a usable row of the same time: a thing is in one place at a time."""
    out = np.zeros(len(times), bool)
    keys = pd.DataFrame({"track": track[usable], "time": times[usable]})
    out[np.flatnonzero(usable)[keys.duplicated().to_numpy()]] = True
    return out


def _numbers(frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    return pd.to_numeric(frame[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)


def _optional(
    table: Table, roles: dict[str, str], choices: Choices, said: list[Said]
) -> dict[str, NDArray[np.float64]]:
    """Altitude, speed and heading in the protocol's units; blank where the file has nothing that can be sent."""
    frame = table.frame
    out = {role: np.full(len(frame), np.nan) for role in RANGES}
    for role, (least, most) in RANGES.items():
        if role not in roles or frame[roles[role]].isna().all():
            continue
        column = roles[role]
        factor, unit = 1.0, "°"
        if role == "alt":
            unit = choices.alt_unit or ("m" if role in table.roles else alt_unit(column, frame))
            factor = ALT_UNITS[unit]
        elif role == "speed":
            known = choices.speed_unit or ("m/s" if role in table.roles else speed_unit(column))
            if known is None:
                said.append(Said(gettext_noop("速度列 %(column)s 未用：不知道单位，请给 --speed-unit"), column=column))
                continue
            unit, factor = known, SPEED_UNITS[known]
        values = _numbers(frame, column) * factor
        bad = np.isfinite(values) & ((values < least) | (values > most))
        out[role] = np.where(np.isfinite(values) & ~bad, values, np.nan)
        said.append(Said(gettext_noop("%(role)s 列：%(column)s（%(unit)s）"), role=role, column=column, unit=unit))
        if bad.any():
            said.append(Said(gettext_noop("%(role)s 有 %(count)d 个值超出范围，略去"), role=role, count=int(bad.sum())))
    return out
