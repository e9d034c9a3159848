"""The register of requirements: its marker, its reports, and the command that reads them."""

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.functions.__main__ import main
from tests.functions.catalogue import COLUMNS, PROGRAMMES, Catalogue
from tests.functions.exceptions import FunctionsError
from tests.functions.report import Outcome, Report, Revision, State, TestResult

pytestmark = pytest.mark.slow
pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT.parent / "shared" / "requirements"
FILES = {"hotwork": "hotwork_onenet"}
PROVING = """
import pytest

@pytest.mark.function("HW-001", "EN-001")
def test_proving(): pass

@pytest.mark.function("HW-002")
@pytest.mark.parametrize("number", [1, 2])
def test_half_broken(number): assert number == 1

@pytest.mark.function("HW-003")
def test_skipped(): pytest.skip("no machine")

@pytest.mark.function("HW-003")
def test_other_half(): pass

@pytest.mark.function("HW-004", path_only="识别模型")
def test_path(): pass

@pytest.mark.function("CP-001")
@pytest.mark.xfail
def test_expected_to_fail(): assert False

@pytest.mark.function("CP-002")
@pytest.mark.usefixtures("broken")
def test_broken_setup(): pass

@pytest.fixture
def broken(): raise OSError

def test_unmarked(): pass
"""


def write_catalogue(folder, rows):
    """One file per programme; ``rows`` are ids, each in the programme of its first letters."""
    folder.mkdir(parents=True)
    codes = {"hotwork": "HW", "chempark": "CP", "enforcement": "EN", "construction": "CM", "ecology": "EE"}
    for programme in PROGRAMMES:
        with (folder / f"{programme}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(
                [row, "模块", f"名称{row}", "验收", ""] for row in rows if row.startswith(codes[programme])
            )


@pytest.fixture
def project(pytester):
    """A small project with a register and tests of its own."""
    pytester.syspathinsert(ROOT)
    write_catalogue(
        pytester.path / "docs" / "functions",
        ["HW-001", "HW-002", "HW-003", "HW-004", "HW-005", "CP-001", "CP-002", "EN-001"],
    )
    pytester.makepyfile(test_proving=PROVING, test_more="def test_more(): pass")
    return pytester


def run(project, *words):
    words = ("-p", "no:django", "-p", "tests.functions_plugin", "--strict-markers", "--tb=native", *words)
    return project.runpytest_inprocess(*words)


def last(project):
    return json.loads((project.path / "var" / "test" / "functions.json").read_text(encoding="utf-8"))


def full(project):
    return project.path / "var" / "functions.json"


def functions(project, capsys, *words):
    """Exit code and output of the command."""
    capsys.readouterr()
    code = main(["--var", str(project.path / "var"), *words], root=project.path)
    return code, capsys.readouterr()


@pytest.mark.parametrize("workers", [(), ("-n", "2", "--dist=loadgroup")], ids=["alone", "xdist"])
def test_a_full_run_is_counted_by_programme(project, capsys, workers):
    result = run(project, *workers)
    result.assert_outcomes(passed=6, failed=1, skipped=1, xfailed=1, errors=1)
    assert last(project)["full"]
    code, said = functions(project, capsys, "--json")
    assert code == 0
    nothing = {"total": 0, "proved": 0, "failing": 0, "not_yet": 0, "path_proved": 0}
    assert json.loads(said.out) == {
        "programmes": {
            "hotwork": {"total": 5, "proved": 1, "failing": 1, "not_yet": 2, "path_proved": 1},
            "chempark": {"total": 2, "proved": 0, "failing": 2, "not_yet": 0, "path_proved": 0},
            "enforcement": {"total": 1, "proved": 1, "failing": 0, "not_yet": 0, "path_proved": 0},
            "construction": nothing,
            "ecology": nothing,
        }
    }


def test_people_see_what_fails_and_what_is_needed(project, capsys):
    run(project)
    code, said = functions(project, capsys)
    assert code == 0
    assert "HW-002 名称HW-002" in said.out
    assert "test_proving.py::test_half_broken[2]" in said.out
    assert "test_half_broken[1]" not in said.out
    assert "HW-004 名称HW-004: 识别模型" in said.out
    assert "0 分钟 (min)前" in said.out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["-k", "proving"], "deselected"),
        (["-m", "function", "-n", "1"], "deselected"),
        (["test_proving.py"], "paths"),
        (["--ignore", "test_more.py"], "--ignore"),
        (["-x"], "not run"),
    ],
    ids=["k", "m", "path", "ignore", "x"],
)
def test_a_partial_run_leaves_the_full_report_alone(project, words, reason):
    run(project)
    before = full(project).read_bytes()
    run(project, *words)
    assert not last(project)["full"]
    assert any(reason in text for text in last(project)["partial"])
    assert full(project).read_bytes() == before


@pytest.mark.parametrize("word", ["--collect-only", "--setup-plan"])
def test_a_run_without_tests_leaves_no_report(project, word):
    run(project, word)
    assert not (project.path / "var").exists()


def test_naming_the_whole_project_is_a_full_run(project):
    run(project, ".")
    assert last(project)["full"]


def test_an_unreadable_file_makes_a_run_partial(project):
    project.makepyfile(test_broken="import nothing_of_this_name")
    run(project, "--continue-on-collection-errors")
    assert any("collection errors" in text for text in last(project)["partial"])
    assert not full(project).exists()


@pytest.mark.parametrize(
    ("workers", "ends"),
    [((), pytest.ExitCode.INTERRUPTED), (("-n", "1"), pytest.ExitCode.TESTS_FAILED)],
    ids=["alone", "xdist"],
)
def test_an_unknown_id_fails_the_run_with_the_cure(project, workers, ends):
    project.makepyfile(test_wrong='import pytest\n@pytest.mark.function("HW-0O1")\ndef test_it(): pass')
    result = run(project, *workers)
    assert result.ret == ends
    result.stdout.fnmatch_lines(["*test_wrong.py::test_it: HW-0O1 *not in the register*HW-001*"])
    assert not full(project).exists()


@pytest.mark.parametrize(
    ("marker", "cure"),
    [
        ("()", "write"),
        ("", "write"),
        ("(62)", "write"),
        ('("HW-001", path_only="")', "write"),
        ('("HW-001", needs="x")', "write"),
        ('("HW-001")\n@pytest.mark.function("HW-001", path_only="x")', "not both"),
    ],
)
def test_a_marker_written_wrong_is_refused(project, marker, cure):
    project.makepyfile(test_wrong=f"import pytest\n@pytest.mark.function{marker}\ndef test_it(): pass")
    result = run(project)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"*test_wrong.py::test_it: *{cure}*"])


def test_a_report_that_cannot_be_written_is_said(project):
    (project.path / "var").write_text("")
    run(project).stdout.fnmatch_lines(["*not written*"])


def test_without_a_full_report_the_command_fails(project, capsys):
    run(project, "-k", "proving")
    code, said = functions(project, capsys, "--json")
    assert (code, said.out) == (1, "")
    assert "./sandtable test" in said.err


def test_the_command_runs_from_any_folder(project):
    run(project)
    report = json.loads(full(project).read_text(encoding="utf-8"))
    words = [sys.executable, "-m", "tests.functions", "--json"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "SANDTABLE_VAR": str(project.path / "var")}
    said = subprocess.run(words, env=env, cwd=project.path, capture_output=True, text=True, check=True)
    programmes = json.loads(said.stdout)["programmes"]
    assert list(programmes) == list(PROGRAMMES)
    # The project's own register, the little project's report.
    assert programmes["hotwork"]["proved"] == sum("HW-001" in test["proves"] for test in report["tests"])
    assert all(
        row["total"] == sum(number for key, number in row.items() if key != "total") for row in programmes.values()
    )


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 0}', '{"version": 1}'])
def test_a_damaged_report_is_said(tmp_path, content):
    (tmp_path / "functions.json").write_text(content)
    with pytest.raises(FunctionsError, match="damaged"):
        Report.read(tmp_path / "functions.json")


def test_a_report_of_older_code_is_said(project, capsys):
    run(project)
    report = json.loads(full(project).read_text(encoding="utf-8"))
    report["revision"] = {"commit": "0123456789abcdef", "dirty": False}
    report["finished_at"] = (datetime.now(UTC) - timedelta(hours=50)).isoformat()
    full(project).write_text(json.dumps(report), encoding="utf-8")
    code, said = functions(project, capsys)
    assert code == 0
    assert "0123456789ab\n" in said.out
    assert "2 天 (d)前" in said.out
    assert "moved on" in said.out


def test_revisions_of_a_repository(tmp_path):
    assert Revision.of(tmp_path / "nowhere") == Revision(None, False)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    clean = Revision.of(tmp_path)
    assert len(clean.commit) == 40
    assert not clean.dirty
    (tmp_path / "new.txt").touch()
    assert Revision.of(tmp_path) == Revision(clean.commit, True)


@pytest.mark.parametrize(
    ("whole", "path", "state"),
    [
        ([], [], State.NOT_YET),
        (["passed"], [], State.PROVED),
        (["passed", "passed"], ["passed"], State.PROVED),
        (["passed", "skipped"], [], State.NOT_YET),
        (["passed", "skipped"], ["passed"], State.PATH_PROVED),
        (["passed", "failed"], [], State.FAILING),
        (["passed"], ["failed"], State.FAILING),
        ([], ["passed", "skipped"], State.NOT_YET),
    ],
)
def test_a_row_needs_all_of_its_tests(whole, path, state):
    tests = [TestResult("w", Outcome(outcome), ["HW-001"], {}) for outcome in whole]
    tests += [TestResult("p", Outcome(outcome), [], {"HW-001": "模型"}) for outcome in path]
    assert Report(None, [], Revision(None, False), tests).states(["HW-001"]) == {"HW-001": state}


def test_a_wrong_register_is_refused(tmp_path):
    write_catalogue(tmp_path / "twice", ["HW-001", "HW-001"])
    with pytest.raises(FunctionsError, match="HW-001"):
        Catalogue.load(tmp_path / "twice")
    with pytest.raises(FunctionsError, match=r"hotwork\.csv"):
        Catalogue.load(tmp_path / "none")
    write_catalogue(tmp_path / "empty", ["HW-001"])
    file = tmp_path / "empty" / "hotwork.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("验收", " "), encoding="utf-8")
    with pytest.raises(FunctionsError, match=r"hotwork\.csv:2"):
        Catalogue.load(tmp_path / "empty")
    file.write_text("id,name\n", encoding="utf-8")
    with pytest.raises(FunctionsError, match="acceptance"):
        Catalogue.load(tmp_path / "empty")


def test_the_register_can_be_read():
    catalogue = Catalogue.load(ROOT / "docs" / "functions")
    assert all(catalogue.programme(programme) for programme in PROGRAMMES)


@pytest.mark.skipif(not SOURCES.exists(), reason="the requirement files are not beside this checkout")
@pytest.mark.parametrize("programme", PROGRAMMES)
def test_every_requirement_stands_in_the_register_once(programme):
    with (SOURCES / f"{FILES.get(programme, programme)}.csv").open(encoding="utf-8-sig", newline="") as file:
        asked = [(row["id"], row["module_zh"], row["name_zh"]) for row in csv.DictReader(file)]
    rows = Catalogue.load(ROOT / "docs" / "functions").programme(programme)
    assert [(row.id, row.module, row.name) for row in rows] == asked
