"""The file that says which devices to play, with what keys, against which broker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from devices.simulator.client import Broker


class CredentialsError(ValueError):
    """The credentials file is missing, broken, or says too little."""


class Credential(msgspec.Struct, frozen=True):
    """One device: its key, and how it is to behave."""

    identifier: str
    kind: str
    key: str
    profile: dict[str, Any] = {}


class _Address(msgspec.Struct):
    host: str
    port: int


class _File(msgspec.Struct):
    devices: list[Credential]
    mqtt: _Address | None = None


def read_credentials(path: Path, mqtt: str | None = None) -> tuple[Broker, list[Credential]]:
    """Read the file; ``mqtt`` ("host:port") stands in for the address in it.

    Raises
    ------
    CredentialsError
        The file cannot be read or names no broker or no devices.
    """
    try:
        content = msgspec.json.decode(path.read_bytes(), type=_File)
    except OSError as error:
        raise CredentialsError(f"{path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise CredentialsError(f"{path}: {error}") from error
    if not content.devices:
        raise CredentialsError(f"{path}: no devices in it")
    if mqtt is not None:
        return parse_broker(mqtt), content.devices
    if content.mqtt is None:
        raise CredentialsError(f"{path}: names no broker; give --mqtt host:port")
    return Broker(content.mqtt.host, content.mqtt.port), content.devices


def parse_broker(text: str) -> Broker:
    """Understand "host:port" ("[::1]:1883" for IPv6).

    Raises
    ------
    CredentialsError
        It is not that.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise CredentialsError(f"a broker is host:port, not {text!r}")
    return Broker(host.strip("[]"), int(port))
