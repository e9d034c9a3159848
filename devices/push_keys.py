"""Keys that platforms sign their pushes with: issued, rotated and ended in the desk, stored sealed."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from access.ciphers import current_provider, provider_for
from devices.platforms import Platform, PushKey

OVERLAP = timedelta(hours=24)
"""How long the former keys still hold after a new one was issued: the other side needs time to change over."""


class Issued(NamedTuple):
    """A new key as the platform's people get it; the secret is shown this once and cannot be read in the desk again."""

    key_id: str
    secret: str


def issue_push_key(platform: Platform) -> Issued:
    """Give ``platform`` a new key; those it has end :data:`OVERLAP` from now, or when they would have anyway."""
    issued = Issued(f"pk_{secrets.token_hex(8)}", secrets.token_urlsafe(32))
    name, sealed = _seal(issued.key_id, issued.secret.encode())
    with transaction.atomic():
        now = timezone.now()
        for key in platform.keys.filter(ends_at=None):
            key.ends_at = now + OVERLAP
            key.save(update_fields=["ends_at"])
        PushKey.objects.create(
            platform=platform,
            key_id=issued.key_id,
            provider=name,
            sealed=sealed,
        )
    return issued


def revoke_push_keys(platform: Platform) -> int:
    """End all keys of ``platform`` now; returns how many were in force."""
    now = timezone.now()
    ended = 0
    for key in platform.keys.all():
        if key.ends_at is None or key.ends_at > now:
            key.ends_at = now
            key.save(update_fields=["ends_at"])
            ended += 1
    return ended


def secret_of(key_id: str, provider: str, sealed: bytes) -> bytes:
    """Open a stored secret.

    Raises
    ------
    PersonalDataError
        It was sealed with another data key, or altered.
    """
    tag, _dot, name = provider.partition(".")
    return provider_for(tag, name).decrypt(sealed, _context(key_id))


def reseal_push_keys() -> int:
    """Seal anew, with the present data key, what is sealed with a former one; returns how many keys that were.

    Raises
    ------
    PersonalDataError
        A key cannot be opened: the former data key is not at hand.
    """
    present = current_provider()
    done = 0
    for key in PushKey.objects.exclude(provider=f"{present.tag}.{present.key_id}").select_for_update():
        name, sealed = _seal(key.key_id, secret_of(key.key_id, key.provider, bytes(key.sealed)))
        # The secret is the same: no change of the key is recorded, only that all were sealed anew.
        PushKey._base_manager.filter(pk=key.pk).update(provider=name, sealed=sealed)
        done += 1
    return done


def _seal(key_id: str, secret: bytes) -> tuple[str, bytes]:
    """With what a secret was sealed, and the sealed secret."""
    provider = current_provider()
    return f"{provider.tag}.{provider.key_id}", provider.encrypt(secret, _context(key_id))


def _context(key_id: str) -> bytes:
    return f"push key {key_id}".encode()
