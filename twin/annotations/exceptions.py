"""What can go wrong with an annotation; every text says what to do, in the reader's language."""

from __future__ import annotations

from typing import Any

from twin.exceptions import TwinError


class AnnotationError(TwinError):
    """Base: this cannot be done with this annotation."""


class AnnotationFaultError(AnnotationError, ValueError):
    """Something in what was given must be changed first."""


class AnnotationForbiddenError(AnnotationError):
    """This person may not do this to this annotation."""


class AnnotationStaleError(AnnotationError):
    """Somebody else changed it in the meantime; ``now``: what it is now, for a page."""

    def __init__(self, said: str, now: dict[str, Any]) -> None:
        super().__init__(said)
        self.now = now


class PhotographError(AnnotationFaultError):
    """This file cannot be taken as a photograph."""
