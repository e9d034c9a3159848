"""What a person is told when a camera, or the process that talks to it, does not do what was asked."""

from __future__ import annotations

from django.utils.translation import gettext

from media.exceptions import MediaError, NotOfferedError, OfflineError, RefusedByDeviceError
from media.sources.faults import explain


def told(error: MediaError) -> str:
    """The error in a person's words."""
    why = explain(str(error))
    if isinstance(error, OfflineError):
        return why if why != str(error) else gettext("设备不在线。")
    if isinstance(error, RefusedByDeviceError):
        return gettext("设备拒绝：%s") % why
    if isinstance(error, NotOfferedError):
        return gettext("不能这样做：%s") % why
    return gettext("没有应答：%s") % why


def status_of(error: MediaError) -> tuple[int, str]:
    """HTTP status of an error, and its name for programs."""
    if isinstance(error, OfflineError):
        return 503, "offline"
    if isinstance(error, RefusedByDeviceError):
        return 409, "refused"
    if isinstance(error, NotOfferedError):
        return 422, "not_offered"
    return 504, "no_reply"
