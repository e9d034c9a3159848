"""What a person is told when a camera, or the process that talks to it, does not do what was asked.

Between processes reasons are short fixed texts; those of sources are beside their protocols
(:mod:`media.sources.faults`). Where they are read they are put into the reader's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from media.exceptions import MediaError, NotOfferedError, OfflineError, RefusedByDeviceError
from media.sources.faults import FAULTS, explain

NO_BROKER = "no broker"
NO_SERVICE = "no answer of the video service"
TOOK_AND_WAS_SILENT = "question taken, never answered"
NO_PICK_UP = "call not answered"
NEVER_CALLED_BACK = "never called back"
HUNG_UP = "device hung up"
GONE = "device gone"
CONNECTION_LOST = "connection lost"
UNUSABLE = "media not usable"
LINE_BUSY = "line busy"
NOT_ACCEPTED = "media not acceptable"
NO_SUCH_CHANNEL = "no such channel"
NOT_ALLOWED = "not allowed"
STREAM_ENDED = "stream ended"
TOO_MANY_VIEWERS = "too many viewers"
NOT_NOW = "not now"
CONTROL_ENDED = "control ended"
CANNOT_BE_MOVED = "cannot be moved"
BAD_TIMES = "bad times"
TOO_MANY_DOWNLOADS = "too many downloads"
TOO_MANY_PLAYBACKS = "too many playbacks"
GIVEN_UP = "given up"
DISK_FULL = "disk full"
NOT_WRITTEN = "not written"
SPEAKING = "somebody is speaking"
TOO_MUCH_SAID = "too much said"
SOUND_TOO_LARGE = "sound file too large"
SOUND_TOO_LONG = "sound too long"
NO_WAV = "no WAV with PCM"

REASONS: Mapping[str, Promise] = MappingProxyType(
    {
        **FAULTS,
        NO_BROKER: _("平台内部的消息服务连接不上。请稍后再试；仍不行时请管理员查看“机房”。"),
        NO_SERVICE: _("平台的视频服务没有及时回答。请稍后再试；仍不行时请管理员查看“机房”。"),
        TOOK_AND_WAS_SILENT: _("设备收下了请求，但一直没有回答。"),
        NO_PICK_UP: _("摄像机没有应答呼叫。请检查它是否通电、联网。"),
        NEVER_CALLED_BACK: _("设备答应播放，但没有来取声音。请检查它的语音对讲设置。"),
        HUNG_UP: _("设备挂断了。"),
        GONE: _("设备离线了。"),
        CONNECTION_LOST: _("与设备的连接断了。请检查网络后重试。"),
        UNUSABLE: _("设备发来的画面读不出来。请把设备的编码改为 H.264 或 H.265。"),
        LINE_BUSY: _("设备正忙，同时取流的路数可能已满。请关掉其他画面，或稍后再试。"),
        NOT_ACCEPTED: _("设备不接受这种取流方式。请在“视频设备”中换一种。"),
        NO_SUCH_CHANNEL: _("设备上没有这个通道。请重新读取设备的通道。"),
        NOT_ALLOWED: _("设备不允许。请核对设备上给平台的权限。"),
        STREAM_ENDED: _("画面已经结束。请重新打开。"),
        TOO_MANY_VIEWERS: _("同时观看的画面太多。请关掉几路，或稍后再试。"),
        NOT_NOW: _("现在不能这样操作。"),
        CONTROL_ENDED: _("云台控制没有取得，或已经结束。请重新点“云台”。"),
        CANNOT_BE_MOVED: _("这一路摄像机不能转动。"),
        BAD_TIMES: _("起止时间不对：终点要在起点之后，而且不能太长。"),
        TOO_MANY_DOWNLOADS: _("正在下载的录像太多。请等一个完成后再试。"),
        TOO_MANY_PLAYBACKS: _("正在回放的录像太多。请几分钟后再试。"),
        GIVEN_UP: _("已经没有这次回放或下载，可能太久无人查看。请重新开始。"),
        DISK_FULL: _("服务器磁盘快满了，暂时不能下载录像。请管理员腾出空间。"),
        NOT_WRITTEN: _("录像写不进服务器的磁盘。请管理员检查磁盘。"),
        SPEAKING: _("已经有人在这台设备上喊话。请等他说完。"),
        TOO_MUCH_SAID: _("一次要说的太多。请分几次。"),
        SOUND_TOO_LARGE: _("声音文件太大。"),
        SOUND_TOO_LONG: _("声音太长。"),
        NO_WAV: _("这不是 PCM 编码的 WAV 文件。请另存为 WAV（PCM）后重试。"),
    }
)


def in_words(reason: str) -> str:
    """A reason in the reader's language; one that nobody has put into words as it is."""
    return explain(reason, REASONS)


def told(error: MediaError) -> str:
    """The error in a person's words."""
    why = in_words(str(error))
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
