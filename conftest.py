"""What every test needs."""

from __future__ import annotations

import pytest

pytest_plugins = ["tests.functions_plugin"]


@pytest.fixture(autouse=True)
def _collected_static(settings, tmp_path_factory):
    """WhiteNoise warns where static files were never collected, and a warning fails a test."""
    settings.STATIC_ROOT = tmp_path_factory.getbasetemp()
