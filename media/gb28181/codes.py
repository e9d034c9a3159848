"""Codes of twenty digits (GB/T 28181-2022, annex E): region, industry, type, network, number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_CODE = re.compile(r"\d{20}")
_REGION = re.compile(r"\d{2}|\d{4}|\d{6}|\d{8}")

TYPES: Mapping[int, str | Promise] = MappingProxyType(
    {
        111: _("硬盘录像机"),
        112: _("视频服务器"),
        113: _("编码器"),
        114: _("解码器"),
        117: _("报警控制器"),
        118: _("网络录像机"),
        122: _("多目摄像机"),
        130: _("混合录像机"),
        131: _("摄像机"),
        132: _("网络摄像机"),
        133: _("显示器"),
        134: _("报警输入"),
        135: _("报警输出"),
        136: _("语音输入"),
        137: _("语音输出"),
        138: _("移动传输设备"),
        140: _("报警输出"),
        141: _("道闸"),
        142: _("门禁"),
        200: _("信令服务器"),
        202: _("媒体服务器"),
        209: _("网关"),
        210: _("存储"),
        211: _("信令网关"),
        215: _("业务分组"),
        216: _("虚拟组织"),
    }
)
INDUSTRIES: Mapping[range, str | Promise] = MappingProxyType(
    {
        range(4): _("公安"),
        range(4, 8): _("交通"),
        range(8, 9): _("城管"),
        range(9, 10): _("环保"),
        range(10, 11): _("海关"),
        range(11, 12): _("教育"),
        range(12, 13): _("民航"),
        range(13, 14): _("铁路"),
        range(14, 15): _("航运"),
    }
)
CAMERAS = frozenset({122, 131, 132, 138})
FOLDERS = frozenset({200, 209, 211, 215, 216})
NOT_CAMERAS = frozenset({114, 117, 133, 134, 135, 136, 137, 140, 141, 142, 202, 210})


class Code(NamedTuple):
    """A code taken apart."""

    region: str
    """Eight digits: province, city, district, grassroots unit."""
    industry: int
    type: int
    network: int
    serial: int

    @property
    def type_name(self) -> str | Promise:
        """What sort of thing it is; its number where annex E does not name it."""
        return TYPES.get(self.type, str(self.type))

    @property
    def industry_name(self) -> str | Promise:
        """Whose it is; its number where annex E does not name it."""
        return next((name for codes, name in INDUSTRIES.items() if self.industry in codes), f"{self.industry:02d}")


def is_code(text: str) -> bool:
    """Whether it is twenty digits."""
    return _CODE.fullmatch(text) is not None


def read_code(text: str) -> Code:
    """Take a code apart.

    Raises
    ------
    ValueError
        It is not twenty digits.
    """
    if not is_code(text):
        raise ValueError(f"no code of twenty digits: {text[:40]!r}")
    return Code(text[:8], int(text[8:10]), int(text[10:13]), int(text[13]), int(text[14:]))


def domain_of(code: str) -> str:
    """The SIP domain a code belongs to: its first ten digits (6.1.2)."""
    return code[:10]


def is_folder(text: str) -> bool:
    """Whether a catalogue's entry only holds others: a region, a business group, a virtual organisation, a system."""
    return bool(_REGION.fullmatch(text)) or (is_code(text) and read_code(text).type in FOLDERS)


def is_camera(text: str) -> bool:
    """Whether a catalogue's entry can be looked through; one whose code says nothing is believed to be."""
    if is_folder(text):
        return False
    return not is_code(text) or read_code(text).type not in NOT_CAMERAS


def ssrc_text(domain: str, number: int, *, history: bool = False) -> str:
    """Value of ``y=``: ten digits, the first 1 for what is recorded, then digits 4 to 8 of the domain (annex G).

    Parameters
    ----------
    number : int
        Unlike every other stream's in this domain; its last four digits are used.
    """
    return f"{int(history)}{domain[3:8]:0<5}{number % 10_000:04d}"
