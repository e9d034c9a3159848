"""What can go wrong on the twin's floor."""


class TwinError(Exception):
    """Base of all errors of :mod:`twin`."""


class DuplicateKindError(TwinError):
    """Two asset kinds claim the same key or code."""


class UnknownKindError(TwinError, LookupError):
    """No asset kind of that key or code is declared."""
