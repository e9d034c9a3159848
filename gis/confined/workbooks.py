"""XLSX workbooks; apart from other tables, which need no library."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from gis.confined.raw import Job, RawLayer, Refused
from gis.confined.tablefeatures import layer_of
from gis.confined.tables import Table, table_of

MOST_SHEETS = 50


def read_xlsx_features(job: Job) -> list[RawLayer]:
    """The rows of each sheet."""
    return [layer_of(job, table) for table in _read_xlsx(job)]


def _read_xlsx(job: Job) -> list[Table]:
    """Every sheet with more than a heading; of formulas, the values that were last shown."""
    _name, path = job.files[0]
    _no_doctype(path)
    tables = []
    try:
        with warnings.catch_warnings():
            # Extensions that the library leaves out hold no values.
            warnings.simplefilter("ignore")
            book = load_workbook(path, read_only=True, data_only=True, keep_links=False)
            try:
                for sheet in book.worksheets[:MOST_SHEETS]:
                    if job.layer in (None, sheet.title):
                        # A sheet's own statement of its size can be wrong, in both directions.
                        sheet.reset_dimensions()
                        lines = sheet.iter_rows(max_col=job.most_columns + 1, values_only=True)
                        tables.append(table_of(job, sheet.title, lines))
            finally:
                book.close()
    except (InvalidFileException, zipfile.BadZipFile, KeyError, IndexError, ValueError, OSError, SyntaxError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused("broken_file", part=".xlsx") from None
    return [table for table in tables if table.lines or len(tables) == 1]


def _no_doctype(path: Path) -> None:
    """Refuse document types in the package's parts: Excel writes none, and entities only do harm."""
    with zipfile.ZipFile(path) as package:
        for part in package.infolist():
            if part.filename.lower().endswith((".xml", ".rels")):
                with package.open(part) as file:
                    head = file.read(65536)
                if b"<!DOCTYPE" in head or b"<!ENTITY" in head or b"<\0!\0D\0O\0C" in head:
                    raise Refused("doctype")
