"""Which column of a file says what: named on the command line, or guessed from its heading, never silently."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pandas as pd

from devices.replay.words import TrackFileError, gettext_noop

# Headings as compared: lower case, letters and digits only. Earlier groups win; two of one group are ambiguous.
HEADINGS: dict[str, tuple[tuple[str, ...], ...]] = {
    "time": (
        ("time", "timestamp", "datetime", "t", "ts", "时间", "定位时间", "gpstime", "timeutc", "utctime"),
        ("date", "dateandtime", "basedatetime", "时间戳", "采集时间", "上报时间"),
    ),
    "lon": (("lon", "lng", "longitude", "long", "经度", "londeg"), ("x",)),
    "lat": (("lat", "latitude", "纬度", "latdeg"), ("y",)),
    "id": (
        ("deviceid", "vehicleid", "agentid", "mmsi", "icao24", "imei", "terminalid", "终端编号", "车辆编号", "车牌号"),
        ("trackid", "trajectoryid", "trajid", "tripid", "轨迹编号"),
        ("id", "tracker", "device", "vehicle", "编号"),
    ),
    "alt": (("altm", "altitudem", "ele", "elevation", "高程"), ("alt", "altitude", "高度", "z")),
    "speed": (("speedms", "speedmps", "speedkmh", "speedkph", "groundspeed", "sog"), ("speed", "velocity", "速度")),
    "heading": (("heading", "headingdeg", "bearing", "course", "cog", "track", "航向", "方向"),),
}
ENDINGS: dict[str, tuple[str, ...]] = {"time": ("timestamp", "datetime", "time")}
NEEDED = ("time", "lon", "lat")

SPEED_UNITS = {"m/s": 1.0, "km/h": 1 / 3.6, "kn": 1852 / 3600, "mph": 0.44704}
ALT_UNITS = {"m": 1.0, "ft": 0.3048}


def choose_columns(frame: pd.DataFrame, named: Mapping[str, str]) -> dict[str, str]:
    """Column of every role ("time", "lon", "lat", "id", "alt", "speed", "heading") that has one.

    Parameters
    ----------
    frame : DataFrame
        The file.
    named : mapping
        Role to column, as the user (or the format itself) said; these are never guessed.

    Raises
    ------
    TrackFileError
        A named column is not there; a needed one cannot be guessed; two are equally likely.
    """
    chosen: dict[str, str] = {}
    for role, column in named.items():
        if column not in frame.columns:
            raise TrackFileError(
                gettext_noop("没有列 %(column)r；文件中的列：%(columns)s"), column=column, columns=_listed(frame)
            )
        chosen[role] = column
    for role in HEADINGS:
        if role in chosen:
            continue
        candidates = _candidates(frame, role, set(chosen.values()))
        if len(candidates) > 1:
            raise TrackFileError(
                gettext_noop("%(role)s 列有几种可能：%(candidates)s；请用 --%(role)s 指定一个"),
                role="speed-column" if role == "speed" else role,
                candidates="、".join(candidates),
            )
        if candidates:
            chosen[role] = candidates[0]
        elif role in NEEDED:
            raise TrackFileError(
                gettext_noop("认不出 %(role)s 列；请用 --%(role)s 指定。文件中的列：%(columns)s"),
                role=role,
                columns=_listed(frame),
            )
    return chosen


def speed_unit(column: str) -> str | None:
    """Unit that a speed column's name tells, None when it tells none."""
    plain = _plain(column)
    if plain in ("groundspeed", "sog"):
        return "kn"
    return {"speedms": "m/s", "speedmps": "m/s", "speedkmh": "km/h", "speedkph": "km/h"}.get(plain)


def alt_unit(column: str, frame: pd.DataFrame) -> str:
    """Unit of an altitude column: feet in records of aviation (ICAO Annex 5, table 3-4), metres elsewhere."""
    aviation = {"icao24", "squawk", "callsign"} & {_plain(str(name)) for name in frame.columns}
    return "ft" if aviation and _plain(column) in ("alt", "altitude") else "m"


def _candidates(frame: pd.DataFrame, role: str, taken: set[str]) -> list[str]:
    plain = {str(column): _plain(str(column)) for column in frame.columns if column not in taken}
    if role == "id":
        # A column that never repeats numbers the rows, not the things that moved.
        plain = {c: p for c, p in plain.items() if len(frame) < 2 or frame[c].astype(str).nunique() < len(frame)}
    for group in HEADINGS[role]:
        if found := [column for column, name in plain.items() if name in group]:
            return found
    return [column for column, name in plain.items() if name.endswith(ENDINGS.get(role, ("\0",)))]


def _plain(heading: str) -> str:
    return re.sub(r"[\W_]", "", heading.casefold())


def _listed(frame: pd.DataFrame) -> str:
    return "、".join(str(column) for column in frame.columns[:50])
