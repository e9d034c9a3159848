"""Declarations: what a rule may say of itself, and what is refused with a name."""

from __future__ import annotations

import numpy as np
import pytest

from access.roles import Role
from command.exceptions import DuplicateRuleError, RuleError, UnknownRuleError
from command.facts import Areas, Facts
from command.fencing import LINE_PASSED
from command.rules import Attribute, Evidence, Grade, Parameter, Rule, RuleRegistry, Trigger, Verdicts
from command.silent import judge_silent
from command.tests.rulebook import CROWDED, KEY_AREA, SOS, TOO_FAST, crowded, too_fast, working_in_key_area
from twin.kinds import kind_of

MACHINE, PERSON = kind_of("machine").code, kind_of("person").code


def facts(n=4, **columns):
    none = np.zeros(0, np.int64)
    areas = Areas(
        id=np.array([3, 7, 9]),
        kind=np.array(["zone", "key_area", "zone"], object),
        version=np.array([1, 2, 3]),
        owner=np.zeros(3, np.int64),
        region=np.zeros(3, np.int64),
        in_force=np.ones(3, bool),
        z_min_m=np.full(3, np.nan),
        z_max_m=np.full(3, np.nan),
        attributes={"test.limit": {3: 1, 9: 5}},
    )
    defaults = {
        "now_us": 10_000_000_000,
        "asset": np.arange(1, n + 1),
        "kind": np.full(n, PERSON, np.uint8),
        "owner": np.zeros(n, np.int64),
        "region": np.zeros(n, np.int64),
        "time_us": np.full(n, 10_000_000_000),
        "lon": np.full(n, 121.5),
        "lat": np.full(n, 31.2),
        "alt_m": np.full(n, np.nan, np.float32),
        "speed_m_s": np.zeros(n, np.float32),
        "status": np.ones(n, np.int16),
        "still_since_us": np.zeros(n, np.int64),
        "attrs_json": [""] * n,
        "inside_row": none,
        "inside_at": none,
        "inside_since_us": none,
        "inside_in_force": none.astype(bool),
        "crossed_row": none,
        "crossed_at": none,
        "crossed_entered": none.astype(bool),
        "crossed_in_force": none.astype(bool),
        "areas": areas,
    }
    return Facts(**{**defaults, **columns})


def inside(*pairs, in_force=None):
    row, at = (np.array(column) for column in zip(*pairs, strict=True))
    held = np.ones(len(row), bool) if in_force is None else np.array(in_force)
    return {
        "inside_row": row,
        "inside_at": at,
        "inside_since_us": np.zeros(len(row), np.int64),
        "inside_in_force": held,
    }


def test_rules_are_pure_functions_of_columns():
    f = facts(**inside((0, 1), (1, 1), (2, 0), in_force=[True, False, True]))
    assert working_in_key_area(f, {}).row.tolist() == [0]
    assert working_in_key_area(f, {}).area.tolist() == [7]
    f = facts(speed_m_s=np.array([1, 30, np.nan, 21], np.float32))
    assert too_fast(f, {"limit_m_s": 20.0}).row.tolist() == [1, 3]
    f = facts(**inside((0, 0), (1, 0), (2, 0), (3, 2)))
    assert crowded(f, {"most": 2}).area.tolist() == [3]
    assert crowded(f, {"most": 2}).evidence["people"].tolist() == [3]


def test_a_part_of_the_facts_keeps_what_belongs_to_it():
    f = facts(attrs_json=['{"sos":true}', "", "", '{"sos":false}'], **inside((0, 1), (1, 1), (3, 2)))
    part = f.only(np.array([False, True, False, True]))
    assert part.asset.tolist() == [2, 4]
    assert (part.inside_row.tolist(), part.inside_area.tolist()) == ([0, 1], [7, 9])
    assert part.attr("sos").tolist() == [None, False]
    assert f.attr("sos").tolist() == [True, None, None, False]
    assert f.only(np.ones(4, bool)) is f
    assert f.areas.numbers("test.limit").tolist()[::2] == [1, 5]
    assert f.areas.position([9, 4, 3]).tolist() == [2, -1, 0]
    with pytest.raises(KeyError, match="must name it"):
        f.values("test.unnamed")


def test_silence_is_measured_by_kind_and_not_where_it_was_switched_off():
    quiet = 10_000_000_000 - np.array([0, 600, 600, 601]) * 1_000_000
    f = facts(time_us=quiet, kind=np.array([PERSON, PERSON, MACHINE, MACHINE], np.uint8))
    found = judge_silent(f, {"times": 5.0})
    assert (found.row.tolist(), found.evidence["silent_s"].tolist()) == ([1, 3], [600, 601])
    off = judge_silent(facts(time_us=quiet, status=np.full(4, 3, np.int16)), {"times": 1.0})
    assert len(off) == 0


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"id": "TooFast"}, "module.name"),
        ({"id": "x." + "y" * 70}, "64"),
        ({"grade": 5}, "no Grade"),
        ({"on": "sometimes"}, "no Trigger"),
        ({"disposer_role": "king"}, "no Role"),
        ({"judge": "later"}, "judge"),
        ({"every_s": 0}, "seconds"),
        ({"only_with": Attribute("test.x", "asset", dict, ("assets",))}, "one of its attributes"),
        ({"escalate_after_s": 0}, "seconds"),
        ({"periods": ({"kind": "hourly"},)}, "kind must be"),
        ({"parameters": (Parameter("a", "A", "int", 1), Parameter("a", "A", "int", 1))}, "repeat"),
        ({"evidence": (Evidence("a", "A"), Evidence("a", "B"))}, "repeat"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(fields, said):
    whole = {"id": "test.rule", "title": "规则", "grade": Grade.RED, "on": Trigger.POSITIONS, "judge": too_fast}
    assert Rule(**whole, disposer_role="enterprise").disposer_role is Role.ENTERPRISE
    with pytest.raises(RuleError, match=said):
        Rule(**{**whole, **fields})


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (Parameter("n", "数", "int", 1, 0, 9), 10),
        (Parameter("n", "数", "int", 1, 0, 9), -1),
        (Parameter("n", "数", "int", 1), 1.5),
        (Parameter("n", "数", "int", 1), True),
        (Parameter("n", "数", "float", 1), float("nan")),
        (Parameter("n", "数", "float", 1), "1"),
        (Parameter("n", "数", "bool", True), 1),
        (Parameter("n", "数", "choice", "a", choices=(("a", "甲"),)), "b"),
    ],
)
def test_a_parameter_refuses_what_it_is_not(parameter, value):
    with pytest.raises(RuleError):
        parameter.check(value)


@pytest.mark.parametrize(
    "fields",
    [{"key": "Limit"}, {"kind": "text"}, {"kind": "choice"}, {"default": "x"}, {"default": 1, "minimum": 2}],
)
def test_a_parameter_that_cannot_be_is_refused(fields):
    with pytest.raises(RuleError):
        Parameter(**{"key": "limit", "title": "限", "kind": "float", "default": 1.0, **fields})


def test_settings_are_completed_and_unknown_ones_refused():
    assert TOO_FAST.settled({}) == {"limit_m_s": 20.0, "hold_s": 0}
    assert TOO_FAST.settled({"limit_m_s": 5, "hold_s": 30}) == {"limit_m_s": 5.0, "hold_s": 30}
    # What is a moment, or is asked every few seconds about everything, cannot be told to last.
    assert not {"hold_s"} & {*LINE_PASSED.settled({}), *CROWDED.settled({}), *SOS.settled({})}
    with pytest.raises(RuleError, match="no parameter colour"):
        TOO_FAST.settled({"colour": 1})


def test_the_registry_refuses_duplicates_and_freezes():
    registry = RuleRegistry()
    registry.register(KEY_AREA)
    with pytest.raises(DuplicateRuleError):
        registry.register(KEY_AREA)
    with pytest.raises(UnknownRuleError):
        registry.get("test.nobody")
    assert registry.find("test.nobody") is None
    registry.freeze()
    with pytest.raises(RuleError, match="too late"):
        registry.register(CROWDED)


def test_attributes_are_shared_or_refused():
    def load():
        return {}

    def other():
        return {}

    def declared(name, function):
        limit = Attribute("test.limit", "area", function, ("areas",))
        return Rule(f"test.{name}", "规则", Grade.RED, Trigger.POSITIONS, too_fast, attributes=(limit,))

    registry = RuleRegistry()
    registry.register(declared("one", load))
    registry.register(declared("two", load))
    assert len(registry.attributes()) == 1
    with pytest.raises(DuplicateRuleError, match="differently"):
        registry.register(declared("three", other))
    for fields in ({"key": "limit"}, {"of": "person"}, {"topics": ()}):
        with pytest.raises(RuleError):
            Attribute(**{"key": "test.limit", "of": "area", "load": load, "topics": ("areas",), **fields})


def test_verdicts_must_be_as_long_as_each_other():
    with pytest.raises(ValueError, match="2 rows, but 1 of speed"):
        Verdicts.of_rows([0, 1], speed=[1])
    with pytest.raises(ValueError, match="grade"):
        Verdicts.of_rows([0, 1], grade=[1])
