"""XLSX workbooks; apart from other tables, which need no library."""

from __future__ import annotations

import re
from pathlib import Path

from openpyxl import Workbook

from gis.confined.raw import Refused
from gis.confined.tablewriter import lines
from gis.confined.writers import Features

LONGEST_CELL = 32_767
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def write_xlsx(features: Features, folder: Path) -> list[str]:
    """A workbook of one sheet."""
    path = folder / "export.xlsx"
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.freeze_panes = "A2"
    for line in lines(features):
        if any(isinstance(value, str) and len(value) > LONGEST_CELL for value in line):
            raise Refused("cannot_write", format="XLSX", why="long_cell")
        sheet.append([_UNPRINTABLE.sub("", value) if isinstance(value, str) else value for value in line])
    book.save(path)
    return [path.name]
