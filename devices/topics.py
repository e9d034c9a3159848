"""Addresses of the MQTT protocol, version 1: prefix, shards, user names (reference: ``docs/protocols/mqtt.md``).

Shared by the platform and by whatever plays a device, so it depends on nothing but the standard library.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from typing import NamedTuple

PREFIX = "st/v1"
SHARDS = 64
UP = ("pos", "batch", "status", "event", "reply")
DOWN = ("acked", "cmd")

KIND = r"\A[a-z][a-z0-9_-]{0,31}\Z"
"""What a kind's key looks like, as a regular expression."""
IDENTIFIER = r"\A[A-Za-z0-9._-]{1,64}\Z"
"""What a device identifier looks like, as a regular expression."""


class Address(NamedTuple):
    """What a topic of this protocol says."""

    kind: str
    shard: int
    device: str
    channel: str


def shard_of(identifier: str) -> int:
    """Shard of a device, 0 … ``SHARDS`` - 1: CRC-32 (ISO 3309, as in zlib) of its UTF-8 identifier, modulo 64."""
    return zlib.crc32(identifier.encode()) % SHARDS


def username(kind: str, device: str) -> str:
    """MQTT user name of a device, ``{kind}/{shard}/{device}``.

    Raises
    ------
    ValueError
        The kind or the identifier has characters (or a length) that the protocol does not allow.
    """
    if not re.match(KIND, kind):
        raise ValueError(f"a kind is lower-case letters, digits, '_' and '-', at most 32, not {kind!r}")
    if not re.match(IDENTIFIER, device):
        raise ValueError(f"a device identifier is 1 to 64 of A-Z a-z 0-9 . _ -, not {device!r}")
    return f"{kind}/{shard_of(device)}/{device}"


@lru_cache(maxsize=1 << 18)
def topic(kind: str, device: str, channel: str) -> str:
    """Topic of one channel of a device, ``st/v1/{kind}/{shard}/{device}/{channel}``.

    Raises
    ------
    ValueError
        The kind, the identifier or the channel is not one of the protocol's.
    """
    if channel not in UP and channel not in DOWN:
        raise ValueError(f"no channel {channel!r} in the protocol")
    return f"{PREFIX}/{username(kind, device)}/{channel}"


@lru_cache(maxsize=1 << 18)
def parse_topic(text: str) -> Address:
    """Take a topic apart; the shard is returned as written, whether or not it is the device's own.

    Raises
    ------
    ValueError
        The text is no topic of this protocol.
    """
    parts = text.split("/")
    if len(parts) != 6 or f"{parts[0]}/{parts[1]}" != PREFIX:
        raise ValueError(f"no topic of {PREFIX}: {text[:200]!r}")
    _, _, kind, shard, device, channel = parts
    if not re.match(KIND, kind) or not re.match(IDENTIFIER, device) or channel not in UP + DOWN:
        raise ValueError(f"no topic of {PREFIX}: {text[:200]!r}")
    if not (shard.isascii() and shard.isdigit() and str(int(shard)) == shard and int(shard) < SHARDS):
        raise ValueError(f"no shard number: {shard[:20]!r}")
    return Address(kind, int(shard), device, channel)
