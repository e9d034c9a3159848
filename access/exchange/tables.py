"""Files of rows: CSV and XLSX in, as text; CSV (for Excel, with a mark) and XLSX out, with no cell that computes."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext

MOST_BYTES = 10_000_000
MOST_ROWS = 2_000
MOST_COLUMNS = 100
MOST_UNPACKED_BYTES = 200_000_000
LONGEST_XLSX_CELL = 32_767
"""What a cell of a workbook holds; a longer text would be cut off in silence."""
MOST_DIGITS = 15
"""Of a number in a workbook; the digits beyond are lost before we see them."""
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

_COMPUTES = re.compile(r"[=+\-@\t\r\n]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
# Boundaries are long; the limit on the whole file holds anyway. The reader's limit is one for the process.
csv.field_size_limit(MOST_BYTES)


@dataclass(frozen=True)
class Table:
    """A file's contents.

    Attributes
    ----------
    headers : tuple of str
        First row.
    rows : tuple of (int, tuple of str)
        Number of the row as a spreadsheet counts (the headers are row 1), and its cells, as many as there are headers.
        Empty rows are left out.
    encoding : str
        How the text was encoded; empty for a workbook.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    encoding: str = ""


def read_table(content: bytes) -> Table:
    """Read a file that somebody gave, whatever its name says.

    Raises
    ------
    ValidationError
        It is too large, of another kind, or holds what cannot be read for certain; says what to do.
    """
    if len(content) > MOST_BYTES:
        raise ValidationError(gettext("文件太大：最多 %d MB。请分成几个文件。") % (MOST_BYTES // 1_000_000))
    if content.startswith(_OLD_WORKBOOK):
        raise ValidationError(gettext("这是旧格式的 Excel 文件（.xls），请另存为 .xlsx 或 CSV。"))
    if content.startswith(b"PK"):
        return _table(_read_workbook(content))
    text, encoding = _decode(content)
    return _table(_read_csv(text), encoding)


def _table(rows: Iterable[Sequence[str]], encoding: str = "") -> Table:
    numbered = ((number, [cell.strip() for cell in row]) for number, row in enumerate(rows, 1))
    filled = ((number, row) for number, row in numbered if any(row))
    first = next(filled, None)
    if first is None:
        raise ValidationError(gettext("文件是空的。"))
    headers = first[1]
    while headers and not headers[-1]:
        headers.pop()
    if len(headers) > MOST_COLUMNS:
        raise ValidationError(gettext("列太多：最多 %d 列。") % MOST_COLUMNS)
    kept: list[tuple[int, tuple[str, ...]]] = []
    for number, row in filled:
        if len(kept) == MOST_ROWS:
            raise ValidationError(gettext("行太多：一次最多 %d 行。请分成几个文件。") % MOST_ROWS)
        if any(row[len(headers) :]):
            raise ValidationError(gettext("第 %d 行的单元格比列名多。") % number)
        padded = [*row[: len(headers)], *[""] * (len(headers) - len(row))]
        kept.append((number, tuple(_released(cell) for cell in padded)))
    if not kept:
        raise ValidationError(gettext("文件只有列名，没有数据。"))
    return Table(tuple(headers), tuple(kept), encoding)


def _decode(content: bytes) -> tuple[str, str]:
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "gb18030"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _UNPRINTABLE.search(text):
            return text, encoding.removesuffix("-sig").upper()
    raise ValidationError(gettext("无法识别这个文件：请用 CSV（UTF-8 或 GB18030 编码）或 XLSX。"))


def _read_csv(text: str) -> Iterator[list[str]]:
    head = text.partition("\n")[0]
    delimiter = max(",\t;", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        yield from reader
    except csv.Error:
        raise ValidationError(gettext("第 %d 行附近的引号不配对，无法分列。") % reader.line_num) from None


def _read_workbook(content: bytes) -> Iterator[list[str]]:
    from openpyxl import load_workbook  # here, since few processes ever meet a workbook
    from openpyxl.utils.exceptions import InvalidFileException

    unreadable = ValidationError(gettext("无法打开这个工作簿：请在表格软件中另存为 .xlsx 后再试。"))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            if sum(part.file_size for part in package.infolist()) > MOST_UNPACKED_BYTES:
                raise ValidationError(gettext("工作簿展开后太大，请只保留要导入的工作表。"))
        book = load_workbook(io.BytesIO(content), read_only=True)
        sheet = book.worksheets[0]
        # A sheet's own statement of its size can be wrong, in both directions.
        sheet.reset_dimensions()
        for number, row in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS + 1), 1):
            yield [_cell_text(cell, number, column) for column, cell in enumerate(row, 1)]
        book.close()
    except (zipfile.BadZipFile, InvalidFileException, KeyError, IndexError, ValueError, OSError, SyntaxError):
        raise unreadable from None


def _cell_text(cell: Any, row: int, column: int) -> str:
    value = cell.value
    place = {"row": row, "column": column}
    if value is None:
        return ""
    if cell.data_type == "f":
        raise ValidationError(gettext("第 %(row)d 行第 %(column)d 列是公式，请先粘贴为值。") % place)
    if cell.data_type == "e":
        raise ValidationError(
            gettext("第 %(row)d 行第 %(column)d 列是错误值（%(value)s）。") % {**place, "value": value}
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        if abs(value) >= 10**MOST_DIGITS:
            raise ValidationError(
                gettext(
                    "第 %(row)d 行第 %(column)d 列是数值格式，15 位以后的数字已经丢失：请把该列设为文本后重新填写。"
                )
                % place
            )
        return str(int(value)) if float(value).is_integer() else repr(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d}" if value.time() == time() else f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def _released(text: str) -> str:
    """Take off the sign that :func:`neutral` put before a text."""
    return text[1:] if text[:1] == "'" and _COMPUTES.match(text[1:2]) else text


def neutral(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula; what is no text stays as it is."""
    if not isinstance(value, str) or not _COMPUTES.match(value) or _NUMBER.fullmatch(value):
        return value
    return f"'{value}"


def write_csv(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """UTF-8 with the mark by which Excel knows it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    for row in (headers, *rows):
        writer.writerow([neutral(cell) for cell in row])
    return out.getvalue().encode("utf-8-sig")


def sheet_row(row: Sequence[Any]) -> list[Any]:
    """A row as a sheet can hold it: no formulas, nothing unprintable.

    Raises
    ------
    ValidationError
        A text does not fit into a cell.
    """
    if any(isinstance(cell, str) and len(cell) > LONGEST_XLSX_CELL for cell in row):
        raise ValidationError(gettext("有内容超过 XLSX 单元格的上限（32767 个字符），请导出为 CSV。"))
    return [_UNPRINTABLE.sub("", cell) if isinstance(cell, str) else cell for cell in map(neutral, row)]


def write_xlsx(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A workbook of one sheet, the first row in sight.

    Raises
    ------
    ValidationError
        A text does not fit into a cell.
    """
    from openpyxl import Workbook  # here, since few processes ever meet a workbook

    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.freeze_panes = "A2"
    for row in (headers, *rows):
        sheet.append(sheet_row(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


WRITERS = {"csv": write_csv, "xlsx": write_xlsx}
