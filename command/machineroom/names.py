"""What people call the parts of the platform."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from twin.exceptions import UnknownKindError
from twin.kinds import kind_of

Text = str | Promise

LINES: Mapping[str, Text] = MappingProxyType(
    {
        "web": _("网页"),
        "ingest": _("接入"),
        "rules": _("预警规则"),
        "warden": _("终端密钥"),
        "jt808": _("JT/T 808 接入"),
        "gb28181": _("GB/T 28181 视频接入"),
        "jobs": _("后台作业"),
    }
)
FOLDERS: Mapping[str, Text] = MappingProxyType({"data": _("数据目录"), "servers": _("数据库与消息服务")})
STAGES: Mapping[str, Text] = MappingProxyType(
    {
        "decode": _("解码"),
        "copy": _("写入历史"),
        "fences": _("围栏"),
        "latest": _("最新位置"),
        "rules": _("规则判断"),
        "commit": _("提交"),
    }
)
"""Stages of storing a batch, in their order."""
WAYS: Mapping[str, Text] = MappingProxyType(
    {
        "pos": _("MQTT 单条"),
        "batch": _("MQTT 批量"),
        "status": _("开关机"),
        "event": _("终端事件"),
        "reply": _("指令应答"),
        "push": _("平台推送"),
        "jt808": _("JT/T 808 终端"),
    }
)
"""How messages come in."""


def source_name(what: str, name: str) -> str:
    """What a source is called: a ``kind`` of things, or a ``way`` in."""
    if what == "way":
        return str(WAYS.get(name, name))
    try:
        return str(kind_of(name).name)
    except UnknownKindError:
        return name
