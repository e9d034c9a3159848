"""What the chain's faults are called."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from media.recordings.chain import Fault

FAULTS: Mapping[str, Promise] = MappingProxyType(
    {
        "missing": _("片段记录缺失"),
        "changed": _("片段记录被改动，或顺序被调换"),
        "order": _("时间早于前一片段"),
        "file_missing": _("文件不在了"),
        "file_changed": _("文件被改动"),
    }
)


def said(fault: Fault) -> str:
    """A fault in words."""
    return gettext("第 %(number)d 段：%(what)s") % {"number": fault.number, "what": FAULTS[fault.what]}
