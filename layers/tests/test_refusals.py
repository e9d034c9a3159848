"""What breaks the contract stops the start, with the module's name and the cure."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from gis.tiles import TileLayer
from layers.contract import (
    BY_STATUS,
    Areas,
    AssetKind,
    CardField,
    Chart,
    ColourBy,
    DistrictColourStyle,
    Filter,
    FilterOption,
    HeatStyle,
    IconStyle,
    LayerModule,
    LegendEntry,
    LiveAssets,
    MapLayer,
    Panel,
    PathStyle,
    PointStyle,
    PolygonStyle,
    Register,
    Rows,
    Status,
    TileSource,
    Token,
    VolumeStyle,
)
from layers.exceptions import (
    ContractError,
    DeclarationError,
    DuplicateIdError,
    FrozenRegistryError,
    MissingRequirementError,
    ModuleImportError,
    StylePropertyError,
)
from layers.importing import importing
from layers.registry import ModuleRegistry
from twin.models import Area, Asset, State

MACHINES = LiveAssets("machine")


def layer(**fields):
    plain = {"id": "kites.all", "title": "风筝", "group": "风筝", "source": MACHINES, "style": IconStyle()}
    return MapLayer(**{**plain, **fields})


def module(key="kites", **fields):
    return LayerModule(key=key, title="风筝", **fields)


def chart(of, states=(Status.WORKING,), unit="架"):
    return Chart("kites.chart", "风筝 24 小时", of, states, unit)


def tiles(name="kites.all"):
    return TileLayer(
        name=name, title="t", source="geo_region AS r", geometry="r.boundary", properties=(("code", "r.code"),),
        topics=("regions",), feature_id="r.id", open_to_all=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("make", "kind", "said"),
    [
        (lambda: IconStyle(deck={"sizeScal": 2}), StylePropertyError, "write 'sizeScale'"),
        (lambda: PolygonStyle(deck={"getFilColor": 2}), StylePropertyError, "write 'getFillColor'"),
        (lambda: HeatStyle(deck={"data": []}), StylePropertyError, "leave it out"),
        (lambda: IconStyle(deck={"onHover": 1}), StylePropertyError, "no property 'onHover'"),
        (lambda: IconStyle(size_px=1000), StylePropertyError, "from 4 to 128"),
        (lambda: VolumeStyle(height_m=0), StylePropertyError, "from 1 to 1000"),
        (lambda: PathStyle(width_px=-1), StylePropertyError, "from 0.5"),
        (lambda: DistrictColourStyle(most_opacity=2), StylePropertyError, "from 0.1 to 1"),
        (lambda: PointStyle(colour="#ff0000"), StylePropertyError, "layers.contract.Token"),
        (lambda: ColourBy("status", ()), StylePropertyError, "one colour"),
        (lambda: ColourBy("status", ((1, "red"),)), StylePropertyError, "layers.contract.Token"),
        (lambda: layer(id="Kites.all"), DeclarationError, "module.name"),
        (lambda: layer(style=PolygonStyle()), DeclarationError, "cannot draw a source of shape 'point'"),
        (lambda: layer(style="icon"), DeclarationError, "use one of layers.styles"),
        (lambda: layer(style=PointStyle(colour=ColourBy("hue", ((1, Token.RED),)))), DeclarationError, "name one of"),
        (lambda: layer(card=(CardField("state.sped", "速度"),)), DeclarationError, "state.attrs.<name>"),
        (lambda: layer(card=(CardField("register.serial", "编号"),)), DeclarationError, "without a register"),
        (lambda: LiveAssets("machine", register=Area), DeclarationError, "OneToOneField to twin.Asset"),
        (lambda: LiveAssets("machine", register=State), DeclarationError, "belong to no scope"),
        (lambda: layer(search=("nam",)), DeclarationError, "name one of code, name"),
        (
            lambda: layer(filters=(Filter("colour", "色", (FilterOption(1, "一"), FilterOption(2, "二"))),)),
            DeclarationError,
            "name one of silent, status",
        ),
        (
            lambda: layer(filters=(Filter("status", "状态", (FilterOption(0, "一"), FilterOption(1, "二"))),)),
            DeclarationError,
            "without silence",
        ),
        (lambda: Filter("status", "状态", (FilterOption(1, "一"),)), DeclarationError, "fewer than two"),
        (lambda: chart("kites.all", states=()), DeclarationError, "a chart of no state"),
        (lambda: chart("kites.all", unit=""), DeclarationError, "without a unit"),
        (lambda: layer(min_zoom=12, max_zoom=9), DeclarationError, "0 to 24"),
        (
            lambda: layer(legend=(LegendEntry("作业中", Token.WORKING, 1),)),
            DeclarationError,
            "does not say what status = 0, 2, 3, 'silent' means",
        ),
        (lambda: Areas(("fense",)), DeclarationError, "fence"),
        (lambda: TileSource(tiles(), "blob"), DeclarationError, "point, path or polygon"),
        (
            lambda: layer(source=TileSource(tiles("kites.other"), "polygon"), style=PolygonStyle()),
            DeclarationError,
            "name the TileLayer 'kites.all'",
        ),
        (lambda: Rows(State, "lon", ("lat",), ("assets",)), DeclarationError, "scope_paths"),
        (lambda: Rows(Asset, "name", ("code",), ("assets",)), DeclarationError, "no geometry to draw"),
        (lambda: Rows(Area, "boundry", ("name",), ("areas",)), DeclarationError, "write 'boundary'"),
        (lambda: Rows(Area, "boundary", ("owner__nam",), ("areas",)), DeclarationError, "write 'name'"),
        (lambda: Rows(Area, "boundary", ("name__x",), ("areas",)), DeclarationError, "follow foreign keys"),
        (lambda: Rows(Area, "boundary", ("name",), ()), DeclarationError, "touch_trigger"),
        (lambda: Rows(Area, "boundary", (), ("areas",)), DeclarationError, "no property"),
        (lambda: module(key="Kites"), DeclarationError, "small letters"),
        (lambda: module(requires=("kites",)), DeclarationError, "requires itself"),
        (lambda: module(map_layers=(layer(id="other.all"),)), DeclarationError, "begin it with 'kites.'"),
        (lambda: module(map_layers=(layer(), layer())), DuplicateIdError, "'kites.all' is declared twice"),
        (lambda: module(registers=(Register("kites.r", "台账", Area),)), DeclarationError, "a model of its own"),
    ],
)  # fmt: skip
def test_a_declaration_that_cannot_work_says_what_cures_it(make, kind, said):
    with pytest.raises(kind) as refusal:
        make()
    assert isinstance(refusal.value, ImproperlyConfigured)
    assert said in str(refusal.value)


def test_an_area_layer_and_a_live_layer_get_what_they_do_not_name():
    assert [entry.value for entry in layer().legend] == [0, 1, 2, 3, "silent"]
    assert [chosen.field for chosen in layer().filters] == ["status"]
    assert layer().colour_by is BY_STATUS
    areas = layer(source=Areas(("fence",)), style=PolygonStyle())
    assert (len(areas.legend), areas.filters) == (1, ())


def registered(*modules):
    registry = ModuleRegistry()
    for each in modules:
        registry.register(each.key, each)
    registry.freeze()
    return registry


def test_modules_come_after_those_they_require():
    registry = registered(module("alpha", requires=("zeta",)), module("beta"), module("zeta", requires=("beta",)))
    assert [each.key for each in registry.modules()] == ["beta", "zeta", "alpha"]


KITE = AssetKind("kite", 210, "风筝", "drone", 30, 7)


@pytest.mark.parametrize(
    ("modules", "kind", "said"),
    [
        ([module(requires=("winds",))], MissingRequirementError, "put the folder layers/winds back"),
        (
            [module("alpha", requires=("beta",)), module("beta", requires=("alpha",))],
            MissingRequirementError,
            "requirements go round",
        ),
        ([module(kinds=(AssetKind("kite", 1, "风筝", "drone", 30, 7),))], DuplicateIdError, "collides with 'machine'"),
        (
            [module("alpha", kinds=(KITE,)), module("beta", kinds=(AssetKind("kite", 211, "风筝", "drone", 30, 7),))],
            DuplicateIdError,
            "'kite'",
        ),
        ([module(map_layers=(layer(source=LiveAssets("kyte")),))], DeclarationError, "name one of"),
        (
            [module("alpha", kinds=(KITE,)), module(map_layers=(layer(source=LiveAssets("kite")),))],
            DeclarationError,
            "shows the asset kind 'kite'",
        ),
        ([module(panels=(Panel("kites.p", "面板", "kites.none"),))], DeclarationError, "counts 'kites.none'"),
        ([module(charts=(chart("kites.none"),))], DeclarationError, "of which no history is kept"),
        (
            [module(map_layers=(layer(source=Areas(("fence",)), style=VolumeStyle()),), charts=(chart("kites.all"),))],
            DeclarationError,
            "of which no history is kept",
        ),
        (
            [
                module(
                    map_layers=(layer(source=Areas(("fence",)), style=PolygonStyle()),),
                    panels=(Panel("kites.p", "面板", "kites.all"),),
                )
            ],
            DeclarationError,
            "by state, which its things have not",
        ),
    ],
)
def test_modules_that_do_not_go_together_are_refused(modules, kind, said):
    with pytest.raises(kind) as refusal:
        registered(*modules)
    assert said in str(refusal.value)
    assert refusal.value.subject in {each.key for each in modules}


def test_a_kind_of_a_required_module_may_be_shown():
    taken = registered(
        module("alpha", kinds=(KITE,)), module(requires=("alpha",), map_layers=(layer(source=LiveAssets("kite")),))
    )
    assert taken.map_layer("kites.all").source == LiveAssets("kite")


def test_nothing_is_taken_in_after_the_start():
    registry = registered(module())
    with pytest.raises(FrozenRegistryError):
        registry.register("late", module("late"))


def test_folder_and_key_are_one_name():
    registry = ModuleRegistry()
    with pytest.raises(DeclarationError, match="one name"):
        registry.register("kytes", module())
    registry.register("kites", module())
    with pytest.raises(DuplicateIdError, match="rename one of the folders"):
        registry.register("kites", module())


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (lambda: IconStyle(size=3), "write 'size_px' in place of 'size'"),
        (lambda: layer(zzz=3), "MapLayer takes id, title"),
        (lambda: __import__("layers.winds"), "put the folder layers/winds back"),
        (lambda: __import__("nowhere_at_all"), "take the folder layers/kites out"),
        (lambda: AssetKind("kite", 999, "风筝", "drone", 30, 7), "code must be 1..255"),
    ],
)
def test_whatever_goes_wrong_in_a_file_is_told_with_the_module(work, said):
    with pytest.raises(ModuleImportError) as refusal, importing("kites", "layer.py"):
        work()
    assert refusal.value.subject == "kites"
    assert "layers/kites/layer.py" in str(refusal.value)
    assert said in str(refusal.value)


def test_a_refused_declaration_keeps_its_kind_and_gets_the_module():
    with pytest.raises(StylePropertyError) as refusal, importing("kites", "layer.py"):
        IconStyle(deck={"sizeScal": 2})
    assert refusal.value.subject == "kites"
    assert refusal.value.cure == "write 'sizeScale'"
    assert issubclass(StylePropertyError, ContractError)


ROOT = Path(__file__).resolve().parents[2]
BROKEN = {
    "layer.py": "from layers.kites.nothing import LAYER\n",
    "models.py": "from django.db import modles\n",
    "admin.py": "import nowhere_at_all\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("file", BROKEN)
def test_a_broken_import_stops_the_start(tmp_path, file):
    """The real start of a copy: ``manage.py check`` ends with the module's name and the cure."""
    for name in ("access", "command", "config", "devices", "gis", "layers", "media", "twin", "manage.py"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "hotwork", "chempark")
            )
        else:
            shutil.copy(source, tmp_path / name)
    folder = tmp_path / "layers" / "kites"
    folder.mkdir()
    files = {
        "__init__.py": "",
        "apps.py": """
            from layers.modules import ModuleConfig
            class KitesConfig(ModuleConfig):
                name = "layers.kites"
        """,
        "layer.py": """
            from layers.contract import LayerModule
            LAYER = LayerModule(key="kites", title="风筝")
        """,
        file: BROKEN[file],
    }
    for name, text in files.items():
        (folder / name).write_text(textwrap.dedent(text), encoding="utf-8")
    run = subprocess.run([sys.executable, "manage.py", "check"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode != 0
    last = run.stderr.strip().splitlines()[-1]
    assert f"layer module 'kites': layers/kites/{file} cannot be imported" in last
    assert "Cure: repair the line the traceback names, or take the folder layers/kites out" in last
