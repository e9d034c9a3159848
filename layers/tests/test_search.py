"""The text that searches go through."""

from __future__ import annotations

import pytest

from access.scope import WHOLE_CITY
from layers import search
from layers.pinyin import normalised, spellings
from layers.search import Table, TableIndex, Text
from twin.models import Asset


@pytest.mark.parametrize(
    ("text", "ways"),
    [
        ("焊机 W-1", ("焊机w-1", "hanjiw-1", "hjw-1")),
        ("W-1", ("w-1",)),
        ("", ("",)),
        ("重庆路", ("重庆路", "chongqinglu", "cql")),
        ("上海Ａ１银行", ("上海a1银行", "shanghaia1yinhang", "sha1yh")),
    ],
)
def test_spellings(text, ways):
    assert spellings(text) == ways


def test_width_case_and_spaces_do_not_matter():
    assert normalised(" Ｗ－０ 01\t") == "w-001"


ROWS = [
    (1, "W-10", "东方焊机"),
    (2, "W-1", "西方焊机"),
    (3, "X-W-1", "焊机东方"),
    (4, None, "塔吊"),
]


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("w-1", [2, 1, 3]),
        ("东方", [1, 3]),
        ("焊机", [3, 1, 2]),
        ("dfhj", [1]),
        ("hj", [3, 1, 2]),
        ("塔吊", [4]),
        ("nothing", []),
    ],
)
def test_what_equals_comes_before_what_begins_before_what_holds(query, keys):
    assert list(Text(ROWS).find(query)) == keys


def test_rows_do_not_run_into_each_other():
    assert list(Text([(1, "ab"), (2, "cd")]).find("bc")) == []
    assert list(Text([(1, "ab", "cd")]).find("bc")) == []
    assert list(Text([]).find("x")) == []


def test_a_text_that_takes_long_is_not_made_anew_all_the_time(db, monkeypatch):
    index = TableIndex(Table("asset", Asset, ("code",), ("assets",)))
    Asset.objects.create(kind="drone", code="A-1")
    assert len(index.find("a-", WHOLE_CITY, 9)) == 1
    monkeypatch.setattr(index, "_not_before", float("inf"))
    Asset.objects.create(kind="drone", code="A-2")
    assert len(index.find("a-", WHOLE_CITY, 9)) == 1
    monkeypatch.setattr(index, "_not_before", 0.0)
    assert len(index.find("a-", WHOLE_CITY, 9)) == 2


def test_a_common_word_is_found_in_a_small_scope(db, monkeypatch):
    monkeypatch.setattr(search, "_FIRST", 5)
    Asset.objects.bulk_create(Asset(kind="drone", code=f"A-{i}", active=i == 30) for i in range(40))
    index = TableIndex(Table("asset", Asset, ("code",), ("assets",)))
    index.text()
    index.table = Table("asset", Asset, ("code",), ("assets",), (("active", True),))
    assert [Asset.objects.get(pk=key).code for key in index.find("a-", WHOLE_CITY, 9)] == ["A-30"]
