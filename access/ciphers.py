"""Providers of encryption and keyed digests for personal identifiers.

A stored value names the provider and the key it was made with, so values of several providers and keys live in one
column: a provider for the national algorithms (SM4, SM3) registers itself under its own tag, becomes the current one,
and what was stored before stays readable and findable for as long as the old provider is registered.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from access.exceptions import PersonalDataError

_NAME = re.compile(r"[0-9a-z]{1,16}")
_NONCE_BYTES = 12


class CipherProvider(Protocol):
    """What a provider offers; implementations hold their key and show it nowhere."""

    tag: str
    """Short name of the algorithms and their version, of ``[0-9a-z]``; stored with every value."""
    key_id: str
    """Short name of the key, of ``[0-9a-z]``, from which the key cannot be learnt; stored with every value."""

    def encrypt(self, value: bytes, context: bytes) -> bytes:
        """Seal ``value`` for ``context``; two calls never give the same bytes."""

    def decrypt(self, sealed: bytes, context: bytes) -> bytes:
        """Open what :meth:`encrypt` made for the same context.

        Raises
        ------
        PersonalDataError
            Another key or context, or damaged bytes.
        """

    def digest(self, value: bytes, context: bytes) -> bytes:
        """Keyed digest of ``value`` in ``context``: equal for equal values, useless without the key."""


def key_from_text(text: str) -> bytes:
    """Decode a data key: base64 of exactly 32 bytes.

    Raises
    ------
    ImproperlyConfigured
        It is something else. The message does not repeat it.
    """
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise ImproperlyConfigured("SANDTABLE_DATA_KEY must be the base64 text of 32 random bytes")
    return key


class AesGcmProvider:
    """AES-256-GCM with a random 96-bit nonce, HMAC-SHA256 digests; both keys by HKDF-SHA256 (RFC 5869) from one."""

    tag = "a1"

    def __init__(self, data_key: bytes) -> None:
        """Derive the keys from 32 bytes."""
        self.key_id = _derive(data_key, b"sandtable personal key id").hex()[:8]
        self._cipher = AESGCM(_derive(data_key, b"sandtable personal aes-256-gcm"))
        self._digest_key = _derive(data_key, b"sandtable personal hmac-sha256")

    def encrypt(self, value: bytes, context: bytes) -> bytes:
        """Nonce, then ciphertext with its 16-byte tag."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value, context)

    def decrypt(self, sealed: bytes, context: bytes) -> bytes:
        """Open what :meth:`encrypt` made; see :class:`CipherProvider`."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise PersonalDataError(
                f"a personal value does not open with key {self.key_id}: it was altered, or belongs to another field"
            ) from None

    def digest(self, value: bytes, context: bytes) -> bytes:
        """32 bytes; the context's length is mixed in so that no two pairs of context and value run together."""
        message = len(context).to_bytes(4, "big") + context + value
        return hmac.new(self._digest_key, message, hashlib.sha256).digest()


def _derive(data_key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(data_key)


_registered: dict[tuple[str, str], CipherProvider] = {}
_current: list[CipherProvider] = []


@lru_cache(maxsize=8)
def _from_settings(text: str) -> AesGcmProvider:
    return AesGcmProvider(key_from_text(text))


def register_provider(provider: CipherProvider, *, current: bool = False) -> None:
    """Make a provider known; with ``current`` it seals every value stored from now on.

    Raises
    ------
    ValueError
        Its tag or key id is not of ``[0-9a-z]``, or another provider has both already.
    """
    if not (_NAME.fullmatch(provider.tag) and _NAME.fullmatch(provider.key_id)):
        raise ValueError(f"provider {provider.tag!r} key {provider.key_id!r}: both must be 1 to 16 of [0-9a-z]")
    name = (provider.tag, provider.key_id)
    if _registered.setdefault(name, provider) is not provider:
        raise ValueError(f"a cipher provider {provider.tag} with key {provider.key_id} is registered already")
    if current:
        _current[:] = [provider]


def unregister_provider(provider: CipherProvider) -> None:
    """Forget a provider; what it sealed cannot be opened any more."""
    _registered.pop((provider.tag, provider.key_id), None)
    if _current == [provider]:
        _current.clear()


def current_provider() -> CipherProvider:
    """Seals new values: the one registered as current, else AES-GCM with the installation's data key."""
    return _current[0] if _current else _from_settings(settings.DATA_KEY)


def providers() -> list[CipherProvider]:
    """All that can open and find stored values, the current one first."""
    own = _from_settings(settings.DATA_KEY)
    known = {(own.tag, own.key_id): own, **_registered}
    first = current_provider()
    return [first, *(provider for provider in known.values() if provider is not first)]


def provider_for(tag: str, key_id: str) -> CipherProvider:
    """Find the provider that sealed a value.

    Raises
    ------
    PersonalDataError
        None is registered: the value was sealed with another key or algorithm.
    """
    for provider in providers():
        if (provider.tag, provider.key_id) == (tag, key_id):
            return provider
    raise PersonalDataError(
        f"a personal value was sealed by {tag} with key {key_id}; this installation has "
        + ", ".join(f"{provider.tag} with key {provider.key_id}" for provider in providers())
        + ". Set SANDTABLE_DATA_KEY to the key the data was stored with."
    )
