"""Device keys: what a device signs in to the broker with.

The platform keeps only the hash, in mosquitto's own format, and hands it to the broker through the warden
(:mod:`devices.warden`): a key issued, rotated or revoked is in force within about a second, without a restart.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from datetime import timedelta

from django.utils import timezone

from devices.models import Device

# Keys are 160 random bits, so the iterations guard nothing; the broker checks every connected client at each reload.
ITERATIONS = 101
REGISTRABLE_FOR = timedelta(minutes=30)


def hash_key(key: str) -> str:
    """Hash ``key`` as a mosquitto password: ``$7$iterations$salt$hash``, PBKDF2-HMAC-SHA512.

    Source: mosquitto_passwd(1) of mosquitto 2.0.
    """
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", key.encode(), salt, ITERATIONS, dklen=64)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def issue_key(device: Device) -> str:
    """Give ``device`` a new key, which ends the old one and any revocation.

    Returns
    -------
    str
        The key. It is shown this once and cannot be read again.
    """
    key = secrets.token_urlsafe(20)
    device.key_hash = hash_key(key)
    device.key_issued_at = timezone.now()
    device.revoked_at = None
    device.save(update_fields=["key_hash", "key_issued_at", "revoked_at", "shard"])
    return key


def revoke_key(device: Device) -> None:
    """End the device's right to report; a connection it holds is closed."""
    device.key_hash = ""
    device.revoked_at = timezone.now()
    device.save(update_fields=["key_hash", "revoked_at", "shard"])


def open_registration(device: Device) -> None:
    """Allow the device to ask for a key itself, once, within :data:`REGISTRABLE_FOR`; a key it has stays until then.

    For terminals whose protocol has no other way to get one (JT/T 808). Whoever comes first under its number gets the
    key: hence the short time, and somebody's decision.
    """
    device.registrable_until = timezone.now() + REGISTRABLE_FOR
    device.save(update_fields=["registrable_until", "shard"])


def check_key(key: str, key_hash: str) -> bool:
    """Whether ``key_hash`` was made from ``key`` by :func:`hash_key`; False for a device without a key."""
    parts = key_hash.split("$")
    if len(parts) != 5:
        return False
    digest = hashlib.pbkdf2_hmac("sha512", key.encode(), base64.b64decode(parts[3]), int(parts[2]), dklen=64)
    return hmac.compare_digest(digest, base64.b64decode(parts[4]))
