"""``manage.py loadlayers`` asks every module, and knows whose city it is."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from layers.contract import LayerModule
from layers.registry import registry


def test_every_module_is_asked_with_the_city_and_a_seed(town, monkeypatch, capsys):
    asked = []
    modules = {
        "alpha": LayerModule(key="alpha", title="甲", demo=lambda city, seed: asked.append((city.code, seed))),
        "beta": LayerModule(key="beta", title="乙"),
    }
    monkeypatch.setattr(registry, "_modules", modules)
    call_command("loadlayers", "--city", "310000", "--seed", "s")
    assert asked == [("310000", "s/310000")]
    assert capsys.readouterr().out == "甲：示例已装入\n导播：示例场景与巡演已装入\n"


def test_a_city_that_is_not_there_is_said(db):
    with pytest.raises(CommandError, match="请先运行 loadcity"):
        call_command("loadlayers", "--city", "999999")
