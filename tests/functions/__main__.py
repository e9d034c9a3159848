"""``./sandtable functions``: which requirements the last full test run has seen to work."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from unicodedata import east_asian_width

from tests.functions.catalogue import PROGRAMMES, Catalogue, Function
from tests.functions.exceptions import FunctionsError
from tests.functions.report import Outcome, Report, Revision, State, report_of_full_run

ROOT = Path(__file__).resolve().parents[2]
HEADINGS = {
    "total": "合计 total",
    State.PROVED: "已证明 proved",
    State.FAILING: "未通过 failing",
    State.NOT_YET: "尚未 not yet",
    State.PATH_PROVED: "路径已证明 path",
}


def counts(catalogue: Catalogue, states: dict[str, State]) -> dict[str, dict[str, int]]:
    """Rows per programme: ``total`` and one number per state, which add up to it."""
    table = {}
    for programme in PROGRAMMES:
        functions = catalogue.programme(programme)
        number = Counter(states[function.id] for function in functions)
        table[programme] = {"total": len(functions), **{state.value: number[state] for state in State}}
    return table


def origin(report: Report, root: Path, now: datetime) -> str:
    """Age and revision of the report, and whether the checkout has moved on since."""
    minutes = max(0, int((now - report.finished_at).total_seconds()) // 60)
    days, hours = minutes // 1440, minutes // 60
    age = f"{days} 天 (d)" if days else f"{hours} 小时 (h)" if hours else f"{minutes} 分钟 (min)"
    local = report.finished_at.astimezone().strftime("%Y-%m-%d %H:%M")
    text = f"最近一次完整测试 (last full test run): {local}，{age}前，版本 (revision) {report.revision}"
    present = Revision.of(root)
    if present.commit != report.revision.commit:
        text += f"\n代码已更新，结果可能过时 (the code has moved on): 现为 (now) {present}"
    return text


def table(numbers: dict[str, dict[str, int]]) -> list[str]:
    """Lines of the human table."""
    lines = [["", *HEADINGS.values()]]
    for programme, title in PROGRAMMES.items():
        lines.append([f"{title} {programme}", *map(str, numbers[programme].values())])
    lines.append(["全部 all", *(str(sum(row[key] for row in numbers.values())) for key in HEADINGS)])
    widths = [max(width(line[column]) for line in lines) for column in range(len(lines[0]))]
    return [
        line[0] + " " * (widths[0] - width(line[0]))
        + "".join(" " * (2 + size - width(cell)) + cell for cell, size in zip(line[1:], widths[1:], strict=True))
        for line in lines
    ]  # fmt: skip


def width(text: str) -> int:
    """Columns a terminal gives to ``text``: Chinese characters take two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def details(functions: list[Function], report: Report, states: dict[str, State]) -> list[str]:
    """Failing rows with their tests, then rows of which only the path is proved with what they need."""
    lines = []
    failing = [function for function in functions if states[function.id] is State.FAILING]
    if failing:
        lines.append("未通过 (failing):")
    for function in failing:
        lines.append(f"  {function.id} {function.name}")
        lines += [
            f"      {result.test}" for result in report.results_of(function.id) if result.outcome is Outcome.FAILED
        ]
    path = [function for function in functions if states[function.id] is State.PATH_PROVED]
    if path:
        lines.append("路径已证明，尚需模型或外部系统 (path proved, model or outside system needed):")
    for function in path:
        needs = dict.fromkeys(
            result.path_only[function.id]
            for result in report.results_of(function.id)
            if function.id in result.path_only
        )
        lines.append(f"  {function.id} {function.name}: {'；'.join(needs)}")
    return lines


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Print the state of the register; 1 when there is no report of a full run, else 0."""
    parser = argparse.ArgumentParser(prog="sandtable functions", description="需求登记 (requirements seen to work)")
    parser.add_argument("--json", action="store_true", help="机器可读 (for programs)")
    parser.add_argument("--var", type=Path, default=Path(os.environ.get("SANDTABLE_VAR") or root / "var"))
    options = parser.parse_args(arguments)
    try:
        catalogue = Catalogue.load(root / "docs" / "functions")
        report = Report.read(report_of_full_run(options.var))
    except FunctionsError as error:
        print(error, file=sys.stderr)
        return 1
    states = report.states(catalogue.functions)
    numbers = counts(catalogue, states)
    said = origin(report, root, datetime.now(UTC))
    if options.json:
        print(said, file=sys.stderr)
        print(json.dumps({"programmes": numbers}))
        return 0
    print("\n".join([*table(numbers), "", *details(list(catalogue.functions.values()), report, states), said]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
