"""Tables as lines of values below a heading; those of CSV files (workbooks: :mod:`gis.confined.workbooks`)."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gis.confined.raw import Job, Refused, decode

# As many blank lines end a sheet: some programs format a million of them.
BLANK_LINES = 2_000
MOST_CELL = 1 << 22
_COMPUTES = frozenset("=+-@\t\r\n")


@dataclass
class Table:
    """A sheet.

    Attributes
    ----------
    name : str
        Of the sheet, or of the file.
    headings : list of str
        Distinct; a blank one is called after its column.
    lines : list of (number, values)
        Place in the file from 1, the heading's line counted, and one value for each heading.
    encoding : str
        Of a CSV file.
    """

    name: str
    headings: list[str]
    lines: list[tuple[int, list[Any]]]
    encoding: str = ""


def read_csv(job: Job) -> list[Table]:
    """The file's only table; separated by comma, semicolon, tab or bar, whichever its heading has most of."""
    name, path = job.files[0]
    text, encoding = decode(path.read_bytes(), job.encoding)
    if "\0" in text:
        raise Refused("not_this_format", format="csv")
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(",;\t|", key=first.count)
    csv.field_size_limit(MOST_CELL)
    try:
        table = table_of(job, name, csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise Refused("broken_csv", error=str(error)) from None
    table.encoding = encoding
    return [table]


def table_of(job: Job, name: str, lines: Iterable[Sequence[Any]]) -> Table:
    """The table that lines of values make: the first that is not blank is the heading."""
    table = Table(name, [], [])
    blank = 0
    for number, line in enumerate(lines, start=1):
        values = [_value(value) for value in line]
        while values and values[-1] is None:
            values.pop()
        if not values:
            blank += 1
            if blank > BLANK_LINES:
                break
            continue
        blank = 0
        if not table.headings:
            job.check_columns(len(values))
            table.headings = _headings(values)
            continue
        job.check_rows(len(table.lines) + 1)
        width = len(table.headings)
        table.lines.append((number, [*values[:width], *[None] * (width - len(values))]))
    return table


def _value(value: Any) -> Any:
    if isinstance(value, str):
        # The mark before a text that would compute is the exporter's, ours included.
        text = value.strip()
        return (text[1:] if text[:1] == "'" and text[1:2] in _COMPUTES else text) or None
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return str(value)
    return value


def _headings(values: list[Any]) -> list[str]:
    headings: list[str] = []
    for position, value in enumerate(values, start=1):
        name = str(value) if value is not None else f"column{position}"
        while name in headings:
            name += "_"
        headings.append(name)
    return headings
