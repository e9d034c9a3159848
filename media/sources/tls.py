"""TLS to cameras: what they show is checked where an authority is named, else only nobody between can listen."""

from __future__ import annotations

import ssl
from functools import lru_cache

from django.conf import settings


def context() -> ssl.SSLContext:
    """How cameras are spoken to by https and rtsps.

    Cameras come with certificates they signed themselves, for no name: without an authority of the operator's own
    (``SANDTABLE_VIDEO_CA``) there is nothing to check them against. Passwords are shown as digests either way.

    Raises
    ------
    OSError, ssl.SSLError
        The authority's file cannot be read.
    """
    return _context(settings.VIDEO_CA_FILE)


@lru_cache(maxsize=2)
def _context(authority: str) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=authority or None)
    made.check_hostname = False  # cameras are known by their address
    if not authority:
        made.verify_mode = ssl.CERT_NONE
    return made
