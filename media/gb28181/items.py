"""What cameras say in MANSCDP bodies, as plain values (GB/T 28181-2022, annex A)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from media.gb28181.xml import Element

BEIJING = timezone(timedelta(hours=8))
"""Times in GB/T 28181 have no zone; they are Beijing's."""
MOST_NAME = 255

# DirectionType: east, west, south, north, then the corners.
_HEADINGS = {1: 90.0, 2: 270.0, 3: 180.0, 4: 0.0, 5: 135.0, 6: 45.0, 7: 225.0, 8: 315.0}
_NOTHING = frozenset({"", "null", "none", "n/a"})
_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,40}")


class Entry(NamedTuple):
    """One entry of a catalogue."""

    code: str
    name: str
    manufacturer: str
    model: str
    civil_code: str
    address: str
    parent: str
    group: str
    parental: bool
    online: bool
    lon: float | None
    lat: float | None
    ptz: int
    heading_deg: float | None
    event: str
    """What happened to it, in a notice of a subscription: ``ADD``, ``DEL``, ``ON`` …; else empty."""
    view_deg: float | None = None
    view_v_deg: float | None = None
    view_m: float | None = None
    """Of the lens, as of 2022: opening from side to side and from top to bottom, and how far it sees."""


class Fix(NamedTuple):
    """Where something was: degrees WGS 84, metres, metres a second."""

    code: str
    at: datetime
    lon: float
    lat: float
    speed_m_s: float | None
    heading_deg: float | None
    alt_m: float | None


class Stance(NamedTuple):
    """How a camera's head stands and how wide its lens is open (PTZPosition of 2022): degrees, metres."""

    code: str
    pan_deg: float | None
    tilt_deg: float | None
    view_deg: float | None
    view_v_deg: float | None
    view_m: float | None


class Alarm(NamedTuple):
    """An alarm."""

    code: str
    at: datetime
    priority: int
    method: int
    type: int
    description: str
    lon: float | None
    lat: float | None


@dataclass(frozen=True)
class Recording:
    """A piece of what a device has recorded."""

    code: str
    name: str
    begins: datetime
    ends: datetime
    type: str
    path: str
    size: int | None


class Preset(NamedTuple):
    """A preset of a camera that moves."""

    number: int
    name: str


def said(element: Element, name: str, most: int = MOST_NAME) -> str:
    """Text of a child; empty where it says nothing in one of the ways that cameras have for that."""
    text = element.get(name).strip()
    return "" if text.lower() in _NOTHING or text == name else text[:most]


def number(text: str) -> float | None:
    """A finite number, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def whole(text: str, default: int = 0) -> int:
    """A whole number."""
    value = number(text)
    return int(value) if value is not None and abs(value) < 2**31 else default


def place(element: Element) -> tuple[float | None, float | None]:
    """Longitude and latitude; None where they are empty, impossible, or the zero of a camera nobody has placed."""
    lon, lat = number(element.get("Longitude")), number(element.get("Latitude"))
    if lon is None or lat is None or not (-180 <= lon <= 180 and -90 <= lat <= 90) or (lon == 0 and lat == 0):
        return None, None
    return lon, lat


def moment(text: str) -> datetime | None:
    """A time of GB/T 28181: Beijing's, ``2026-11-21T10:00:00`` with or without fractions, or a zone."""
    try:
        stamp = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=BEIJING)


def write_moment(at: datetime) -> str:
    """As :func:`moment` reads it, to the second."""
    return at.astimezone(BEIJING).strftime("%Y-%m-%dT%H:%M:%S")


def read_entry(item: Element) -> Entry | None:
    """One entry of a catalogue; None where it has no code."""
    code = item.get("DeviceID").strip()
    if not _IDENTIFIER.fullmatch(code):
        return None
    lon, lat = place(item)
    info = item.find("Info") or Element("Info")
    ptz = said(info, "PTZType") or said(item, "PTZType")
    direction = whole(said(info, "DirectionType") or said(item, "DirectionType"))
    return Entry(
        code=code,
        name=said(item, "Name"),
        manufacturer=said(item, "Manufacturer", 64),
        model=said(item, "Model", 64),
        civil_code=said(item, "CivilCode", 8),
        address=said(item, "Address"),
        parent=said(item, "ParentID").split("/")[0][:40],
        group=said(item, "BusinessGroupID", 40),
        parental=whole(said(item, "Parental")) == 1,
        online=said(item, "Status").upper() not in ("OFF", "OFFLINE"),
        lon=lon,
        lat=lat,
        ptz=whole(ptz.split("/")[0]),
        heading_deg=_HEADINGS.get(direction),
        event=said(item, "Event", 16).upper(),
        view_deg=_between(said(info, "HorizontalFieldAngle"), 360),
        view_v_deg=_between(said(info, "VerticalFieldAngle"), 180),
        view_m=_between(said(info, "MaxViewDistance"), 20_000),
    )


def _between(text: str, most: float) -> float | None:
    """A number above zero and not above ``most``; a lens that is open by nothing has not been written down."""
    value = number(text)
    return value if value is not None and 0 < value <= most else None


def read_stance(body: Element) -> Stance:
    """A PTZPosition notice or answer; some devices wrap it in an element of its own."""
    inside = body.find("PTZStatus") or body
    pan, tilt = number(inside.get("Pan")), number(inside.get("Tilt"))
    return Stance(
        body.get("DeviceID").strip()[:40],
        pan % 360 if pan is not None else None,
        tilt if tilt is not None and -180 <= tilt <= 180 else None,
        _between(inside.get("HorizontalFieldAngle"), 360),
        _between(inside.get("VerticalFieldAngle"), 180),
        _between(inside.get("MaxViewDistance"), 20_000),
    )


def read_fixes(body: Element, now: datetime) -> list[Fix]:
    """Positions of a MobilePosition notice: one as of 2016, or a list as of 2022."""
    listed = body.find("DeviceList")
    items = list(listed.all("Item")) if listed is not None else [body]
    found = []
    for item in items:
        lon, lat = place(item)
        code = item.get("DeviceID").strip() or body.get("DeviceID").strip()
        if lon is None or lat is None or not _IDENTIFIER.fullmatch(code):
            continue
        at = moment(item.get("CaptureTime")) or moment(item.get("Time")) or moment(body.get("Time")) or now
        speed_km_h, heading = number(item.get("Speed")), number(item.get("Direction"))
        found.append(
            Fix(
                code,
                at,
                lon,
                lat,
                speed_km_h / 3.6 if speed_km_h is not None and 0 <= speed_km_h < 1400 else None,
                heading % 360 if heading is not None else None,
                number(item.get("Altitude")),
            )
        )
    return found


def read_alarm(body: Element, now: datetime) -> Alarm:
    """An alarm notice."""
    lon, lat = place(body)
    info = body.find("Info") or Element("Info")
    return Alarm(
        body.get("DeviceID").strip()[:40],
        moment(body.get("AlarmTime")) or now,
        whole(body.get("AlarmPriority")),
        whole(body.get("AlarmMethod")),
        whole(said(info, "AlarmType") or said(body, "AlarmType")),
        said(body, "AlarmDescription"),
        lon,
        lat,
    )


def read_recording(item: Element) -> Recording | None:
    """One piece of a RecordInfo answer; None where it has no beginning or end."""
    begins, ends = moment(item.get("StartTime")), moment(item.get("EndTime"))
    if begins is None or ends is None or ends <= begins:
        return None
    size = number(item.get("FileSize"))
    return Recording(
        item.get("DeviceID").strip()[:40],
        said(item, "Name"),
        begins,
        ends,
        said(item, "Type", 16),
        said(item, "FilePath"),
        int(size) if size is not None and size >= 0 else None,
    )


def read_preset(item: Element) -> Preset:
    """One preset of an answer."""
    return Preset(whole(item.get("PresetID")), said(item, "PresetName"))
