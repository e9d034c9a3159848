"""Every Chinese text of the platform has its English, in its own application's catalogue, and none is left over."""

from __future__ import annotations

from collections import defaultdict

import pytest

from layers.folders import LAYERS, module_keys
from tests.contract.sources import ROOT
from tests.contract.texts import check_compiles, check_english, entries, wanted

APPLICATIONS = [ROOT / name for name in ("gis", "access", "twin", "devices", "media", "command", "layers")]
"""Of modules, tests/contract asks the same."""
MODULES = [LAYERS / key for key in module_keys()]

every_application = pytest.mark.parametrize("application", APPLICATIONS, ids=lambda folder: folder.name)


@every_application
def test_every_text_has_its_english_and_no_english_is_left_over(application):
    check_english(application)


@every_application
def test_the_catalogue_compiles(application):
    check_compiles(application)


def test_one_text_has_one_english():
    """The catalogues are one at run time: the first application to say something says it for all."""
    found = defaultdict(set)
    for folder in (*APPLICATIONS, *MODULES):
        for chinese, english in entries(folder):
            found[chinese].add(english)
    assert {chinese: english for chinese, english in found.items() if len(english) > 1} == {}


def test_nothing_is_translated_where_there_is_no_catalogue():
    for name in ("config", "launcher", "bench"):
        assert wanted(ROOT / name) == set()
