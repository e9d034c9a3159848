"""What can go wrong on the twin's floor."""

from __future__ import annotations

from datetime import date


class TwinError(Exception):
    """Base of all errors of :mod:`twin`."""


class DuplicateKindError(TwinError):
    """Two asset kinds claim the same key or code."""


class UnknownKindError(TwinError, LookupError):
    """No asset kind of that key or code is declared."""


class PastError(TwinError):
    """What was asked of the past cannot be answered; the message says why, in the language in force."""


class PastTooSlowError(PastError):
    """Reading the history took longer than a map may wait."""


class PastDamagedError(PastError):
    """An archived file of the history, that of ``day`` (UTC), is missing, or is not what was written."""

    def __init__(self, message: str, day: date) -> None:
        super().__init__(message)
        self.day = day


class ArchiveError(TwinError):
    """A day of the history could not be archived, restored or verified; nothing was lost by it."""


class ArchiveStoreError(ArchiveError):
    """The place of the archive cannot be used."""


class ArchiveDamagedError(ArchiveError):
    """An archived file is missing, or is not what was written."""


class ArchiveBusyError(ArchiveError):
    """Somebody else is archiving or restoring, or new rows of the day came meanwhile; later it will go."""


class AnalysisError(TwinError):
    """What was asked of the archive cannot be computed."""


class BasemapError(TwinError):
    """A basemap's file or server does not give what it should."""
