"""What can go wrong between a camera and whoever looks through it."""


class MediaError(Exception):
    """Base of all errors of :mod:`media`."""


class OfflineError(MediaError):
    """The device is not registered now."""


class NoReplyError(MediaError):
    """The device, or the process that talks to it, said nothing in time."""


class RefusedByDeviceError(MediaError):
    """The device said no, in its own words."""


class NotOfferedError(MediaError, ValueError):
    """Something was asked that is not possible, or makes no sense."""
