"""Benchmarks that start an installation of their own."""

from __future__ import annotations

import contextlib
import importlib
from pathlib import Path

import django
import pytest

from bench import _throwaway

FOLDER = Path(_throwaway.__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("[a-z]*.py") if "run_loading(" in path.read_text())


class Understood(Exception):
    """The words were read, and the measuring would begin."""


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_understands_what_it_is_told_in_there(name, monkeypatch, tmp_path):
    told = []

    def understood():
        raise Understood

    def sandtable(var, *words):
        told.append(words)
        module.main([*words[2:]])

    module = importlib.import_module(f"bench.{name}")
    monkeypatch.setattr(_throwaway, "throwaway", lambda *_options: contextlib.nullcontext(tmp_path))
    monkeypatch.setattr(_throwaway, "sandtable", sandtable)
    monkeypatch.setattr(django, "setup", understood)
    with pytest.raises(Understood):
        module.main(["--json"])
    assert told[0][:2] == ("bench", name)
