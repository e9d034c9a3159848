"""The register itself: ``docs/functions/*.csv``, one file per city programme."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from tests.functions.exceptions import FunctionsError

PROGRAMMES = {
    "hotwork": "特种作业与一网通办",
    "chempark": "化工园区",
    "enforcement": "安全生产执法",
    "construction": "建设市场",
    "ecology": "生态环境",
}
COLUMNS = ["id", "module", "name", "acceptance", "note"]


@dataclass(frozen=True)
class Function:
    """One row: what a programme asks for, and when it counts as working."""

    id: str
    programme: str
    module: str
    name: str
    acceptance: str
    note: str


class Catalogue:
    """All rows by id, in the order of the files.

    Parameters
    ----------
    functions : iterable of Function

    Raises
    ------
    FunctionsError
        An id appears twice.
    """

    def __init__(self, functions: Iterable[Function]) -> None:
        self.functions: dict[str, Function] = {}
        for function in functions:
            if function.id in self.functions:
                raise FunctionsError(
                    f"docs/functions: {function.id} 出现两次，请删去一行 (appears twice: delete one row)"
                )
            self.functions[function.id] = function

    @classmethod
    def load(cls, folder: Path) -> Catalogue:
        """Read ``<programme>.csv`` of every programme.

        Raises
        ------
        FunctionsError
            A file is missing, has other columns, or a row has no id, name or acceptance.
        """
        return cls(function for programme in PROGRAMMES for function in _rows(folder / f"{programme}.csv", programme))

    def programme(self, key: str) -> list[Function]:
        """Rows of one programme."""
        return [function for function in self.functions.values() if function.programme == key]

    def unknown(self, ids: Iterable[str]) -> Mapping[str, str]:
        """Ids that are not in the register, each with the cure."""
        cures = {}
        for name in ids:
            if name in self.functions:
                continue
            near = get_close_matches(name, self.functions, n=3)
            hint = f"是否指 (did you mean) {' / '.join(near)}？" if near else ""
            cures[name] = (
                f"{name} 不在 docs/functions/*.csv 中 (not in the register)。{hint}请改正编号 (correct the id)"
            )
        return cures


def _rows(file: Path, programme: str) -> Iterable[Function]:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FunctionsError(f"缺少 {file}，请从版本库恢复 (missing: restore it from the repository)") from None
    reader = csv.DictReader(text.splitlines())
    if reader.fieldnames != COLUMNS:
        raise FunctionsError(f"{file}: 列应为 (columns must be) {','.join(COLUMNS)}")
    for row in reader:
        if None in row or None in row.values() or not all(row[column].strip() for column in COLUMNS[:-1]):
            raise FunctionsError(f"{file}:{reader.line_num}: 缺列或空值 (a column is missing or empty)")
        yield Function(programme=programme, **row)
