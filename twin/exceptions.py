"""What can go wrong on the twin's floor."""


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
