"""What the processes of video read from and write to the database, in heaps; runs on a thread of its own."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction

from access.audit import acting
from devices.models import Device
from devices.topics import shard_of
from media.gb28181.codes import is_camera, is_folder
from media.gb28181.items import Entry
from media.gb28181.peers import Known
from media.kinds import CAMERA
from media.models import Channel, Gb28181Setting, Registration, VideoDevice, terminal_of
from media.sight.finding import heading_of
from twin.models import Asset

GB28181 = VideoDevice.Protocol.GB28181
CHUNK = 500
_TAKEN_OVER = ("name", "online", "listed", "manufacturer", "model", "civil_code", "address", "parent", "ptz", "lon",
               "lat", "heading_deg", "view_deg", "view_v_deg", "view_m")  # fmt: skip
_STATES = {"ON": (True, True), "OFF": (False, True), "VLOST": (False, True), "DEFECT": (False, True),
           "DEL": (False, False)}  # fmt: skip
_LENS = ("view_deg", "view_v_deg", "view_m")
_BY_HAND = ("name", "address", "lon", "lat", "heading_deg", *_LENS)


class Seen(NamedTuple):
    """A registration to be written."""

    pk: int
    online: bool
    transport: str
    host: str
    port: int
    registered_at: float
    expires_at: float
    seen_at: float
    version: str
    manufacturer: str = ""
    model: str = ""
    firmware: str = ""


class Placed(NamedTuple):
    """A camera as far as the map is concerned."""

    device: str
    """Code of its video device."""
    channel: str
    terminal: str
    online: bool
    lon: float | None
    lat: float | None
    heading_deg: float | None


def identity() -> Gb28181Setting:
    """What the platform calls itself; made up from the city's code where nobody has said otherwise."""
    code = f"{settings.CITY_CODE[:6]:0<8}" + "002000000001"
    found, _created = Gb28181Setting.objects.get_or_create(pk=1, defaults={"code": code, "realm": code[:10]})
    return found


def load_known() -> list[Known]:
    """Devices that may sign in."""
    rows = VideoDevice.objects.filter(protocol=GB28181, active=True, password_set_at__isnull=False)
    return [
        Known(
            device.pk,
            device.code,
            device.provider,
            bytes(device.sealed),
            tuple(ipaddress.ip_network(word, strict=False) for word in device.networks.split()),
            device.charset,
            device.media,
            frozenset(
                event
                for event, wanted in (
                    ("Catalog", device.follow_catalogue),
                    ("Alarm", device.follow_alarms),
                    ("MobilePosition", device.follow_position),
                    ("PTZPosition", device.follow_gaze),
                )
                if wanted
            ),
        )
        for device in rows.iterator()
    ]


def load_registrations() -> dict[str, Seen]:
    """Registrations as they were last written, by code."""
    rows = Registration.objects.filter(device__protocol=GB28181).select_related("device")
    return {
        row.device.code: Seen(
            row.pk,
            row.online,
            row.transport,
            row.host,
            row.port,
            row.registered_at.timestamp(),
            row.expires_at.timestamp(),
            row.seen_at.timestamp(),
            row.version,
        )
        for row in rows
    }


def write_registrations(rows: Sequence[Seen]) -> None:
    """Store where devices are."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """INSERT INTO media_registration AS r (device_id, online, transport, host, port, registered_at, expires_at,
                   seen_at, version, manufacturer, model, firmware)
               SELECT id, %s, %s, %s, %s, to_timestamp(%s), to_timestamp(%s), to_timestamp(%s), %s, %s, %s, %s
               FROM media_videodevice WHERE id = %s
               ON CONFLICT (device_id) DO UPDATE SET online = excluded.online, transport = excluded.transport,
                   host = excluded.host, port = excluded.port, registered_at = excluded.registered_at,
                   expires_at = excluded.expires_at, seen_at = excluded.seen_at, version = excluded.version,
                   manufacturer = coalesce(nullif(excluded.manufacturer, ''), r.manufacturer),
                   model = coalesce(nullif(excluded.model, ''), r.model),
                   firmware = coalesce(nullif(excluded.firmware, ''), r.firmware)""",
            [(*row[1:], row.pk) for row in rows],
        )


def write_presence(rows: Sequence[Seen]) -> None:
    """Store where devices are; with one that is gone its channels are off at the same moment."""
    with transaction.atomic():
        write_registrations(rows)
        switch_off([row.pk for row in rows if not row.online])


def switch_off(pks: Collection[int]) -> None:
    """Devices are gone, and their channels with them; they come back with the next catalogue."""
    Channel.objects.filter(device__in=pks, online=True).update(online=False)


def take_catalogues(catalogues: Sequence[tuple[Known, Sequence[Entry], bool]]) -> list[Placed]:
    """Store catalogues; each whole (what it does not have is gone) or of some entries only.

    However many there are, it is a handful of statements.

    Returns
    -------
    list of Placed
        Cameras that are new, or whose place or state changed.
    """
    new: list[Channel] = []
    changed: dict[int, Channel] = {}
    with acting("GB/T 28181"), transaction.atomic():
        pks = sorted({known.pk for known, _entries, _whole in catalogues})
        devices = {device.pk: device for device in VideoDevice.objects.select_for_update().filter(pk__in=pks)}
        there: dict[int, dict[str, Channel]] = {pk: {} for pk in devices}
        for channel in Channel.objects.filter(device__in=pks).select_related("gaze"):
            there[channel.device_id][channel.code] = channel
        for known, entries, whole in catalogues:
            if (device := devices.get(known.pk)) is not None:
                for channel in _merge(device, there[device.pk], entries, whole):
                    if channel.pk is None:
                        new.append(channel)
                        there[device.pk][channel.code] = channel
                    else:
                        changed[channel.pk] = channel
        new = list({(channel.device_id, channel.code): channel for channel in new}.values())
        bind([channel for channel in new if is_camera(channel.code)], devices)
        Channel.objects.bulk_create(new, batch_size=CHUNK)
        if changed:
            Channel.objects.bulk_update(changed.values(), _TAKEN_OVER, batch_size=CHUNK)
        told = [known.pk for known, _entries, whole in catalogues if whole]
        Registration.objects.filter(pk__in=told).update(catalogue_at=datetime.now(UTC))
    return [
        placed_of(channel, devices[channel.device_id].code)
        for channel in (*new, *changed.values())
        if channel.asset_id is not None
    ]


def _merge(device: VideoDevice, there: dict[str, Channel], entries: Sequence[Entry], whole: bool) -> Iterator[Channel]:
    """Channels that are new (without a key yet) or changed."""
    wanted = {entry.code: entry for entry in entries if not is_folder(entry.code)}
    if len(wanted) > 1 and device.code in wanted and device.code not in there:
        del wanted[device.code]  # a recorder that lists itself beside its channels
    for code, entry in wanted.items():
        channel = there.get(code)
        if channel is None:
            if entry.event not in _STATES:
                yield _new_channel(device, entry)
        elif _take_over(channel, entry):
            yield channel
    for code, channel in list(there.items()):
        if whole and channel.listed and code not in wanted:
            channel.listed = channel.online = False
            yield channel


def _new_channel(device: VideoDevice, entry: Entry) -> Channel:
    channel = Channel(device=device, code=entry.code, name=entry.name or entry.code)
    _take_over(channel, entry)
    return channel


def _take_over(channel: Channel, entry: Entry) -> bool:
    """Give a channel what the catalogue says; returns whether anything is new."""
    if entry.event in _STATES:  # a notice of that and nothing else
        before = channel.online, channel.listed
        channel.online, channel.listed = _STATES[entry.event]
        return (channel.online, channel.listed) != before
    said = {
        "name": entry.name or channel.name,
        "online": entry.online,
        "listed": True,
        "manufacturer": entry.manufacturer,
        "model": entry.model,
        "civil_code": entry.civil_code,
        "address": entry.address,
        "parent": entry.parent,
        "ptz": entry.ptz if 0 <= entry.ptz < 32 else 0,
        "lon": entry.lon,
        "lat": entry.lat,
        "heading_deg": entry.heading_deg,
        # Most catalogues say nothing of the lens; what people have written down of it then stays.
        **{name: value for name in _LENS if (value := getattr(entry, name)) is not None},
    }
    new = False
    for name, value in said.items():
        if channel.by_hand and name in _BY_HAND:
            continue
        if getattr(channel, name) != value:
            setattr(channel, name, value)
            new = True
    return new


def bind(channels: Sequence[Channel], devices: Mapping[int, VideoDevice]) -> None:
    """Give cameras their place on the map, and the terminal their positions and events come by."""
    names = [terminal_of(devices[channel.device_id].code, channel.code) for channel in channels]
    there = {asset.code: asset for asset in Asset.objects.filter(kind=CAMERA.key, code__in=names)}
    missing = [
        Asset(kind=CAMERA.key, code=name, name=channel.name[:120], owner_id=devices[channel.device_id].owner_id)
        for name, channel in zip(names, channels, strict=True)
        if name not in there
    ]
    there |= {asset.code: asset for asset in Asset.objects.bulk_create(missing, batch_size=CHUNK)}
    for name, channel in zip(names, channels, strict=True):
        channel.asset = there[name]
    known = set(Device.objects.filter(identifier__in=names).values_list("identifier", flat=True))
    Device.objects.bulk_create(
        [
            Device(identifier=name, kind=CAMERA.key, asset=there[name], numbered=False, shard=shard_of(name))
            for name in names
            if name not in known
        ],
        batch_size=CHUNK,
    )


def placed_of(channel: Channel, device: str) -> Placed:
    """A channel as far as the map is concerned."""
    terminal = terminal_of(device, channel.code)
    return Placed(device, channel.code, terminal, channel.online, channel.lon, channel.lat, heading_of(channel))


def load_cameras() -> list[Placed]:
    """Every camera there is."""
    rows = Channel.objects.filter(asset__isnull=False).select_related("device", "gaze")
    return [placed_of(channel, channel.device.code) for channel in rows.iterator()]
