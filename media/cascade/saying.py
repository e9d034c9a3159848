"""What a platform above is told of cameras: bodies of annex A, written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from media.cascade.upper import Shared, Upper
from media.gb28181.items import write_moment
from media.gb28181.xml import Element, Fields

Bodies = Iterator[tuple[str, Fields]]
"""Root and fields of each message."""
ITEMS_BY_DATAGRAM, ITEMS_BY_CONNECTION = 2, 100


def item(upper: Upper, shared: Shared, event: str = "") -> Fields:
    """One camera of a catalogue."""
    fields: list[tuple[str, str | Fields]] = [("DeviceID", shared.code)]
    if event:
        fields.append(("Event", event))
    if event in ("ON", "OFF", "DEL"):
        return fields
    fields += [
        ("Name", shared.name),
        ("Manufacturer", shared.manufacturer or "Sandtable"),
        ("Model", shared.model or "camera"),
        ("CivilCode", shared.civil_code or shared.code[:6]),
        ("Address", shared.address or shared.name),
        ("Parental", "0"),
        ("ParentID", upper.own),
        ("RegisterWay", "1"),
        ("Secrecy", "0"),
        ("Status", "ON" if shared.online else "OFF"),
    ]
    if shared.lon is not None and shared.lat is not None:
        fields += [("Longitude", f"{shared.lon:.6f}"), ("Latitude", f"{shared.lat:.6f}")]
    if shared.ptz:
        fields.append(("Info", (("PTZType", str(shared.ptz)),)))
    return fields


def parts(
    root: str, command: str, number: str, device: str, name: str, items: Sequence[Fields], in_one: int,
    more: Fields = (),
) -> Bodies:  # fmt: skip
    """An answer in as many messages as it takes; nothing found is said in one (4.2, SumNum)."""
    for at in range(0, max(1, len(items)), in_one):
        some = items[at : at + in_one]
        listed = ((f"{name} Num={len(some)}", [("Item", each) for each in some]),) if some else ()
        head = (("CmdType", command), ("SN", number), ("DeviceID", device))
        yield root, (*head, *more, ("SumNum", str(len(items))), *listed)


def catalogue(upper: Upper, number: str, asked: str) -> Bodies:
    """All that is shared, or the one camera that is asked about."""
    if asked == upper.own:
        found = list(upper.shared.values())
    else:
        found = [upper.shared[asked]] if asked in upper.shared else []
    items = [item(upper, shared) for shared in found]
    return parts("Response", "Catalog", number, asked, "DeviceList", items, in_one(upper))


def in_one(upper: Upper) -> int:
    """How many items a message may have: datagrams are to fit a packet."""
    return ITEMS_BY_DATAGRAM if upper.transport == "udp" else ITEMS_BY_CONNECTION


def about(upper: Upper, number: str, asked: str) -> Bodies:
    """DeviceInfo: ours, or a camera's."""
    shared = upper.shared.get(asked)
    yield "Response", (
        ("CmdType", "DeviceInfo"), ("SN", number), ("DeviceID", asked),
        ("DeviceName", shared.name if shared else "Sandtable"),
        ("Result", "OK" if shared or asked == upper.own else "ERROR"),
        ("Manufacturer", shared.manufacturer if shared else "Sandtable"),
        ("Model", shared.model if shared else "platform"),
        ("Firmware", ""),
        ("Channel", "1" if shared else str(len(upper.shared))),
    )  # fmt: skip


def status(upper: Upper, number: str, asked: str, now: datetime) -> Bodies:
    """DeviceStatus: ours, or a camera's."""
    shared = upper.shared.get(asked)
    known, online = shared is not None or asked == upper.own, shared is None or shared.online
    yield "Response", (
        ("CmdType", "DeviceStatus"), ("SN", number), ("DeviceID", asked),
        ("Result", "OK" if known else "ERROR"),
        ("Online", "ONLINE" if known and online else "OFFLINE"),
        ("Status", "OK" if known and online else "ERROR"),
        ("Encode", "ON"),
        ("Record", "OFF"),
        ("DeviceTime", write_moment(now)),
    )  # fmt: skip


def handed_up(element: Element, code: str) -> Fields:
    """An item of a device below, as it came, in the name that is known above."""
    return [
        (child.name, code if child.name.lower() == "deviceid" else child.text)
        for child in element.children
        if not child.children
    ]
