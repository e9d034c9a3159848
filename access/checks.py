"""System checks: a wrong data key is found when a process starts, not when somebody needs a telephone number."""

from __future__ import annotations

from typing import Any

from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from access.ciphers import current_provider
from gis.checks import AT_START


def check_data_key(**_: Any) -> list[checks.CheckMessage]:
    """The data key must be usable."""
    try:
        current_provider()
    except ImproperlyConfigured as error:
        return [checks.Error(str(error), id="access.E001")]
    return []


def register() -> None:
    """Register the checks of this floor."""
    checks.register(check_data_key, checks.Tags.security, AT_START)
