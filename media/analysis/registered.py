"""Which analysers there are: those that modules register, and the models of the desk."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise

KEY = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_-]*")
ENTRY = re.compile(r"[a-z][\w.]*:\w+")
MOST_KEY = 64


@dataclass(frozen=True)
class AnalyserKind:
    """An analyser, and how its process begins.

    Attributes
    ----------
    key : str
        ``module.name``; never changes once used.
    title : str
        What people call it.
    entry : str
        ``package.module:callable``, a :data:`media.analysis.interface.Make`. The module is imported in the analyser's
        own process, which has neither Django nor the database.
    settings : mapping
        What the callable gets: what JSON can say.
    """

    key: str
    title: str | Promise
    entry: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not KEY.fullmatch(self.key) or len(self.key) > MOST_KEY:
            raise ValueError(f"analyser {self.key!r}: the key must read module.name, at most {MOST_KEY} characters")
        if not ENTRY.fullmatch(self.entry):
            raise ValueError(f"analyser {self.key}: the entry must read package.module:callable, not {self.entry!r}")


_kinds: dict[str, AnalyserKind] = {}


def register_analyser(kind: AnalyserKind) -> AnalyserKind:
    """Offer an analyser for tasks and uploads; called at start.

    Raises
    ------
    ValueError
        There is one of that key already.
    """
    if kind.key in _kinds:
        raise ValueError(f"there is an analyser {kind.key!r} already")
    _kinds[kind.key] = kind
    return kind


def registered() -> dict[str, AnalyserKind]:
    """Those of modules, by key."""
    return dict(_kinds)
