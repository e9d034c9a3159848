"""What a test run leaves behind, and what it says about each row of the register."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from tests.functions.exceptions import FunctionsError

VERSION = 1


class State(StrEnum):
    """Where a row stands; every row is in exactly one state."""

    PROVED = "proved"
    FAILING = "failing"
    NOT_YET = "not_yet"
    PATH_PROVED = "path_proved"


class Outcome(StrEnum):
    """How a test ended; the worst of its phases."""

    PASSED = "passed"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class TestResult:
    """One marked test.

    Attributes
    ----------
    test : str
        pytest's node id.
    outcome : Outcome
    proves : list of str
        Ids whose whole acceptance the test, with the other tests of the same id, asserts.
    path_only : dict of str to str
        Ids of which only the path is proved: what is still needed (a model, an outside system).
    """

    __test__ = False

    test: str
    outcome: Outcome
    proves: list[str]
    path_only: dict[str, str]


@dataclass(frozen=True)
class Revision:
    """The state of the checkout a run was made on; ``commit`` is None outside a repository."""

    commit: str | None
    dirty: bool

    @classmethod
    def of(cls, folder: Path) -> Revision:
        """Ask git about ``folder``."""
        try:
            commit = _git(folder, "rev-parse", "HEAD")
            return cls(commit, bool(_git(folder, "status", "--porcelain")))
        except (OSError, subprocess.CalledProcessError):
            return cls(None, False)

    def __str__(self) -> str:
        if self.commit is None:
            return "无版本库 (no repository)"
        return self.commit[:12] + ("，有未提交的改动 (with uncommitted changes)" if self.dirty else "")


def _git(folder: Path, *words: str) -> str:
    words = ("git", "-C", str(folder), *words)
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


@dataclass(frozen=True)
class Report:
    """A test run.

    Attributes
    ----------
    finished_at : datetime
        Aware, UTC.
    partial : list of str
        Why this was not a full run; empty for a full one.
    revision : Revision
    tests : list of TestResult
        Marked tests only.
    """

    finished_at: datetime
    partial: list[str]
    revision: Revision
    tests: list[TestResult]

    @property
    def full(self) -> bool:
        """Whether every test of the project was run."""
        return not self.partial

    def write(self, file: Path) -> None:
        """Write JSON; a reader sees the old file or the new one, never a part."""
        content = {"version": VERSION, "full": self.full, **asdict(self), "finished_at": self.finished_at.isoformat()}
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.new")
        draft.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        draft.replace(file)

    @classmethod
    def read(cls, file: Path) -> Report:
        """Read what `write` wrote.

        Raises
        ------
        FunctionsError
            There is no such report, or it is damaged.
        """
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            if content["version"] != VERSION:
                raise ValueError(content["version"])
            return cls(
                datetime.fromisoformat(content["finished_at"]).astimezone(UTC),
                content["partial"],
                Revision(**content["revision"]),
                [TestResult(**{**test, "outcome": Outcome(test["outcome"])}) for test in content["tests"]],
            )
        except FileNotFoundError:
            raise FunctionsError(
                f"还没有完整测试的报告 (no report of a full test run): {file}\n请先运行 ./sandtable test (run it first)"
            ) from None
        except (ValueError, TypeError, KeyError) as error:
            raise FunctionsError(
                f"{file} 已损坏 (damaged: {error!r})。请重新运行 ./sandtable test (run it again)"
            ) from error

    def results_of(self, function: str) -> list[TestResult]:
        """Tests that carry this id."""
        return [result for result in self.tests if function in result.proves or function in result.path_only]

    def states(self, functions: Iterable[str]) -> dict[str, State]:
        """Where each of these ids stands after this run."""
        return {function: self._state(function) for function in functions}

    def _state(self, function: str) -> State:
        results = self.results_of(function)
        if any(result.outcome is Outcome.FAILED for result in results):
            return State.FAILING
        # A row may need several tests together, so one that was skipped leaves the row unproved.
        whole = [result.outcome for result in results if function in result.proves]
        if whole and all(outcome is Outcome.PASSED for outcome in whole):
            return State.PROVED
        path = [result.outcome for result in results if function in result.path_only]
        if path and all(outcome is Outcome.PASSED for outcome in path):
            return State.PATH_PROVED
        return State.NOT_YET


def report_of_run(var: Path) -> Path:
    """Report of the last run of any kind."""
    return var / "test" / "functions.json"


def report_of_full_run(var: Path) -> Path:
    """Report of the last full run; outside the folder that every run empties."""
    return var / "functions.json"
