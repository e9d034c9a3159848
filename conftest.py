"""What every test needs."""

from __future__ import annotations

import pytest
from django.utils import translation


@pytest.fixture(autouse=True)
def _default_language(settings):
    """A test that switches the language, or a request that did, must not speak for the next test."""
    with translation.override(settings.LANGUAGE_CODE):
        yield


pytest_plugins = ["tests.functions_plugin"]


@pytest.fixture(scope="session")
def _no_static_files(tmp_path_factory):
    return tmp_path_factory.mktemp("static")


@pytest.fixture(autouse=True)
def _collected_static(settings, _no_static_files):
    """WhiteNoise warns where static files were never collected, and each new client lists all that were."""
    settings.STATIC_ROOT = _no_static_files
