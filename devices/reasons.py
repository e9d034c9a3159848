"""Reasons for refusing a message, in words: what each means and what to do about it.

The codes are those of section 8 of ``docs/protocols/mqtt.md``; they are what is stored and what devices are told.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

OUT_OF_RANGE = "out_of_range"


class Reason(NamedTuple):
    """A reason for people."""

    name: str | Promise
    hint: str | Promise


REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        "payload_too_large": Reason(
            _("消息过大"), _("超过 256 KiB，整条未处置。请终端厂商把消息拆小，或减少一批的行数。")
        ),
        "not_json": Reason(_("不是 JSON"), _("内容读不出来，整条未处置。请终端厂商检查程序的输出。")),
        "wrong_type": Reason(
            _("字段类型或格式不对"), _("例如数字写成了文字、时间不带时区。请终端厂商按协议第 3 节修改程序。")
        ),
        "unknown_field": Reason(_("有协议以外的字段"), _("多半是字段名拼错。请终端厂商改正；自有数据应放进 attrs。")),
        "missing_field": Reason(_("缺少必填字段"), _("请终端厂商补上。有编号的终端每个位置都须带 seq。")),
        OUT_OF_RANGE: Reason(_("数值超出范围"), _("这一条未入库，其余照收。经常出现时，请检查终端的传感器和单位。")),
        "not_finite": Reason(_("数值为 NaN 或无穷"), _("没有的值应当不写这个字段。请终端厂商修改程序。")),
        "time_in_future": Reason(
            _("时间超前"),
            _("比平台时钟早到 120 秒以上。请为终端对时（NTP 或卫星时间）；若大批终端如此，先查平台的时钟。"),
        ),
        "time_too_old": Reason(
            _("时间过旧"), _("早于该类别的保存期限，不再入库。请检查终端时钟；补传应在保存期限以内。")
        ),
        "batch_too_long": Reason(_("一批行数过多"), _("超过 1000 行，整条未处置。请终端厂商把一批拆小。")),
        "old_epoch": Reason(_("编号系列已作废"), _("终端用了旧的 epoch。请终端厂商按协议第 4 节换用更大的 epoch。")),
        "too_many_gaps": Reason(
            _("编号缺口过多"), _("同时开着 64 个以上缺口，此编号未处置。终端须从已确认编号的下一个开始补发。")
        ),
        "unknown_device": Reason(_("终端未登记"), _("请在“终端”中登记这个编号，或停用这台终端；终端应保留数据。")),
        "revoked_device": Reason(_("终端已吊销"), _("如应恢复使用，请为它签发新密钥；终端应保留数据。")),
        "no_asset": Reason(_("终端未绑定对象"), _("请在“终端”中为它选择一个在用的对象；终端应保留数据。")),
        "wrong_topic": Reason(
            _("主题不合规"), _("主题写错，或类别与登记的不同。请核对登记的类别，或请终端厂商修改程序。")
        ),
        "wrong_shard": Reason(_("分片不符"), _("主题里的分片与终端编号不符。请终端厂商按协议第 1 节的公式计算。")),
        "foreign_topic": Reason(
            _("发往他人主题"), _("已由消息服务器拦下。请终端厂商检查程序；若反复出现，应吊销该终端的密钥并查明原因。")
        ),
        "not_authorised": Reason(
            _("未通过认证"), _("用户名或密钥不对，或密钥已吊销。请核对终端里的密钥，必要时重新签发。")
        ),
        "foreign_device": Reason(
            _("不是它的终端"),
            _("平台推送了没有指派给它的终端，或一条连接里换了终端号。请在“终端”中核对“对接平台”，或请对方检查程序。"),
        ),
        "clock_skew": Reason(_("请求时间不符"), _("推送请求的时间戳与平台时钟相差 5 分钟以上。请对方对时。")),
        "replayed": Reason(
            _("请求重放"), _("同一个随机数用了两次，未处理。请对方每次请求换一个；若不是对方所发，应立即换发推送密钥。")
        ),
        "bad_frame": Reason(
            _("报文损坏"), _("JT/T 808 报文不完整、校验不符或不合格式，未处理。请终端厂商检查程序和通信模块。")
        ),
        "not_located": Reason(_("未定位"), _("终端报告没有卫星定位，位置未入库。经常出现时，请检查天线和安装位置。")),
        "flooding": Reason(_("发送过快"), _("一条连接每秒消息过多，已断开。请终端厂商检查程序；反复出现应吊销密钥。")),
        "storage_refused": Reason(
            _("数据库不接受"), _("内容合规却不能入库，是平台的问题。请把这条记录报给平台维护者。")
        ),
    }
)

_further: dict[str, Reason] = {}


def register_reasons(reasons: Mapping[str, Reason]) -> None:
    """Name reasons that a floor above gives.

    Raises
    ------
    ValueError
        One of them has other words already.
    """
    for code, reason in reasons.items():
        if code in REASONS or _further.setdefault(code, reason) is not reason:
            raise ValueError(f"the reason {code!r} has words already")


FIELDS: Mapping[str, str | Promise] = MappingProxyType(
    {
        "time": _("时间"),
        "lon": _("经度"),
        "lat": _("纬度"),
        "seq": _("位置编号"),
        "epoch": _("编号系列"),
        "oldest": _("最小编号"),
        "alt_m": _("海拔"),
        "speed_m_s": _("速度"),
        "heading_deg": _("航向"),
        "accuracy_m": _("精度"),
        "attrs": _("自有数据"),
        "battery_pct": _("电量"),
        "id": _("指令号"),
    }
)
"""Fields that may be out of range, as people call them."""


def name_of(code: str) -> str:
    """What a reason is called, in the language in force; the code itself where nobody has named it."""
    field = FIELDS.get(code.removeprefix(f"{OUT_OF_RANGE}_"))
    if field is not None and code.startswith(OUT_OF_RANGE):
        return gettext("%(field)s超出范围") % {"field": field}
    reason = REASONS.get(code) or _further.get(code)
    return str(reason.name) if reason else code


def hint_of(code: str) -> str:
    """What it means and what to do; empty where nobody has named it."""
    code = OUT_OF_RANGE if code.startswith(f"{OUT_OF_RANGE}_") else code
    reason = REASONS.get(code) or _further.get(code)
    return str(reason.hint) if reason else ""
