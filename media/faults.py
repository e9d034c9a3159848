"""What a person is told when a camera, or the process that talks to it, does not do what was asked."""

from __future__ import annotations

from django.utils.translation import gettext

from media.exceptions import MediaError, NotOfferedError, OfflineError, RefusedByDeviceError


def told(error: MediaError) -> str:
    """The error in a person's words."""
    if isinstance(error, OfflineError):
        return gettext("设备不在线。")
    if isinstance(error, RefusedByDeviceError):
        return gettext("设备拒绝：%s") % error
    if isinstance(error, NotOfferedError):
        return gettext("不能这样做：%s") % error
    return gettext("没有应答：%s") % error


def status_of(error: MediaError) -> tuple[int, str]:
    """HTTP status of an error, and its name for programs."""
    if isinstance(error, OfflineError):
        return 503, "offline"
    if isinstance(error, RefusedByDeviceError):
        return 409, "refused"
    if isinstance(error, NotOfferedError):
        return 422, "not_offered"
    return 504, "no_reply"
