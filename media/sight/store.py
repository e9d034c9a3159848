"""What cameras say of how they stand, into the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from media.gb28181.items import Stance
from media.models import Channel
from media.sight.models import Gaze
from media.store import Placed, placed_of

_SAID = ("pan_deg", "tilt_deg", "view_deg", "view_v_deg", "view_m")


def write_gazes(said: Mapping[tuple[int, str], Stance]) -> list[Placed]:
    """Store how cameras stand, by their device's key and their own code; of nobody's camera, nothing.

    A device that speaks in its own name and has one camera means that one.

    Returns
    -------
    list of Placed
        Those that are on the map.
    """
    by_device: dict[int, list[Channel]] = {}
    rows = Channel.objects.filter(device__in={device for device, _code in said}).select_related("device")
    for channel in rows:
        by_device.setdefault(channel.device_id, []).append(channel)
    now, gazes = datetime.now(UTC), {}
    for (device, code), stance in said.items():
        channels = by_device.get(device, [])
        named = [channel for channel in channels if channel.code == code]
        if not named and len(channels) == 1 and code == channels[0].device.code:
            named = channels
        for channel in named:
            channel.gaze = Gaze(channel=channel, at=now, **{name: getattr(stance, name) for name in _SAID})
            gazes[channel.pk] = channel
    Gaze.objects.bulk_create(
        [channel.gaze for channel in gazes.values()],
        update_conflicts=True, unique_fields=["channel"], update_fields=["at", *_SAID],
    )  # fmt: skip
    return [placed_of(channel, channel.device.code) for channel in gazes.values() if channel.asset_id is not None]
