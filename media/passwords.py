"""Passwords of video devices: sealed, since the digests of SIP need the password itself and not a hash of it."""

from __future__ import annotations

import secrets

from django.utils import timezone

from access.ciphers import current_provider, provider_for
from media.models import Superior, VideoDevice

LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
"""Typed on a camera's page with a mouse: nothing that looks like something else."""
LENGTH = 12
MOST_LENGTH = 64


def new_password() -> str:
    """A password of some 59 random bits."""
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def set_password(device: VideoDevice | Superior, password: str, *, save: bool = True) -> None:
    """Give a device its password, or a platform above the one it knows us by; the former is worth nothing from the
    next registration on.

    Raises
    ------
    ValueError
        It is empty, or too long for the field of a camera's page.
    """
    if not 1 <= len(password) <= MOST_LENGTH:
        raise ValueError(f"a password has 1 to {MOST_LENGTH} characters")
    provider = current_provider()
    device.provider = f"{provider.tag}.{provider.key_id}"
    device.sealed = provider.encrypt(password.encode(), _context(device.code))
    device.password_set_at = timezone.now()
    if save:
        device.save(update_fields=["provider", "sealed", "password_set_at"])


def password_of(code: str, provider: str, sealed: bytes) -> str:
    """Open a stored password.

    Raises
    ------
    PersonalDataError
        It was sealed with another data key, or for another device.
    """
    tag, _dot, name = provider.partition(".")
    return provider_for(tag, name).decrypt(bytes(sealed), _context(code)).decode()


def _context(code: str) -> bytes:
    return f"video device {code}".encode()
