"""A whole installation, started as a newcomer starts it, and a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error as PlaywrightError

ROOT = Path(__file__).resolve().parents[2]
OWN_VARIABLES = ("SANDTABLE_", "DATABASE_URL", "MQTT_URL", "WEB_", "DJANGO_")
BROWSER_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-gpu-compositing",  # the page around the map is drawn twice as fast by the processor itself
]
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
SESSION = """
import json
from django.conf import settings
from django.test import Client
from access.models import User
client = Client()
client.force_login(User.objects.get(username="{user}"))
print(json.dumps([settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value]))
"""
# About half of the whole.
OF_THE_SCREEN = {"test_screen", "test_screen_side", "test_charts", "test_wall"}
OPEN: list[Screen] = []  # pages that are open
RUNNING: list[Stack] = []  # installations that run
SIZES = {"desk": (1366, 768), "wall": (3840, 1080), "phone": (390, 844)}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where pictures of the pages go."""
    parser.addoption("--pictures", type=Path, default=None, help="folder for screenshots (default: var/test/pictures)")


@pytest.hookimpl(tryfirst=True)  # before xdist looks for groups, also where this file is loaded before it
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They are slow; one installation serves those of the screen, one the others, so two processes share them."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            group = "screen" if item.path.stem in OF_THE_SCREEN else "pages"
            item.add_marker(pytest.mark.xdist_group(f"acceptance-{group}"))
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """What the open pages show stands beside a failure: such a one may never come again."""
    report = yield
    if report.failed:
        report.sections += [("page", screen.told()) for screen in OPEN]
    return report


def wait_for(condition: Callable[[], Any], timeout_s: float = 90.0, every_s: float = 0.1) -> Any:
    """The condition's first true value; fails after ``timeout_s``: long, for machines with more to do."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(every_s)
    raise AssertionError("waited in vain")


@dataclass
class Stack:
    """A running installation in a folder of its own."""

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

    def close(self) -> None:
        """End the installation, and all that is its own."""
        if self.shell is not None:
            self.shell.communicate()
        self.sandtable("reset", "--yes")
        shutil.rmtree(self.var, ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """The installation ends with the last of these tests: a city that moves for nobody takes a quarter of a core."""
    here = Path(__file__).parent
    if nextitem is None or not nextitem.path.is_relative_to(here):
        while RUNNING:
            RUNNING.pop().close()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    env = {name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)}
    stack = Stack(tmp_path_factory.mktemp("installation") / "var", env=env)
    up = stack.sandtable("up")
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        stack.url = re.search(r"http://[\d.:]+", up.stdout).group()
        stack.password = re.search(r"\(password\): (\S+)", up.stdout).group(1)
    except BaseException:
        stack.close()
        raise
    RUNNING.append(stack)
    return stack


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Closed after each file: while Playwright is open its event loop runs in this thread, and nobody else's can."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert program, "no Chromium: ./sandtable test installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=BROWSER_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def pictures(request: pytest.FixtureRequest) -> Path:
    folder = request.config.getoption("--pictures") or ROOT / "var" / "test" / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


class Screen:
    """One browser page that notices whatever a good page does not do."""

    def __init__(
        self, browser: Any, stack: Stack, size: str = "desk", pictures: Path | None = None, glides: bool = False
    ) -> None:
        width, height = SIZES[size]
        self.size = size
        self.stack = stack
        self.pictures = pictures
        self.faults: list[str] = []
        OPEN.append(self)
        # Software drawing takes a core while things glide: pages ask for less motion, as people may.
        self.context = browser.new_context(
            viewport={"width": width, "height": height},
            locale="zh-CN",
            reduced_motion=None if glides else "reduce",
        )
        self.context.set_default_timeout(60_000)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("console", lambda m: self.faults.append(f"console: {m.text}") if m.type == "error" else None)
        self.page.on("request", self._look_at_request)
        self.page.on("response", lambda r: self.faults.append(f"{r.status} {r.url}") if r.status >= 400 else None)

    def _look_at_request(self, request: Any) -> None:
        if not request.url.startswith((self.stack.url, "data:", "blob:", self.stack.url.replace("http", "ws"))):
            self.faults.append(f"outside: {request.url}")

    def enter(self, user: str, path: str = "/") -> None:
        """Open a page as somebody who has signed in already: no other page is drawn before."""
        name, value = self.stack.python(SESSION.format(user=user))
        self.context.add_cookies([{"name": name, "value": value, "url": self.stack.url}])
        self.page.goto(f"{self.stack.url}{path}", timeout=90_000)

    def sign_in(self, user: str, password: str) -> None:
        """Sign in as a person does, who tries again when the page does not answer (Chromium draws slowly here)."""
        for _attempt in range(4):
            self.page.goto(f"{self.stack.url}/", wait_until="commit", timeout=90_000)
            if not self._asks_who():
                return
            self.page.fill("input[name=username]", user)
            self.page.fill("input[name=password]", password)
            self.page.press("input[name=password]", "Enter", no_wait_after=True)
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                if not self._asks_who():
                    return
                time.sleep(0.2)
        raise AssertionError(f"could not sign in: {self.page.inner_text('body')[:300]}")

    def _asks_who(self) -> bool:
        """Whether the page is the sign-in page; not by Playwright's idea of a navigation, which can miss one."""
        try:
            return "/sign-in/" in self.page.evaluate("() => location.pathname")
        except PlaywrightError:  # between two documents
            return True

    def ask(self, expression: str) -> Any:
        """Value of an expression in the page; the page's policy forbids evaluating text, so polling is ours."""
        return self.page.evaluate(expression)

    def wait(self, expression: str, timeout_s: float = 90.0) -> Any:
        """First true value of an expression."""
        return wait_for(lambda: self.ask(expression), timeout_s)

    def see_things(self) -> None:
        """Wait until the map shows something."""
        self.wait("!!window.sandtable && sandtable.mapReady() && sandtable.count() > 0", 60)

    def picture(self, name: str) -> None:
        """Take a screenshot."""
        if self.pictures is not None:
            self.page.screenshot(path=self.pictures / f"{name}-{self.size}.png", timeout=60_000)

    def told(self) -> str:
        """What the page shows and what went wrong in it, for whoever reads of a failure."""
        try:
            return "\n".join([self.page.url, *self.faults, self.page.locator("body").inner_text(timeout=5000)[:4000]])
        except PlaywrightError as error:
            return f"{self.page.url}: {error}"

    def close(self) -> None:
        """Close the page."""
        OPEN.remove(self)
        self.context.close()


def _opener(browser: Any, stack: Stack, pictures: Path) -> Iterator[Callable[..., Screen]]:
    """Opens pages, and closes them afterwards."""
    opened: list[Screen] = []

    def open_(size: str = "desk", glides: bool = False) -> Screen:
        screen = Screen(browser, stack, size, pictures, glides)
        opened.append(screen)
        return screen

    yield open_
    for screen in opened:
        screen.close()


open_screen = pytest.fixture(_opener, name="open_screen")
# To load a map takes more of the machine than most tests do: those that leave a page as they found it share one.
open_for_file = pytest.fixture(_opener, scope="module", name="open_for_file")


@pytest.fixture(scope="session")
def mqtt_port(stack: Stack) -> int:
    return json.loads((stack.var / "installation.json").read_text())["ports"]["broker"]


@pytest.fixture(scope="module")
def page_of_the_city(request: pytest.FixtureRequest, stack: Stack, open_for_file: Callable[..., Screen]) -> Screen:
    from tests.acceptance.screens import command_screen

    size = getattr(request.module, "SIZE", "desk")
    return command_screen(stack, open_for_file(size), f"city-{request.path.stem}")


@pytest.fixture
def city(page_of_the_city: Screen) -> Iterator[Screen]:
    """The whole city's command screen as it opens, for tests of one file after each other; ``SIZE`` is the file's."""
    from tests.acceptance.screens import at_rest

    at_rest(page_of_the_city)
    yield page_of_the_city
    faults, page_of_the_city.faults = page_of_the_city.faults, []
    assert not faults, faults
