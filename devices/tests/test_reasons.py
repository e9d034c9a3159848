"""Every reason for refusing a message has its words, in the code, on the protocol page and on the desk alike."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.utils import translation

from devices.messages import BadRow, RefusedError, read_other, read_position
from devices.reasons import FIELDS, OUT_OF_RANGE, REASONS, hint_of, name_of

FLOOR = Path(__file__).resolve().parent.parent
PAGE = FLOOR.parent / "docs/protocols/mqtt.md"
CHINESE = re.compile("[\u4e00-\u9fff]")
ANY_FIELD = f"{OUT_OF_RANGE}_<字段>"


def sources():
    for path in FLOOR.rglob("*.py"):
        if not {"tests", "migrations", "simulator"} & set(path.parts) and path.name != "reasons.py":
            yield ast.parse(path.read_text())


def texts_of(node):
    """Texts an expression may come to; of a text with values in it, what stands before the first."""
    if isinstance(node, ast.IfExp):
        return texts_of(node.body) | texts_of(node.orelse)
    if isinstance(node, ast.JoinedStr):
        return texts_of(node.values[0])
    return {node.value} if isinstance(node, ast.Constant) else set()


def raised():
    """Reasons given where a refusal is made by name."""
    place = {"RefusedError": 0, "Refused": 1}
    for tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in place:
                arguments = node.args[place[node.func.id] :]
                yield from texts_of(arguments[0]) if arguments else ()


def on_the_page():
    section = PAGE.read_text().split("\n## 8 ")[1].split("\n## 9 ")[0]
    return set(re.findall(r"^\| `([^`]+)`", section, re.MULTILINE))


def test_every_reason_in_the_code_has_its_words():
    codes = set(raised())
    assert len(codes) > 12
    assert all(CHINESE.search(name_of(code.rstrip("_"))) and hint_of(code.rstrip("_")) for code in codes), codes


def test_no_words_for_reasons_that_nobody_gives():
    said = {node.value for tree in sources() for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert set(REASONS) <= said


def test_the_protocol_page_has_the_same_reasons():
    assert {code.replace(ANY_FIELD, OUT_OF_RANGE) for code in on_the_page()} == set(REASONS)


@pytest.mark.parametrize("channel", ["pos", "status", "event", "reply"])
def test_every_field_with_limits_has_its_name(channel):
    """Far beyond any limit: whatever field is refused for that must be one that people can read."""
    whole = {"pos": '"time":1,"lon":1,"lat":1', "status": '"time":1,"power":"on"', "event": '"time":1,"code":"x"',
             "reply": '"id":1,"result":"ok"'}[channel]  # fmt: skip
    found = set()
    for field in FIELDS:
        for value in ("1e18", str(10**18), "-1e18", str(-(10**18)), '{"a":"' + "x" * 5000 + '"}'):
            body = re.sub(rf'"{field}":[^,]+,?', "", whole).strip(",")
            payload = f'{{{body},"{field}":{value}}}'.encode()
            try:
                if channel == "pos":
                    row = read_position(payload)
                    assert isinstance(row, BadRow), payload
                    raise row.refusal
                read_other(channel, payload)
            except RefusedError as refusal:
                found |= {refusal.reason} if refusal.reason.startswith(OUT_OF_RANGE) else set()
    expected = {
        "pos": set(FIELDS) - {"battery_pct", "id"},
        "status": {"time", "battery_pct"},
        "event": {"time", "lon", "lat", "attrs"},
        "reply": {"id"},
    }[channel]
    assert found == {f"{OUT_OF_RANGE}_{field}" for field in expected}
    assert all(name_of(reason) != reason for reason in found)


def test_names_are_in_the_language_in_force():
    with translation.override("zh-hans"):
        assert name_of("out_of_range_lat") == "纬度超出范围"
        assert name_of("not_json") == "不是 JSON"
    assert (name_of("of_tomorrow"), hint_of("of_tomorrow")) == ("of_tomorrow", "")
