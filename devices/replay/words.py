"""What reading a file says to people: text in Chinese (the source language) that the caller translates."""

from __future__ import annotations

from typing import Any


def gettext_noop(text: str) -> str:
    """Mark ``text`` for translation; whoever shows it translates it."""
    return text


class Said:
    """A sentence with its values apart, so that it can be translated: ``translate(said.text) % said.values``."""

    def __init__(self, text: str, **values: Any) -> None:
        self.text = text
        self.values = values

    def __str__(self) -> str:
        return self.text % self.values


class TrackFileError(ValueError):
    """A file that cannot be replayed, and what to do about it.

    Attributes
    ----------
    said : Said
        The same as the message, translatable.
    """

    def __init__(self, text: str, **values: Any) -> None:
        self.said = Said(text, **values)
        super().__init__(str(self.said))
