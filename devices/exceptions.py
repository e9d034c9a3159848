"""What can go wrong between a device and the twin."""


class DevicesError(Exception):
    """Base of all errors of :mod:`devices`."""


class RefusedError(DevicesError, ValueError):
    """A message, or one row of it, that is not taken.

    Attributes
    ----------
    reason : str
        One of the reasons in ``docs/protocols/mqtt.md``.
    detail : str
        What exactly was wrong, for people.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class LeaseLostError(DevicesError):
    """Another worker owns a shard that this one was about to write for."""


class CommandNotSentError(DevicesError):
    """A command could not be handed to the broker; its text tells people what to do."""


class NotStoredError(DevicesError):
    """Nobody said in time that positions were stored; they may be sent again."""


class CommandInvalidError(DevicesError, ValueError):
    """A command that makes no sense; its text tells people what to do."""
