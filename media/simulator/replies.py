"""What a camera says when it is asked: bodies of GB/T 28181, annex A, written out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from xml.sax.saxutils import escape

from media.simulator.past import BEIJING, Piece, written

MOST_PIECES = 1000
LENS = (
    "<HorizontalFieldAngle>60</HorizontalFieldAngle><VerticalFieldAngle>35</VerticalFieldAngle>"
    "<MaxViewDistance>120</MaxViewDistance>"
)
SOUTH_DEG = 180.0
"""Where it looks while nobody has turned it: DirectionType 3."""


@dataclass
class ChannelPlan:
    """One channel: its code, name and place; where it looks, as PTZ moves it."""

    code: str
    name: str
    lon: float
    lat: float
    pan_deg: float = 0.0
    tilt_deg: float = 0.0
    presets: dict[int, str] = field(default_factory=lambda: {1: "大门", 2: "仓库"})


def now() -> str:
    """The time as the standard writes it."""
    return datetime.now(BEIJING).strftime("%Y-%m-%dT%H:%M:%S")


def body(root: str, command: str, number: str, device: str, inside: str) -> bytes:
    """One body in GB 2312."""
    text = (
        f'<?xml version="1.0" encoding="GB2312"?>\r\n<{root}>\r\n<CmdType>{command}</CmdType>\r\n<SN>{number}</SN>\r\n'
        f"<DeviceID>{device}</DeviceID>\r\n{inside}</{root}>\r\n"
    )
    return text.encode("gb18030")


def keepalive(number: int, device: str) -> bytes:
    """A keepalive."""
    return body("Notify", "Keepalive", str(number), device, "<Status>OK</Status>\r\n")


def catalogue(number: str, device: str, channels: list[ChannelPlan], in_one: int) -> list[bytes]:
    """A catalogue, in as many messages as it takes."""
    parts = []
    for at in range(0, len(channels), in_one):
        items = "".join(
            f"<Item><DeviceID>{c.code}</DeviceID><Name>{escape(c.name)}</Name><Manufacturer>Sim</Manufacturer>"
            f"<Model>S1</Model><CivilCode>{c.code[:6]}</CivilCode><Address>{escape(c.name)}</Address>"
            f"<Parental>0</Parental><ParentID>{device}</ParentID><RegisterWay>1</RegisterWay><Secrecy>0</Secrecy>"
            f"<Status>ON</Status><Longitude>{c.lon:.6f}</Longitude><Latitude>{c.lat:.6f}</Latitude>"
            f"<Info><PTZType>1</PTZType><DirectionType>3</DirectionType>{LENS}</Info></Item>\r\n"
            for c in channels[at : at + in_one]
        )
        count = len(channels[at : at + in_one])
        inside = f'<SumNum>{len(channels)}</SumNum>\r\n<DeviceList Num="{count}">\r\n{items}</DeviceList>\r\n'
        parts.append(body("Response", "Catalog", number, device, inside))
    return parts or [body("Response", "Catalog", number, device, "<SumNum>0</SumNum>\r\n")]


def device_info(number: str, device: str, channels: int) -> bytes:
    """Who made it."""
    inside = (
        "<DeviceName>模拟设备</DeviceName><Result>OK</Result><Manufacturer>Sandtable</Manufacturer>"
        f"<Model>simulator</Model><Firmware>1</Firmware><Channel>{channels}</Channel>\r\n"
    )
    return body("Response", "DeviceInfo", number, device, inside)


def device_status(number: str, device: str) -> bytes:
    """How it is."""
    inside = (
        "<Result>OK</Result><Online>ONLINE</Online><Status>OK</Status><Encode>ON</Encode><Record>ON</Record>"
        f"<DeviceTime>{now()}</DeviceTime>\r\n"
    )
    return body("Response", "DeviceStatus", number, device, inside)


def recordings(number: str, channel: str, pieces: Iterable[Piece]) -> list[bytes]:
    """What is recorded, two pieces a message."""
    items = [
        f"<Item><DeviceID>{channel}</DeviceID><Name>{written(piece.begins)[11:16]}</Name>"
        f"<StartTime>{written(piece.begins)}</StartTime><EndTime>{written(piece.ends)}</EndTime>"
        "<Secrecy>0</Secrecy><Type>time</Type></Item>\r\n"
        for piece in islice(pieces, MOST_PIECES)
    ]
    parts = []
    for at in range(0, len(items), 2):
        two = items[at : at + 2]
        inside = (
            f"<Name>模拟</Name><SumNum>{len(items)}</SumNum>"
            f'<RecordList Num="{len(two)}">{"".join(two)}</RecordList>\r\n'
        )
        parts.append(body("Response", "RecordInfo", number, channel, inside))
    return parts or [body("Response", "RecordInfo", number, channel, "<SumNum>0</SumNum>\r\n")]


def presets(number: str, channel: ChannelPlan) -> bytes:
    """Presets there are."""
    items = "".join(
        f"<Item><PresetID>{n}</PresetID><PresetName>{escape(name)}</PresetName></Item>"
        for n, name in sorted(channel.presets.items())
    )
    inside = f'<SumNum>{len(channel.presets)}</SumNum><PresetList Num="{len(channel.presets)}">{items}</PresetList>\r\n'
    return body("Response", "PresetQuery", number, channel.code, inside)


def position(number: int, channel: ChannelPlan) -> bytes:
    """Where a channel is (2016's form)."""
    inside = (
        f"<Time>{now()}</Time><Longitude>{channel.lon:.6f}</Longitude><Latitude>{channel.lat:.6f}</Latitude>"
        "<Speed>36.0</Speed><Direction>90</Direction><Altitude>5</Altitude>\r\n"
    )
    return body("Notify", "MobilePosition", str(number), channel.code, inside)


def stance(number: int, channel: ChannelPlan) -> bytes:
    """How its head stands (2022)."""
    inside = (
        f"<Pan>{(SOUTH_DEG + channel.pan_deg) % 360:.2f}</Pan><Tilt>{channel.tilt_deg:.2f}</Tilt><Zoom>1.0</Zoom>"
        f"{LENS}\r\n"
    )
    return body("Notify", "PTZPosition", str(number), channel.code, inside)


def alarm(number: int, channel: ChannelPlan) -> bytes:
    """An alarm by video: movement."""
    inside = (
        f"<AlarmPriority>1</AlarmPriority><AlarmMethod>5</AlarmMethod><AlarmTime>{now()}</AlarmTime>"
        f"<AlarmDescription>移动侦测</AlarmDescription><Longitude>{channel.lon:.6f}</Longitude>"
        f"<Latitude>{channel.lat:.6f}</Latitude><Info><AlarmType>2</AlarmType></Info>\r\n"
    )
    return body("Notify", "Alarm", str(number), channel.code, inside)


def media_status(number: int, channel: str) -> bytes:
    """A recording has been sent to its end."""
    return body("Notify", "MediaStatus", str(number), channel, "<NotifyType>121</NotifyType>\r\n")
