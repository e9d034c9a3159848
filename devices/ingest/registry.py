"""What the ingest knows of devices, kept in memory and read again when a device or an asset changes."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from twin.kinds import kind_of


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """One registered device. ``asset`` and ``owner`` are keys; None, and 0, where there is none.

    ``kind`` is the device's, as in its topic; ``kind_code`` and retention are the asset's, whose history it writes.
    ``platform`` is the key of the platform that may push for it.
    """

    id: int
    identifier: str
    kind: str
    kind_code: int
    shard: int
    asset: int | None
    owner: int
    datum: str
    numbered: bool
    revoked: bool
    retention_us: int
    platform: int | None = None


def load_devices(cursor: psycopg.Cursor) -> dict[str, KnownDevice]:
    """All devices by identifier; one whose asset is out of use counts as having none."""
    cursor.execute(
        """SELECT d.id, d.identifier, d.kind, coalesce(a.kind, d.kind), d.shard, a.id,
                  coalesce(a.owner_id, 0), d.datum, d.numbered, d.revoked_at IS NOT NULL, p.id
           FROM devices_device d LEFT JOIN twin_asset a ON a.id = d.asset_id AND a.active
           LEFT JOIN devices_platform p ON p.id = d.platform_id AND p.active"""
    )
    return {
        identifier: KnownDevice(
            id_,
            identifier,
            kind,
            kind_of(asset_kind).code,
            shard,
            asset,
            owner,
            datum,
            numbered,
            revoked,
            kind_of(asset_kind).retention_days * 86_400_000_000,
            platform,
        )
        for id_, identifier, kind, asset_kind, shard, asset, owner, datum, numbered, revoked, platform in (
            cursor.fetchall()
        )
    }
