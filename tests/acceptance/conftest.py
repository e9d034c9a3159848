"""A whole installation, started as a newcomer starts it, and a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.page import OPEN, SIZES, Screen, wait_for
from tests.chromium import launch

__all__ = ["SIZES", "Screen", "Stack", "wait_for"]

HERE = Path(__file__).parent
ROOT = Path(__file__).resolve().parents[2]
OWN_VARIABLES = ("SANDTABLE_", "DATABASE_URL", "MQTT_URL", "WEB_", "DJANGO_")
SHARE_OF_PIXELS = {"wall": 0.3, "desk": 0.3, "phone": 0.6}
# Runs whatever code comes in, a line of JSON each; what the code prints last is the answer.
SHELL = """
import contextlib, io, json, sys, traceback
from django.db import connections
for line in sys.stdin:
    said, wrong = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(said):
            exec(json.loads(line), {})
    except Exception:
        wrong = traceback.format_exc()
    connections.close_all()
    print(json.dumps({"said": said.getvalue(), "wrong": wrong}), flush=True)
"""
# They share a page of the whole city.
OF_THE_CITY = {"test_charts", "test_past", "test_screen", "test_screen_side", "test_wall"}
# They wait more than they work: while other processes still have tests that fill the time.
WAITING = {"test_chaos", "test_machineroom", "test_map"}
RUNNING: list[Callable[[], None]] = []  # ends what runs for these tests alone, the last begun first


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where pictures of the pages go."""
    parser.addoption("--pictures", type=Path, default=None, help="folder for screenshots (default: var/test/pictures)")


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups, also where this file is loaded before it
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They are slow, and one process runs them: a second installation would take longer than it saves.

    They come first, also where one process runs everything: installation and browser end with the last in a row. Those
    that share a page come before those that wait, and these before the others.
    """
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("acceptance"))
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: (not item.path.is_relative_to(HERE), not shares_the_city(item), not waits(item)))


def shares_the_city(item: pytest.Item) -> bool:
    """Whether it may use the page that several files share."""
    return item.path.parent == HERE and item.path.stem in OF_THE_CITY


def waits(item: pytest.Item) -> bool:
    """Whether it waits more than it works."""
    return item.path.parent == HERE and item.path.stem in WAITING


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """What the open pages show stands beside a failure: such a one may never come again."""
    report = yield
    if report.failed:
        report.sections += [("page", screen.told()) for screen in OPEN]
        if isinstance(stack := getattr(item, "funcargs", {}).get("stack"), Stack):
            report.sections.append(("errors in its logs", stack.errors()))
    return report


@dataclass
class Stack:
    """A running installation in a folder of its own, with two ingest workers and two web workers."""

    var: Path
    url: str = ""
    password: str = ""
    env: dict[str, str] = field(default_factory=dict)
    shell: subprocess.Popen[str] | None = None

    def sandtable(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run the launcher on it."""
        command = [str(ROOT / "sandtable"), "--var", str(self.var), *words]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, **options)

    def status(self) -> dict[str, Any]:
        """``status --json``, once it can measure: a process that was just killed has no counters."""
        done = wait_for(lambda: (s := self.sandtable("status", "--json")).returncode == 0 and s, 60)
        return json.loads(done.stdout)

    def pids(self, name: str) -> list[int]:
        """Each process of that name: of some there are two."""
        return [process["pid"] for process in self.status()["processes"] if process["name"].split(".")[0] == name]

    def python(self, code: str) -> Any:
        """Run code inside the installation's Django; what it prints last is read as JSON."""
        if self.shell is None:
            command = [str(ROOT / "sandtable"), "--var", str(self.var), "manage", "shell", "--no-imports", "-c", SHELL]
            pipe = subprocess.PIPE
            self.shell = subprocess.Popen(command, env=self.env, stdin=pipe, stdout=pipe, text=True)
        assert self.shell.stdin
        assert self.shell.stdout
        self.shell.stdin.write(json.dumps(code) + "\n")
        self.shell.stdin.flush()
        answer = json.loads(self.shell.stdout.readline())
        assert not answer["wrong"], answer["wrong"]
        return json.loads(answer["said"].strip().splitlines()[-1])

    def errors(self) -> str:
        """The last errors that its processes wrote down: their logs go with the installation."""
        found: list[str] = []
        for log in sorted((self.var / "log").glob("*.log")):
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            found += [f"{log.name}: {line}" for line in lines if '"level": "error"' in line][-5:]
        return "\n".join(found)

    def close(self) -> None:
        """End the installation, and all that is its own."""
        if self.shell is not None:
            self.shell.communicate()
        self.sandtable("reset", "--yes")
        shutil.rmtree(self.var, ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Pages, browser and installation end with the last test that looks at them.

    A page that is open takes up to a quarter of a core, and a city that moves for nobody as much; and while Playwright
    is open its event loop runs in this thread, and nobody else's can.
    """
    last = nextitem is None or not nextitem.path.is_relative_to(HERE)
    if last or (shares_the_city(item) and not shares_the_city(nextitem)):
        for screen in [*OPEN]:
            screen.close()
    if last:
        end_what_runs()


def pytest_sessionfinish() -> None:
    """Who interrupts the tests waits for no last one."""
    end_what_runs()


def end_what_runs() -> None:
    """Browser and installation."""
    while RUNNING:
        RUNNING.pop()()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    env = {name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)}
    stack = Stack(tmp_path_factory.mktemp("installation") / "var", env=env)
    up = stack.sandtable("up", "--processes", "ingest=2,web=2", "--lives-with", str(os.getpid()))
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        stack.url = re.search(r"http://[\d.:]+", up.stdout).group()
        stack.password = re.search(r"\(password\): (\S+)", up.stdout).group(1)
    except BaseException:
        stack.close()
        raise
    RUNNING.append(stack.close)
    return stack


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest) -> Any:
    """One for all these tests: what it has translated for drawing once, it need not translate again."""
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    RUNNING.append(playwright.stop)
    browser = launch(playwright, roughly=not for_people(request))
    RUNNING.append(browser.close)
    return browser


def for_people(request: pytest.FixtureRequest) -> bool:
    """Whether somebody asked for the pictures, to look at them or to show them."""
    return request.config.getoption("--pictures") is not None


@pytest.fixture(scope="session")
def pictures(request: pytest.FixtureRequest) -> Path:
    folder = request.config.getoption("--pictures") or ROOT / "var" / "test" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


@pytest.fixture(scope="session")
def new_screen(request: pytest.FixtureRequest, browser: Any, stack: Stack, pictures: Path) -> Callable[..., Screen]:
    """Opens a page, which whoever asked for it closes."""

    def open_(size: str = "desk", glides: bool = False) -> Screen:
        fine = for_people(request)
        return Screen(browser, stack, size, pictures, glides, 1 if fine else SHARE_OF_PIXELS[size], slow=not fine)

    return open_


def _opener(new_screen: Callable[..., Screen]) -> Iterator[Callable[..., Screen]]:
    """Opens pages, and closes them afterwards."""
    opened: list[Screen] = []

    def open_(size: str = "desk", glides: bool = False) -> Screen:
        opened.append(new_screen(size, glides))
        return opened[-1]

    yield open_
    for screen in opened:
        screen.close()


open_screen = pytest.fixture(_opener, name="open_screen")
# To load a map takes more of the machine than most tests do: those that leave a page as they found it share one.
open_for_file = pytest.fixture(_opener, scope="module", name="open_for_file")


@pytest.fixture(scope="session")
def mqtt_port(stack: Stack) -> int:
    return json.loads((stack.var / "installation.json").read_text())["ports"]["broker"]


@pytest.fixture(scope="session")
def cities() -> dict[str, Screen]:
    """The page of the whole city that is open, by its size; one at a time: it is drawn while nobody looks, too."""
    return {}


@pytest.fixture(scope="module")
def page_of_the_city(
    request: pytest.FixtureRequest, stack: Stack, new_screen: Callable[..., Screen], cities: dict[str, Screen]
) -> Screen:
    from tests.acceptance.screens import command_screen

    size = getattr(request.module, "SIZE", "desk")
    if size not in cities:
        while cities:
            cities.popitem()[1].close()
        cities[size] = command_screen(stack, new_screen(size), f"city-{size}")
    return cities[size]


@pytest.fixture
def city(page_of_the_city: Screen) -> Iterator[Screen]:
    """The whole city's command screen as it opens, for tests after each other; ``SIZE`` is the file's."""
    from tests.acceptance.screens import at_rest

    at_rest(page_of_the_city)
    yield page_of_the_city
    faults, page_of_the_city.faults = page_of_the_city.faults, []
    assert not faults, faults
