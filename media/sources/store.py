"""What sources read from and write to the register; blocks."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from access.audit import acting
from media.models import Channel, Registration, VideoDevice
from media.sources.onvif.profiles import Profile
from media.store import Seen, bind, write_registrations
from twin.models import Asset

FIXED, TURNS = 3, 1
"""GB/T 28181's kinds of cameras (A.2.1.9) that say whether there is a head to move."""
TRIES = 20
PERIOD_S = 90.0
"""How long a registration is good without being heard of again."""


class Configured(NamedTuple):
    """A source as it stands in the register, and whatever makes it another one when it changes."""

    device: VideoDevice
    channel: int | None
    """Primary key of its first channel."""
    online: bool

    @property
    def marks(self) -> tuple[object, ...]:
        """What was asked with; another answer may be expected when any of it changes."""
        device = self.device
        return device.protocol, device.address, device.username, bytes(device.sealed), device.media, device.active


class State(NamedTuple):
    """What was found out about a source."""

    pk: int
    online: bool
    fault: str
    host: str
    port: int
    transport: str
    about: tuple[str, str, str] = ("", "", "")


def load_sources() -> list[Configured]:
    """Every source that may be used."""
    rows = VideoDevice.objects.exclude(protocol=VideoDevice.Protocol.GB28181).filter(active=True)
    channels: dict[int, tuple[int, bool]] = {}
    for pk, device, online in (
        Channel.objects.filter(device__in=rows).order_by("-code").values_list("pk", "device_id", "online")
    ):
        channels[device] = pk, online
    return [Configured(device, *channels.get(device.pk, (None, False))) for device in rows]


def new_code() -> str:
    """A code of twenty digits for a source, as a network camera of the city would have one (annex D): so it can be
    shared with a platform above. Two digits at the end are left for its channels.

    Raises
    ------
    RuntimeError
        None was free: there are thousands of them.
    """
    for _try in range(TRIES):
        code = f"{settings.CITY_CODE[:6]:0<8}" + f"001329{secrets.randbelow(10_000):04d}00"
        if not VideoDevice.objects.filter(code=code).exists():
            return code
    raise RuntimeError("no code is free")


def channel_code(device: str, number: int) -> str:
    """Code of a device's channel: 1 to 99."""
    return f"{device[:10]}131{device[13:18]}{number:02d}"


def give_channel(device: VideoDevice) -> Channel:
    """The one channel of a source that is its own camera; made where there is none yet."""
    code = channel_code(device.code, 1)
    channel = Channel.objects.filter(device=device).order_by("code").first()
    if channel is None:
        channel = Channel(device=device, code=code, name=device.name, by_hand=True)
        bind([channel], {device.pk: device})
        channel.save()
    return channel


def take_owner(device: VideoDevice) -> None:
    """Cameras belong to whom their device belongs to."""
    Asset.objects.filter(channel__device=device).exclude(owner=device.owner).update(owner=device.owner)


def take_eyes(pk: int, eyes: Sequence[Profile]) -> None:
    """An ONVIF device has said which pictures it has: one channel an eye, in the order of their names.

    What people have written stays; an eye that is gone is not deleted.
    """
    with acting("ONVIF"), transaction.atomic():
        device = VideoDevice.objects.select_for_update().filter(pk=pk).first()
        if device is None:
            return
        there = {channel.code: channel for channel in Channel.objects.filter(device=device)}
        new: list[Channel] = []
        for number, eye in enumerate(eyes[:99], 1):
            code = channel_code(device.code, number)
            name = device.name if len(eyes) == 1 else f"{device.name} {number}"
            channel = there.pop(code, None) or Channel(device=device, code=code, name=name, by_hand=True)
            said = {"profile": eye.token, "ptz": TURNS if eye.ptz else FIXED, "listed": True}
            if channel.pk is None:
                new.append(channel)
            changed = [name for name, value in said.items() if getattr(channel, name) != value]
            for name in changed:
                setattr(channel, name, said[name])
            if changed and channel.pk is not None:
                channel.save(update_fields=changed)
        bind(new, {device.pk: device})
        for channel in new:
            channel.save()
        gone = [channel.pk for channel in there.values() if channel.listed]
        if gone:
            Channel.objects.filter(pk__in=gone).update(listed=False, online=False)


def write_states(states: Sequence[State]) -> None:
    """Store what was found out; rows that say what was known before are not touched."""
    now = datetime.now(UTC).timestamp()
    known = {row.pk: row for row in Registration.objects.filter(pk__in=[state.pk for state in states])}
    rows = []
    for state in states:
        before = known.get(state.pk)
        since = before.registered_at.timestamp() if before is not None and before.online else now
        seen = now if state.online or before is None else before.seen_at.timestamp()
        if state.online or (before is not None and before.online):
            rows.append(
                Seen(state.pk, state.online, state.transport, state.host, state.port, since, now + PERIOD_S, seen, "",
                     *state.about)
            )  # fmt: skip
        VideoDevice.objects.filter(pk=state.pk).exclude(fault=state.fault[:200]).update(fault=state.fault[:200])
        channels = Channel.objects.filter(device=state.pk).exclude(online=state.online)
        (channels.filter(listed=True) if state.online else channels).update(online=state.online)
    write_registrations(rows)
