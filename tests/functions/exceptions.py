"""What can be wrong with the register and its reports."""

from __future__ import annotations


class FunctionsError(Exception):
    """The register of requirements or a report cannot be used; the text says what to do about it."""
