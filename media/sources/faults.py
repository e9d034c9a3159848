"""Why a source gives no pictures, in words a person can act on.

Faults travel from the process that talks to cameras as short fixed texts, and are put into the reader's language where
they are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

UNREACHABLE = "unreachable"
SILENT = "no answer"
STRANGE = "not understood"
LOGIN = "login needed"
WRONG_LOGIN = "wrong login"
NOT_THERE = "not there"
DECLINED = "declined"
TRANSPORT = "transport refused"
NO_PICTURE = "no known picture"
ONLY_H264 = "publishes no H.264"
NO_MEDIA = "no media"
STOPPED = "media stopped"
CLOSED = "connection closed"
NO_FILE = "no file"
BAD_FILE = "file unreadable"
NOT_PUBLISHED = "nobody publishes"
NO_PTZ = "no ptz"
BUSY = "busy"
ALL_TAKEN = "too many publishers"

FAULTS: Mapping[str, Promise] = MappingProxyType(
    {
        UNREACHABLE: _("连接不上。请检查地址、端口和网络，以及设备是否通电。"),
        SILENT: _("已连接但没有应答。请核对端口是否为该协议的端口。"),
        STRANGE: _("应答不合协议。请核对地址和端口；确认无误时请联系设备厂商。"),
        LOGIN: _("需要用户名和密码。请在此填写设备上的账号。"),
        WRONG_LOGIN: _("用户名或密码不对，或账号没有取流权限。请核对后重新填写；连错多次设备会锁定。"),
        NOT_THERE: _("设备上没有这个路径。请向厂商核对取流地址的写法。"),
        DECLINED: _("设备拒绝了请求，可能是取流路数已满。请关闭其他正在取流的程序，或重启设备。"),
        TRANSPORT: _("设备不支持所选的取流方式。请换成另一种（TCP 或 UDP）。"),
        NO_PICTURE: _("没有可用的画面。请把设备的编码改为 H.264 或 H.265。"),
        ONLY_H264: _("推流只收 H.264 画面。请在推流软件中把编码改为 H.264。"),
        NO_MEDIA: _("设备已答应，但没有数据到来。请改用 TCP 取流，或放行防火墙上的媒体端口。"),
        STOPPED: _("画面中断。设备停止了发送，请检查网络和设备。"),
        CLOSED: _("连接被设备断开。"),
        NO_FILE: _("找不到文件。请把它放进视频文件夹，并核对文件名。"),
        BAD_FILE: _("文件读不出来，或其中没有 H.264、H.265 画面。请换一个 MP4、TS 或 MKV 文件。"),
        NOT_PUBLISHED: _("还没有人推流。请在手机、浏览器或推流软件上开始推送。"),
        NO_PTZ: _("这一路没有云台。"),
        ALL_TAKEN: _("同时推流的路数已满。请等别人停止后再试。"),
        BUSY: _("已有人在向这一路推流。请等对方停止，或另建一个视频源。"),
    }
)


def explain(fault: str, words: Mapping[str, Promise] = FAULTS) -> str:
    """A fault in the reader's language; what is none of the words' as it is."""
    head, _colon, rest = fault.partition(": ")
    known = words.get(head)
    if known is None:
        return fault
    return f"{known}（{rest}）" if rest else str(known)
