"""One browser page in the hands of tests, which notices whatever a good page does not do."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Error as PlaywrightError

from tests.chromium import SLOW_FRAMES

if TYPE_CHECKING:
    from tests.acceptance.conftest import Stack

SESSION = """
import json
from django.conf import settings
from django.test import Client
from access.models import User
client = Client()
client.force_login(User.objects.get(username="{user}"))
print(json.dumps([settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value]))
"""
OPEN: list[Screen] = []  # pages that are open
SIZES = {"desk": (1366, 768), "wall": (3840, 1080), "phone": (390, 844)}


def wait_for(condition: Callable[[], Any], timeout_s: float = 90.0, every_s: float = 0.1) -> Any:
    """The condition's first true value; fails after ``timeout_s``: long, for machines with more to do."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(every_s)
    raise AssertionError("waited in vain")


class Screen:
    """One browser page that notices whatever a good page does not do."""

    def __init__(
        self,
        browser: Any,
        stack: Stack,
        size: str = "desk",
        pictures: Path | None = None,
        glides: bool = False,
        pixels: float = 1,
        slow: bool = False,
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
            device_scale_factor=pixels,
            locale="zh-CN",
            reduced_motion=None if glides else "reduce",
        )
        self.context.set_default_timeout(60_000)
        if slow:
            self.context.add_init_script(SLOW_FRAMES)
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

    def sign_in(self, user: str, password: str, path: str = "/") -> None:
        """Sign in as a person does, who tries again when the page does not answer (Chromium draws slowly here)."""
        for _attempt in range(4):
            self.page.goto(f"{self.stack.url}{path}", wait_until="commit", timeout=90_000)
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
        """First true value of an expression, in the page that is there by then."""

        def value() -> Any:
            try:
                return self.ask(expression)
            except PlaywrightError as error:
                if "navigation" not in str(error):
                    raise
                return None  # between two documents

        return wait_for(value, timeout_s)

    def speak(self, button: str, language: str) -> None:
        """Choose a language; not by Playwright's idea of a navigation, which a map's address that follows it meets."""
        self.page.get_by_role("button", name=button, exact=True).dispatch_event("click")
        self.wait(f"document.documentElement.lang === '{language}'")

    def see_things(self) -> None:
        """Wait until the map shows something."""
        self.wait("!!window.sandtable && sandtable.mapReady() && sandtable.count() > 0")

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
        """Close the page, if it is open."""
        if self in OPEN:
            OPEN.remove(self)
            self.context.close()
