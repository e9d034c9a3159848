"""``manage.py startlayer``: what it refuses. That what it writes works is tested on a copy (``tests/contract``)."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from layers import folders
from layers.management.commands.startlayer import STARTER


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "LAYERS", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Kites", "小写字母"),
        ("9kites", "小写字母"),
        ("kites-and-more", "小写字母"),
        ("../kites", "小写字母"),
        ("twin", "请另取一个名称"),
        ("machine", "请另取一个名称"),
    ],
)
def test_a_name_that_cannot_be_is_refused(elsewhere, name, said):
    with pytest.raises(CommandError, match=said):
        call_command("startlayer", name)
    assert not list(elsewhere.iterdir())


def test_what_is_there_is_not_written_over(elsewhere):
    call_command("startlayer", "kites")
    written = (elsewhere / "kites" / "layer.py").read_text(encoding="utf-8")
    with pytest.raises(CommandError, match="已经存在"):
        call_command("startlayer", "kites", "--title", "别的")
    assert (elsewhere / "kites" / "layer.py").read_text(encoding="utf-8") == written


def test_a_title_cannot_break_out_of_its_quotes(elsewhere):
    with pytest.raises(CommandError, match="引号"):
        call_command("startlayer", "kites", "--title", '"); import os #')
    assert not list(elsewhere.iterdir())


def test_every_place_is_filled(elsewhere):
    call_command("startlayer", "kite_flying", "--title", "风筝放飞", "--title-en", "Kite flying")
    files = [path for path in (elsewhere / "kite_flying").rglob("*") if path.is_file()]
    assert len(files) == len(list(STARTER.rglob("*.txt")))
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert "{{" not in text
        assert "{{" not in path.name
    assert "class KiteFlyingConfig" in (elsewhere / "kite_flying" / "apps.py").read_text(encoding="utf-8")
