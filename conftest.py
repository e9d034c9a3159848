"""What every test needs."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

import pytest
from django.test import override_settings
from django.utils import translation


@pytest.fixture(autouse=True)
def _default_language(settings):
    """A test that switches the language, or a request that did, must not speak for the next test."""
    with translation.override(settings.LANGUAGE_CODE):
        yield


pytest_plugins = ["tests.functions_plugin"]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Iterator[None]:
    """What is imported stays; to look through it for garbage again and again takes an eighth of the tests' time.

    Afterwards garbage is looked for as often as ever: that of one test, if it complains, would do so in another.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)  # before fixtures of this test connect to the database
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Of the processes that share the tests, those with an installation and a browser go first, the others yield.

    A city that moves and a page that shows it cost as much while their test waits for a processor as while it works.
    """
    if hasattr(item.config, "workerinput") and not item.nodeid.startswith("tests/acceptance/"):
        _yield_to_others()


@cache
def _yield_to_others() -> None:
    from devices.background import run_in_background

    with suppress(OSError):
        os.setsid()  # Linux may weigh sessions against each other before processes
    run_in_background()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    request: pytest.FixtureRequest,
    django_db_modify_db_settings: None,
    django_db_blocker: object,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Processes that share the tests migrate once: each begins with a copy of what the first of them made."""
    if not hasattr(request.config, "workerinput"):
        yield
        return
    from tests.migrated import copies_of_one

    folder = tmp_path_factory.getbasetemp().parent  # all processes of this run have theirs in it
    with copies_of_one(folder, django_db_blocker):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup):
    """Tests of committed rows tidy up after themselves at less cost."""
    from tests.flushing import flush_what_has_rows

    flush_what_has_rows()


@pytest.fixture(scope="session", autouse=True)
def _settings_of_tests():
    """Without a hasher that is dear on purpose: tests make hundreds of users, and one of them looks at the real one."""
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(PASSWORD_HASHERS=hashers):
        yield
