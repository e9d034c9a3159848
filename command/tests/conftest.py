"""The registry with the tests' rules in it, and a town."""

from __future__ import annotations

import pytest

from command import rules
from command.tests.people import Town
from command.tests.rulebook import CROWDED, KEY_AREA, SOS, TOO_FAST


@pytest.fixture
def rulebook(monkeypatch):
    """The platform's registry, for the length of a test with further rules."""
    held = {**rules.registry._rules}
    for rule in (KEY_AREA, TOO_FAST, CROWDED, SOS):
        held[rule.id] = rule
    monkeypatch.setattr(rules.registry, "_rules", held)
    return held


@pytest.fixture
def town(rulebook, db):
    return Town()
