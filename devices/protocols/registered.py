"""Devices as ways in that sign them in themselves know them: their keys, and the one moment they may ask for one."""

from __future__ import annotations

from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from access.audit import acting
from devices.exceptions import RefusedError
from devices.keys import check_key, issue_key
from devices.models import Device


class SignedIn(NamedTuple):
    """A device that has shown its key."""

    identifier: str
    kind: str
    key_hash: str


def sign_in(identifier: str, key: str) -> SignedIn:
    """Let a device in.

    Raises
    ------
    RefusedError
        ``unknown_device``, ``revoked_device`` or ``not_authorised``.
    """
    device = _find(Device.objects.filter(identifier=identifier), identifier)
    if not check_key(key, device.key_hash):
        raise RefusedError("not_authorised", "no key, or another one")
    return SignedIn(device.identifier, device.kind, device.key_hash)


def register(identifier: str, way: str) -> str:
    """Give a device its key, where an administrator has allowed it to ask (:attr:`Device.registrable_until`), once.

    Raises
    ------
    RefusedError
        ``unknown_device``, ``revoked_device``, or ``not_authorised``: nobody has allowed it.
    """
    with acting(way), transaction.atomic():
        device = _find(Device.objects.select_for_update().filter(identifier=identifier), identifier)
        if device.registrable_until is None or device.registrable_until < timezone.now():
            raise RefusedError("not_authorised", "registration is not open for it")
        device.registrable_until = None
        device.save(update_fields=["registrable_until", "shard"])
        return issue_key(device)


def keys_of(identifiers: list[str]) -> dict[str, str]:
    """Hashes of the keys in force, by identifier."""
    found = Device.objects.filter(identifier__in=identifiers, revoked_at=None).exclude(key_hash="")
    return dict(found.values_list("identifier", "key_hash"))


def _find(devices: object, identifier: str) -> Device:
    device = devices.first()  # type: ignore[attr-defined]
    if device is None:
        raise RefusedError("unknown_device", identifier)
    if device.revoked_at is not None:
        raise RefusedError("revoked_device", identifier)
    return device
