"""Control points as people write them: one line each, pasted from a spreadsheet or taken from a file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from gis.calibration.points import MOST_POINTS, ControlPoints
from gis.crs import to_wgs84
from gis.exceptions import OutOfRangeError
from gis.formats import FormatError, read_table

HEADINGS = ("点名", "源东", "源北", "目标东", "目标北", "源高", "目标高")
"""What the columns of a file may be called; otherwise they count in this order."""
ENGLISH = ("name", "source_x", "source_y", "target_x", "target_y", "source_h", "target_h")
_SEPARATOR = re.compile(r"[\t,，;；|]+|\s+")
FEWEST_METRES_APART = 0.01


@dataclass(frozen=True)
class Written:
    """Lines read.

    Attributes
    ----------
    points : ControlPoints
        The usable ones.
    refusals : tuple of (line number, text)
        The others, with the reason.
    """

    points: ControlPoints
    refusals: tuple[tuple[int, str], ...]


def lines_of_file(path: Path, name: str) -> str:
    """The control points of a CSV or XLSX file as lines for :func:`parse`.

    Raises
    ------
    FormatError
        No table, or fewer than five columns.
    """
    table = read_table(path, name)
    plain = {heading.strip().lower().replace(" ", "_"): heading for heading in table}
    named = [plain.get(a) or plain.get(b) for a, b in zip(HEADINGS, ENGLISH, strict=True)]
    headings = named if all(named[1:5]) else list(table)[: len(HEADINGS)]
    if len(headings) < 5:
        raise FormatError("no_control_points", columns="、".join(HEADINGS))
    columns: list[Sequence[Any]] = [table[heading] if heading else () for heading in headings]
    count = max((len(column) for column in columns), default=0)
    return "\n".join("\t".join(_cell(column[i]) if column else "" for column in columns) for i in range(count))


def _cell(value: Any) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else " ".join(str(value).split("\t"))


def parse(
    text: str, target_datum: str, *, source_north_first: bool = False, target_north_first: bool = False
) -> Written:
    """Read control points: name, two coordinates of the source, two of the target, and, if known, both heights.

    Parameters
    ----------
    text : str
        A line each; parted by tabs, commas or blanks. A first line without numbers is a heading.
    target_datum : str
        Name of the target's coordinates (:mod:`gis.crs`).
    source_north_first, target_north_first : bool
        As surveyors write: X north, Y east.

    Raises
    ------
    UnknownDatumError
        No such target datum.
    """
    names: list[str] = []
    numbers: list[list[float]] = []
    refusals: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        cells = _cells(line)
        if not cells:
            continue
        problem, values = _values(cells)
        if problem and not names and not refusals and number == 1 and _is_heading(cells):
            continue
        problem = problem or _repeated(cells[0], values, names, numbers)
        if not problem and len(names) >= MOST_POINTS:
            problem = _("控制点超过 %(most)d 个，没有采用。") % {"most": MOST_POINTS}
        if not problem:
            try:
                x, y = (values[3], values[2]) if target_north_first else (values[2], values[3])
                values[2:4] = to_wgs84(x, y, target_datum)
            except OutOfRangeError as error:
                problem = str(error)
        if problem:
            refusals.append((number, problem))
            continue
        names.append(cells[0])
        numbers.append([values[1], values[0], *values[2:]] if source_north_first else values)
    table = np.array(numbers, dtype=np.float64).reshape(-1, 6)
    points = ControlPoints(tuple(names), table[:, :2], table[:, 2:4], table[:, 4], table[:, 5])
    return Written(points, tuple(refusals))


def _cells(line: str) -> list[str]:
    if "\t" in line:
        return [cell.strip() for cell in line.rstrip("\r\n").split("\t")] if line.strip() else []
    return [cell for cell in _SEPARATOR.split(line.strip()) if cell]


def _is_heading(cells: list[str]) -> bool:
    return not any(_number(cell) is not None for cell in cells[1:])


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _values(cells: list[str]) -> tuple[str, list[float]]:
    """What is wrong with a line, or its six numbers; heights that are not given are NaN."""
    if len(cells) < 5:
        return _("少于五列：应为点名、源坐标两列、目标坐标两列。"), []
    values: list[float] = []
    for place, cell in enumerate(cells[1:7]):
        value = _number(cell)
        if value is None and (cell or place < 4):
            return _("“%(cell)s”不是数字。") % {"cell": cell[:20]}, []
        values.append(np.nan if value is None else value)
    return "", [*values, *[np.nan] * (6 - len(values))]


def _repeated(name: str, values: list[float], names: list[str], numbers: list[list[float]]) -> str:
    if name in names:
        return _("点名“%(name)s”重复。") % {"name": name[:20]}
    for other, known in zip(names, numbers, strict=True):
        if values[:2] in (known[:2], known[1::-1]):
            return _("源坐标与“%(name)s”相同。") % {"name": other[:20]}
    return ""
