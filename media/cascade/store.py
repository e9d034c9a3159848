"""What the process reads of platforms above, and writes; on the database's own thread."""

from __future__ import annotations

from datetime import UTC, datetime

from media.cascade.models import SharedChannel, Superior, Uplink
from media.cascade.upper import Shared, Upper
from media.gb28181.codes import is_code
from media.store import identity


def load_uppers() -> list[Upper]:
    """Platforms that are to be signed in at, each with what it is given.

    A camera without a code of twenty digits of its own is given only under one that was written for it; of two with
    one code, the first.
    """
    own = identity().code
    given: dict[int, dict[str, Shared]] = {}
    rows = SharedChannel.objects.filter(superior__active=True, channel__device__active=True, channel__listed=True)
    for row in rows.select_related("channel__device").order_by("pk"):
        channel = row.channel
        code = row.code or channel.code
        if is_code(code):
            given.setdefault(row.superior_id, {}).setdefault(
                code,
                Shared(
                    code,
                    channel.pk,
                    channel.device.code,
                    channel.code,
                    channel.device.protocol,
                    row.name or channel.name,
                    channel.online,
                    channel.manufacturer,
                    channel.model,
                    channel.civil_code,
                    channel.address,
                    channel.ptz,
                    channel.lon,
                    channel.lat,
                ),
            )
    return [
        Upper(
            row.pk,
            row.code,
            row.domain,
            row.host,
            row.port,
            row.transport,
            row.own_code or own,
            row.username or row.own_code or own,
            row.provider,
            bytes(row.sealed),
            row.expires_s,
            row.keepalive_s,
            row.misses,
            row.charset,
            row.controls,
            row.past,
            given.get(row.pk, {}),
        )
        for row in Superior.objects.filter(active=True, password_set_at__isnull=False)
    ]


def note_uplink(pk: int, online: bool, fault: str) -> None:
    """Write down that we are signed in, or why not; ``since`` is when that began."""
    row = Uplink.objects.filter(superior=pk).first()
    if row is None and not Superior.objects.filter(pk=pk).exists():
        return
    if row is None or row.online != online or row.fault != fault[:255]:
        since = row.since if row is not None and row.online == online else datetime.now(UTC)
        Uplink.objects.update_or_create(
            superior_id=pk, defaults={"online": online, "fault": fault[:255], "since": since}
        )
