"""The plug-in contract, over every module in ``layers/`` and over the dummy kept beside the tests."""

from __future__ import annotations

import copy
import importlib
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from django.apps import apps
from django.contrib import admin
from django.core.management import call_command
from django.db import connection
from django.test import Client

from access.admin_scope import ScopedAdminMixin
from access.audited import is_audited
from access.models import Grant, User
from access.scope import WHOLE_CITY
from command.rules import Verdicts
from gis.rendering import render_tile
from gis.tiles import TileLayer
from layers.contract import LayerModule
from layers.folders import LAYERS, module_keys
from layers.modules import ModuleConfig
from layers.registry import ModuleRegistry, registry
from layers.sources import LiveAssets, Rows
from layers.specs import describe
from layers.statistics import count
from layers.tiles import tile_layer
from tests.contract.facts import random_facts
from tests.contract.sources import ROOT, attributes, called, imports, python_files
from tests.contract.texts import CHINESE, check_compiles, check_english
from twin.kinds import kinds

DUMMY = "dummy_layer"
INSTALLED = module_keys()
FLOORS = ("gis", "access", "twin", "devices", "media", "command", "config", "launcher")
NOT_FOR_MODULES = ("config", "web", "launcher", "bench", "tests")
NOT_IN_RULES = {"time", "random", "secrets", "os", "socket", "http", "urllib", "requests", "paho", "subprocess"}
CLOCKS = {"now", "today", "utcnow"}
MANAGERS = {"objects", "_default_manager", "_base_manager", "cursor"}
"""A rule gets its moment from the facts."""


def folder_of(key: str) -> Path:
    return ROOT / "tests" / DUMMY if key == DUMMY else LAYERS / key


def package_of(key: str) -> str:
    return f"tests.{DUMMY}" if key == DUMMY else f"layers.{key}"


def module_of(key: str) -> LayerModule:
    return importlib.import_module(f"{package_of(key)}.layer").LAYER


every_module = pytest.mark.parametrize("key", [DUMMY, *INSTALLED])
every_installed_module = pytest.mark.parametrize("key", INSTALLED)
every_rule = pytest.mark.parametrize(
    "rule", [rule for key in (DUMMY, *INSTALLED) for rule in module_of(key).rules], ids=lambda rule: rule.id
)


def test_every_folder_with_a_layer_is_a_registered_module():
    assert sorted(module.key for module in registry.modules()) == INSTALLED


def test_the_dummy_would_be_taken_in():
    taken = ModuleRegistry()
    for key in INSTALLED:
        taken.register(key, module_of(key))
    taken.register(DUMMY, module_of(DUMMY))
    taken.freeze()
    assert {layer.id for layer in taken.map_layers()} >= {"dummy_layer.kites", "dummy_layer.no_kites"}


@every_module
def test_every_id_begins_with_the_key(key):
    module = module_of(key)
    assert module.key == key == folder_of(key).name
    assert all(each.startswith(f"{key}.") for each in module.ids())
    assert {model._meta.app_label for register in module.registers for model in [register.model]} <= {key}


@every_installed_module
def test_the_app_is_the_folder(key):
    config = apps.get_app_config(key)
    assert isinstance(config, ModuleConfig)
    assert (config.name, Path(config.path)) == (f"layers.{key}", LAYERS / key)
    assert CHINESE.search(str(config.verbose_name))


@every_module
def test_it_imports_what_it_requires_and_nothing_above_it(key):
    module, modules = module_of(key), set(INSTALLED)
    for path in python_files(folder_of(key)):
        for name in imports(path):
            first, *rest = name.split(".")
            if name.startswith(package_of(key)):
                continue
            assert first not in NOT_FOR_MODULES, f"{path}: a module does not import {first}"
            if first == "layers" and rest and rest[0] in modules:
                assert rest[0] in module.requires, f"{path}: add {rest[0]!r} to requires, or do without {name}"


def test_neither_the_framework_nor_the_floors_import_a_module():
    modules = set(INSTALLED)
    files = [path for floor in FLOORS for path in python_files(ROOT / floor, tests=True)]
    files += [path for path in python_files(LAYERS, tests=True) if path.relative_to(LAYERS).parts[0] not in modules]
    for path in files:
        # Of five hundred files few name the package at all; inside it, it may be named by dots alone.
        if LAYERS in path.parents or "layers" in path.read_text(encoding="utf-8"):
            for name in imports(path):
                parts = name.split(".")
                assert not (parts[0] == "layers" and parts[1:2] and parts[1] in modules), f"{path} imports {name}"


@every_installed_module
def test_every_text_has_its_english_and_no_english_is_left_over(key):
    check_english(LAYERS / key)


@every_installed_module
def test_the_catalogue_compiles(key):
    check_compiles(LAYERS / key)


@every_module
def test_every_text_it_shows_is_chinese_first(key):
    module = module_of(key)
    shown = [module.title, *(each.title for each in (*module.map_layers, *module.rules, *module.registers))]
    shown += [layer.group for layer in module.map_layers]
    shown += [each.title for layer in module.map_layers for each in (*layer.card, *layer.legend, *layer.filters)]
    shown += [each.title for rule in module.rules for each in (*rule.parameters, *rule.evidence)]
    shown += [each.title for each in (*module.panels, *module.charts, *module.menu)]
    shown += [chart.unit for chart in module.charts]
    for text in shown:
        assert CHINESE.search(str(text)), f"{text!r} is not Chinese"


@every_module
def test_the_legend_says_what_every_state_looks_like(key):
    for layer in module_of(key).map_layers:
        assert layer.legend
        if layer.colour_by is not None:
            said = {entry.value: entry.colour for entry in layer.legend if entry.value is not None}
            assert dict(layer.colour_by.colours).items() <= said.items(), layer.id


@every_module
def test_the_screen_is_told_plain_json(key):
    for layer in module_of(key).map_layers:
        if isinstance(layer.source, LiveAssets) and layer.source.kind not in {kind.key for kind in kinds()}:
            continue  # the dummy's own kind is not registered with the platform
        told = json.loads(json.dumps(describe(layer)))
        assert told["style"]["deck"]["id"] == layer.id
        assert told["style"]["deck"]["@@type"] == layer.style.deck_layer


def snapshot(facts):
    return {name: copy.deepcopy(getattr(facts, name)) for name in facts.__dataclass_fields__}


def alike(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if hasattr(one, "__dataclass_fields__"):
        return all(alike(getattr(one, name), getattr(other, name)) for name in one.__dataclass_fields__)
    return np.array_equal(np.asarray(one), np.asarray(other), equal_nan=getattr(one, "dtype", None) in (float, "f4"))


@every_rule
def test_a_rule_is_pure(rule):
    """Without a database, twice on the same facts: the same verdicts, about these facts, which it left alone."""
    codes = [kind.code for kind in kinds() if not rule.kinds or kind.key in rule.kinds] or [1]
    for n in (0, 1, 200):
        facts = random_facts(n, codes)
        before, parameters = snapshot(facts), rule.settled({})
        first, second = rule.judge(facts, parameters), rule.judge(facts, dict(parameters))
        assert isinstance(first, Verdicts)
        assert alike(first, second), rule.id
        assert alike(before, snapshot(facts)), f"{rule.id} changed its facts"
        assert ((first.row >= -1) & (first.row < n)).all()
        assert np.isin(first.area, [0, *facts.areas.id]).all()
        assert set(first.evidence) <= {each.key for each in rule.evidence}, f"{rule.id}: name its evidence"


@pytest.mark.parametrize("grid", [g for key in INSTALLED for g in module_of(key).grids], ids=lambda grid: grid.id)
def test_an_index_is_pure_and_cell_by_cell(grid):
    """Given some of the cells it says of them what it says of them among all: else only some could not be computed."""
    rng = np.random.default_rng(4)
    values = {factor.key: np.where(rng.random(300) < 0.2, np.nan, rng.uniform(0, 3, 300)) for factor in grid.factors}
    part = rng.random(300) < 0.3
    few = {key: column[part] for key, column in values.items()}
    for key, index in grid.indices().items():
        before = {name: column.copy() for name, column in values.items()}
        made, made_of_few = index.compute(values), index.compute(few)
        assert np.allclose(made[part], made_of_few, equal_nan=True), key
        assert alike(before, values), f"{grid.id}: {key} changed what it was given"
        values[key], few[key] = made, made_of_few


@every_module
def test_what_judges_reaches_for_no_clock_network_or_table(key):
    path = folder_of(key) / "rules.py"
    if not path.exists():
        assert not module_of(key).rules, "a module's rules live in rules.py"
        return
    for name in imports(path):
        parts = name.split(".")
        assert parts[0] not in NOT_IN_RULES, f"{path} imports {name}"
        assert parts[:2] != ["django", "db"], f"{path} imports {name}"
    assert not CLOCKS & set(called(path)), f"{path} looks at the clock: facts.now_us has the moment"
    assert not MANAGERS & set(attributes(path)), f"{path} asks the database: read tables in a rule's attributes"


@every_installed_module
def test_a_register_is_on_the_desk_within_scope_and_audited(key):
    for register in module_of(key).registers:
        shown = admin.site._registry.get(register.model)
        assert isinstance(shown, ScopedAdminMixin), f"{register.id}: no scoped admin page"
        assert is_audited(register.model), f"{register.id}: its model's manager must come from ScopedQuerySet"


@every_installed_module
def test_it_brings_its_own_tests(key):
    assert list((LAYERS / key / "tests").glob("test_*.py"))


def test_it_could_start_and_lacks_no_migration(db):
    """The platform with the modules that are here; copies of the checkout ask it with others."""
    call_command("check")
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@every_installed_module
def test_its_tables_are_known_to_the_migrations_of_those_who_require_it_alone(key):
    """Others must be made where it is not; what Python imports says nothing of SQL."""
    tables = {model._meta.db_table for model in apps.get_app_config(key).get_models(include_auto_created=True)}
    requiring = {key, *(other for other in INSTALLED if key in module_of(other).requires)}
    for path in (path for floor in (*FLOORS, "layers") for path in (ROOT / floor).rglob("migrations/*.py")):
        if path.parent.parent not in {LAYERS / each for each in requiring}:
            assert not tables & set(re.findall(r"\w+", path.read_text(encoding="utf-8"))), path


def topics_of(table):
    """Topics that the table's triggers touch."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgargs FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", [table])
        return {bytes(arguments).rstrip(b"\0").decode() for (arguments,) in cursor.fetchall()}


@every_installed_module
def test_what_is_drawn_from_a_table_knows_when_the_table_changes(key, db):
    for layer in module_of(key).map_layers:
        if isinstance(layer.source, Rows):
            told = topics_of(layer.source.model._meta.db_table)
            assert told & set(layer.source.topics), f"{layer.id}: no touch_trigger on its table for any of its topics"


@every_installed_module
def test_every_map_layer_answers(key, db):
    """Tiles, counts and export read the same declaration: its SQL must be true of the tables."""
    user = User.objects.create_user("u")
    Grant.objects.create(user=user, role="city")
    client = Client()
    client.force_login(user)
    module = module_of(key)
    assert {each["id"] for each in client.get("/api/v1/layers").json()} >= {layer.id for layer in module.map_layers}
    for layer in module.map_layers:
        assert count(layer, WHOLE_CITY).total == 0
        assert client.get(f"/api/v1/layers/{layer.id}/statistics").status_code == 200
        tiled = tile_layer(layer)
        if isinstance(tiled, TileLayer):
            zoom = max(tiled.min_zoom, 9)
            assert render_tile(tiled, zoom, 428 << zoom - 9, 209 << zoom - 9, tiled.scope_clause(WHOLE_CITY)) == b""
        address = "/layers/export?bbox=121,31,122,32&layers=" + layer.id
        assert client.get(address).status_code == 200
    told = next(each for each in client.get("/api/v1/modules").json() if each["key"] == key)
    assert len(told["menu"]) == len(module.menu)


def test_no_two_kinds_share_a_code():
    brought = [*kinds(), *module_of(DUMMY).kinds]
    assert max(Counter(kind.code for kind in brought).values(), default=1) == 1
