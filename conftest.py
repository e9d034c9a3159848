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


@pytest.fixture(autouse=True)
def _collected_static(settings, tmp_path_factory):
    """WhiteNoise warns where static files were never collected, and a warning fails a test."""
    settings.STATIC_ROOT = tmp_path_factory.getbasetemp()
