"""What became, or would become, of a file's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Fate(StrEnum):
    """What a row does."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"
    REFUSED = "refused"


@dataclass(frozen=True)
class RowReport:
    """What became, or would become, of one row.

    Attributes
    ----------
    number : int
        Row of the file, as a spreadsheet counts.
    changes : tuple of (str, str, str)
        Heading, value before, value after; personal identifiers as masks.
    errors : tuple of (str, str)
        Heading (empty: the whole row) and what is wrong.
    """

    number: int
    fate: Fate
    label: str = ""
    changes: tuple[tuple[str, str, str], ...] = ()
    errors: tuple[tuple[str, str], ...] = ()


@dataclass
class Report:
    """What became, or would become, of a file."""

    rows: list[RowReport] = field(default_factory=list)
    stored: bool = False

    def of(self, fate: str) -> list[RowReport]:
        """The rows of one fate."""
        return [row for row in self.rows if row.fate == fate]


def as_json(report: Report) -> dict[str, Any]:
    """The report for keeping."""
    return {"stored": report.stored, "rows": [[r.number, r.fate, r.label, r.changes, r.errors] for r in report.rows]}


def from_json(kept: Mapping[str, Any]) -> Report:
    """The reverse of :func:`as_json`."""
    rows = [
        RowReport(number, Fate(fate), label, tuple(map(tuple, changes)), tuple(map(tuple, errors)))
        for number, fate, label, changes, errors in kept["rows"]
    ]
    return Report(rows, kept["stored"])
