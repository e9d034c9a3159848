"""What a rule's declaration is made of: its grade, when it is asked, what people may set, what it shows and reads."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from command.exceptions import RuleError

Text = str | Promise
ID = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_KEY = re.compile(r"[a-z][a-z0-9_]*")


class Grade(IntEnum):
    """How grave (预警等级), as the national emergency plan grades warnings: the lowest number is the gravest."""

    RED = 1
    ORANGE = 2
    YELLOW = 3
    BLUE = 4


GRADE_NAMES: dict[Grade, Text] = {
    Grade.RED: _("红色"),
    Grade.ORANGE: _("橙色"),
    Grade.YELLOW: _("黄色"),
    Grade.BLUE: _("蓝色"),
}


class Trigger(StrEnum):
    """When a rule is asked."""

    POSITIONS = "positions"
    """With every batch of positions, inside the transaction that stores it. Subjects: assets."""
    PRESENT = "present"
    """Every few seconds, about everything there is now. Subjects: assets and areas."""
    EVENTS = "events"
    """When a device sends an event. Subjects: assets; a cause lasts until the alert is disposed or closed."""
    PLATFORM = "platform"
    """Never: the platform itself raises its alerts."""


@dataclass(frozen=True)
class Parameter:
    """A threshold that people may set on the desk.

    Attributes
    ----------
    key, title : str
        Name in ``judge``'s mapping, and what people call it.
    kind : str
        ``int``, ``float``, ``bool`` or ``choice``.
    default : int, float, bool or str
        Must itself be allowed.
    minimum, maximum : float, optional
        Limits of a number, inclusive.
    unit : str
        As shown beside the number.
    choices : tuple of (value, title)
        Of a ``choice``.
    """

    key: str
    title: Text
    kind: Literal["int", "float", "bool", "choice"]
    default: Any
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    choices: tuple[tuple[str, Text], ...] = ()

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise RuleError(f"parameter {self.key!r}: a key is lower-case letters, digits and _")
        if self.kind not in ("int", "float", "bool", "choice"):
            raise RuleError(f"parameter {self.key!r}: kind must be int, float, bool or choice, not {self.kind!r}")
        if (self.kind == "choice") != bool(self.choices):
            raise RuleError(f"parameter {self.key!r}: choices belong to kind 'choice', and it needs some")
        self.check(self.default)

    def check(self, value: Any) -> Any:
        """The value, brought to its kind.

        Raises
        ------
        RuleError
            It is of another kind or outside the limits.
        """
        if self.kind == "bool":
            if not isinstance(value, bool):
                raise RuleError(f"{self.key}: true or false, not {value!r}")
            return value
        if self.kind == "choice":
            if value not in [choice for choice, _title in self.choices]:
                raise RuleError(f"{self.key}: {value!r} is none of the choices")
            return value
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise RuleError(f"{self.key}: a number, not {value!r}")
        if self.kind == "int" and value != int(value):
            raise RuleError(f"{self.key}: a whole number, not {value!r}")
        if self.minimum is not None and value < self.minimum:
            raise RuleError(f"{self.key}: {value} is below {self.minimum}")
        if self.maximum is not None and value > self.maximum:
            raise RuleError(f"{self.key}: {value} is above {self.maximum}")
        return int(value) if self.kind == "int" else float(value)


HOLD = Parameter("hold_s", _("须持续多久（消除亦同）"), "int", 0, minimum=0, maximum=86_400, unit="s")
"""How long a cause must hold before its alert is raised, and be gone before it ends; of every rule on positions."""


@dataclass(frozen=True)
class Evidence:
    """What a key of :attr:`command.facts.Verdicts.evidence` is called, and its unit.

    One with the key of a parameter says what was judged by in its place (a zone's own limit). Where a value is a number
    that stands for something, ``words`` say for what.
    """

    key: str
    title: Text
    unit: str = ""
    words: Mapping[int, Text] = field(default_factory=dict, hash=False)


HELD = Evidence("held_s", _("已持续"), "s")
"""How long the cause had held when its alert was raised; where :data:`HOLD` is set."""


@dataclass(frozen=True)
class Attribute:
    """Something a module keeps about assets or areas in tables of its own, handed to its rules.

    Attributes
    ----------
    key : str
        ``module.name``.
    of : str
        ``asset`` or ``area``.
    load : callable
        Reads all values from the database: key of the asset or area to a value. Called in the process that judges,
        at start and whenever one of ``topics`` changes; never during a judgement.
    topics : tuple of str
        Change notices (:func:`gis.notices.touch_trigger`) of the tables it reads.
    """

    key: str
    of: Literal["asset", "area"]
    load: Callable[[], Mapping[int, Any]]
    topics: tuple[str, ...]

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.key):
            raise RuleError(f"attribute {self.key!r}: the key must read module.name")
        if self.of not in ("asset", "area"):
            raise RuleError(f"attribute {self.key!r}: of must be 'asset' or 'area', not {self.of!r}")
        if not self.topics:
            raise RuleError(f"attribute {self.key!r}: name the topics of its tables, or a change is never noticed")
