"""pytest plug-in: ``@pytest.mark.function("HW-062")`` and the report of what was proved.

A worker of pytest-xdist collects and marks; the controller hears the outcomes. So the workers send what they
collected when they finish, and the controller (or the only process) writes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.functions.catalogue import Catalogue
from tests.functions.exceptions import FunctionsError
from tests.functions.report import Outcome, Report, Revision, TestResult, report_of_full_run, report_of_run

MARKER = "function"
KEY = "sandtable_functions"
# Options that leave tests out and do not announce it through pytest_deselected.
LEAVING_OUT = {"ignore": "--ignore", "ignore_glob": "--ignore-glob", "lf": "--last-failed", "pyargs": "--pyargs"}
# Options under which no test is carried out, whatever is reported.
NOT_RUNNING = ("collectonly", "setuponly", "setupplan")
COMPLETE = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)

Marks = tuple[list[str], dict[str, str]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where reports go."""
    parser.addoption(
        "--functions-var",
        type=Path,
        default=None,
        help="data folder for the reports of proved requirements (default: var in the checkout)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Announce the marker and start listening."""
    config.addinivalue_line(
        "markers",
        f'{MARKER}("ID", …, path_only="what is still needed"): proves these rows of docs/functions through a public '
        "interface; path_only: proves the path, a model or outside system is needed",
    )
    config.pluginmanager.register(FunctionsPlugin(config), "sandtable-functions")


def marks_of(item: pytest.Item) -> Marks:
    """What the markers of a test claim: ids proved, and ids of which the path is proved with what they need.

    Raises
    ------
    FunctionsError
        A marker names no id or is written otherwise wrong.
    """
    proves: list[str] = []
    path_only: dict[str, str] = {}
    for marker in item.iter_markers(MARKER):
        need = marker.kwargs.get("path_only")
        wrong = (
            not marker.args
            or not all(isinstance(name, str) for name in marker.args)
            or set(marker.kwargs) - {"path_only"}
            or ("path_only" in marker.kwargs and not (isinstance(need, str) and need.strip()))
        )
        if wrong:
            raise FunctionsError('请写作 (write) @pytest.mark.function("HW-062", …) 或 (or) path_only="尚需什么"')
        if need is None:
            proves += [name for name in marker.args if name not in proves]
        else:
            path_only |= dict.fromkeys(marker.args, need)
    both = sorted(set(proves) & set(path_only))
    if both:
        raise FunctionsError(f"{' '.join(both)}: 全部证明与 path_only 只能选一 (whole or path_only, not both)")
    return proves, path_only


class FunctionsPlugin:
    """Listens to one run."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.catalogue: Catalogue | None = None
        self.marks: dict[str, Marks] = {}
        self.collected = 0
        self.left_out: list[str] = []
        self.outcomes: dict[str, Outcome] = {}
        self.trouble = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """A marker with an unknown id is an error of its file, shown like a failed import."""
        report = yield
        faults = [] if report.failed else list(self._faults(report.result))
        if faults:
            report.outcome = "failed"
            report.longrepr = "\n".join(faults)
            report.result = []
        return report

    def _faults(self, nodes: Iterable[pytest.Item | pytest.Collector]) -> Iterable[str]:
        for item in nodes:
            if not isinstance(item, pytest.Item) or item.get_closest_marker(MARKER) is None:
                continue
            try:
                proves, path_only = marks_of(item)
                if self.catalogue is None:
                    self.catalogue = Catalogue.load(self.config.rootpath / "docs" / "functions")
            except FunctionsError as error:
                yield f"{item.nodeid}: {error}"
                continue
            yield from (f"{item.nodeid}: {cure}" for cure in self.catalogue.unknown([*proves, *path_only]).values())

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Whoever deselects (-k, -m, --deselect …), the run is partial."""
        if items:
            self._leave_out("部分测试被排除 (deselected: -k, -m, --deselect …)")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tests of a file that cannot be read are missing."""
        if report.failed:
            self._leave_out("部分文件无法收集 (collection errors)")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep what the tests of this process claim."""
        self.collected = len({item.nodeid for item in session.items})
        self.marks = {item.nodeid: marks_of(item) for item in session.items if item.get_closest_marker(MARKER)}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember the worst of setup, call and teardown."""
        # A test expected to fail proves nothing, and says itself that the row does not work.
        expected_failure = report.skipped and hasattr(report, "wasxfail")
        outcome = Outcome.FAILED if expected_failure else Outcome(report.outcome)
        order = list(Outcome)
        former = self.outcomes.get(report.nodeid, Outcome.PASSED)
        self.outcomes[report.nodeid] = max(former, outcome, key=order.index)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """A worker ended: take over what it collected; one that crashed has sent nothing, its replacement will."""
        sent = getattr(node, "workeroutput", {}).get(KEY)
        if sent:
            self.collected = max(self.collected, sent["collected"])
            self.marks |= {test: (proves, path_only) for test, proves, path_only in sent["marks"]}
            for reason in sent["left_out"]:
                self._leave_out(reason)

    def pytest_sessionfinish(self, exitstatus: int | pytest.ExitCode) -> None:
        """Send to the controller, or write the reports."""
        if hasattr(self.config, "workeroutput"):
            marks = [[test, proves, path_only] for test, (proves, path_only) in self.marks.items()]
            self.config.workeroutput[KEY] = {
                "collected": self.collected,
                "marks": marks,
                "left_out": self.left_out,
            }
            return
        if not self.outcomes or any(self.config.getoption(option, False) for option in NOT_RUNNING):
            return
        self._find_what_was_left_out(exitstatus)
        report = Report(
            finished_at=datetime.now(UTC),
            partial=self.left_out,
            revision=Revision.of(self.config.rootpath),
            tests=[
                TestResult(test, self.outcomes[test], *self.marks[test])
                for test in sorted(self.marks)
                if test in self.outcomes
            ],
        )
        var = self.config.getoption("--functions-var") or self.config.rootpath / "var"
        try:
            report.write(report_of_run(var))
            if report.full:
                report.write(report_of_full_run(var))
        except OSError as error:
            self.trouble = f"需求登记的报告未写成 (report of proved requirements not written): {error}"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say so when there is no report."""
        if self.trouble:
            terminalreporter.section("functions")
            terminalreporter.line(self.trouble)

    def _leave_out(self, reason: str) -> None:
        if reason not in self.left_out:
            self.left_out.append(reason)

    def _find_what_was_left_out(self, exitstatus: int | pytest.ExitCode) -> None:
        config = self.config
        source = config.args_source
        if source is pytest.Config.ArgsSource.ARGS:
            folder = config.invocation_params.dir
            everything = any((folder / argument).resolve() == config.rootpath.resolve() for argument in config.args)
        else:
            everything = source is pytest.Config.ArgsSource.TESTPATHS or config.invocation_params.dir == config.rootpath
        if not everything:
            self._leave_out("只运行了部分路径 (only some paths)")
        for option, name in LEAVING_OUT.items():
            if config.getoption(option, None):
                self._leave_out(f"选项 (option) {name}")
        if exitstatus not in COMPLETE:
            self._leave_out(f"测试中断 (stopped, exit status {int(exitstatus)})")
        if len(self.outcomes) < self.collected or not self.marks.keys() <= self.outcomes.keys():
            self._leave_out("部分测试未运行 (some tests were not run)")
