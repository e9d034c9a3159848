"""What is kept of an area beside its shape, by kind (区域属性): declared once, checked at every door. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

MOST_CHARS = 200
MOST_NUMBER = 1_000_000


@dataclass(frozen=True)
class AreaAttribute:
    """One attribute.

    Attributes
    ----------
    key, title : str
        Name in the stored object, and what people call it.
    kind : str
        ``text``, ``number`` (0 or above) or ``choice``.
    choices : tuple of (value, title)
        Of a choice.
    unit : str
        Beside a number.
    """

    key: str
    title: str | Promise
    kind: Literal["text", "number", "choice"] = "text"
    choices: tuple[tuple[str, str | Promise], ...] = ()
    unit: str = ""


_CONTACT = AreaAttribute("contact", _("联系人"))
_BASIS = AreaAttribute("basis", _("依据文号"))
AREA_ATTRIBUTES: Mapping[str, tuple[AreaAttribute, ...]] = {
    "fence": (
        AreaAttribute(
            "purpose",
            _("用途"),
            "choice",
            (("keep_out", _("禁止进入")), ("keep_in", _("禁止离开")), ("watch", _("留意进出")), ("ceiling", _("限高"))),
        ),
        _BASIS,
        _CONTACT,
    ),
    "key_area": (
        AreaAttribute("level", _("重点等级"), "choice", (("1", _("一级")), ("2", _("二级")), ("3", _("三级")))),
        _BASIS,
        _CONTACT,
    ),
    "zone": (AreaAttribute("capacity", _("可容纳人数"), "number", unit=""), _BASIS, _CONTACT),
    "line": (_BASIS, _CONTACT),
}


class AttributeFaultError(ValueError):
    """An attribute that this kind does not have, or of a wrong sort; the text is for people."""


def settled(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of an area of a kind, checked; empty ones are left out.

    Raises
    ------
    AttributeFaultError
        This kind has no such attribute, or a value is of another sort.
    """
    declared = {attribute.key: attribute for attribute in AREA_ATTRIBUTES.get(kind, ())}
    found: dict[str, Any] = {}
    for key, value in values.items():
        if value is None or value == "":
            continue
        if key not in declared:
            raise AttributeFaultError(gettext("这类区域没有属性“%s”。") % key)
        found[key] = _checked(declared[key], value)
    return found


def _checked(attribute: AreaAttribute, value: Any) -> Any:
    named = {"name": attribute.title}
    if attribute.kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_NUMBER:
            raise AttributeFaultError(gettext("“%(name)s”应为不小于 0 的数。") % named)
        return value
    if attribute.kind == "choice":
        if value not in [choice for choice, _title in attribute.choices]:
            raise AttributeFaultError(gettext("“%(name)s”不在可选项中。") % named)
        return value
    if not isinstance(value, str) or len(value) > MOST_CHARS:
        raise AttributeFaultError(gettext("“%(name)s”应为文字，最多 %(most)d 个字。") % {**named, "most": MOST_CHARS})
    return value.strip()
