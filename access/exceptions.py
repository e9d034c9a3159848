"""Everything the floor raises by name."""

from django.core.exceptions import PermissionDenied


class AccessError(Exception):
    """Base of this package's own errors."""


class PersonalDataError(AccessError):
    """A stored personal identifier cannot be opened: wrong key, unknown provider or damaged text."""


class RevealRefused(AccessError, PermissionDenied):
    """Somebody asked to see a personal identifier whom no role allows to see it there."""
