"""The collections (数据集) there are: regions, areas, alerts, live things by kind, and every map layer of a module.

Each stands on a :class:`gis.tiles.TileLayer`: the same SQL, scope and limits that its vector tiles have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from django.db import connection
from django.utils.translation import gettext as _

from command.maplayers import ALERTS
from gis.maplayers import REGIONS
from gis.tiles import TileLayer
from layers.contract import MapLayer
from layers.ogc.exceptions import NotFoundError
from layers.registry import registry
from layers.sources import GridCells, LiveAssets
from layers.tiles import tile_layer
from twin.kinds import AssetKind, kind_of, kinds
from twin.maplayers import AREAS, live_layer

POINT, LINE, POLYGON = "point", "path", "polygon"
_INSTANTS = {"alerts": "c.raised_at"}
# Type numbers of PostgreSQL's system catalogue.
_TYPES = {16: "boolean", 20: "integer", 21: "integer", 23: "integer", 700: "number", 701: "number", 1700: "number"}
_TYPES |= {1082: "date", 1114: "timestamp", 1184: "timestamp", 114: "object", 3802: "object"}
TEXT = "text"


@dataclass(frozen=True)
class Property:
    """One property of a collection's features: its SQL, and what sort of value it has."""

    name: str
    title: str
    sql: str
    kind: str
    """``text``, ``integer``, ``number``, ``boolean``, ``date``, ``timestamp`` or ``object``."""

    @property
    def queryable(self) -> bool:
        """Whether filters may ask for it."""
        return self.kind != "object"


@dataclass(frozen=True)
class Collection:
    """A set of features.

    Attributes
    ----------
    id, title, description : str
        Its address and its names.
    layer : TileLayer
        Where its rows come from, and who sees which.
    shape : str
        ``point``, ``path`` or ``polygon``.
    instant : str
        SQL of the time of a feature; empty: features have none.
    titles : tuple of (str, str)
        Names for people of some properties.
    more : tuple of (str, str)
        Properties besides those in tiles, and their SQL.
    """

    id: str
    title: str
    description: str
    layer: TileLayer
    shape: str
    instant: str = ""
    titles: tuple[tuple[str, str], ...] = ()
    more: tuple[tuple[str, str], ...] = ()

    def properties(self) -> tuple[Property, ...]:
        """Its features' properties with their types."""
        declared = (*self.layer.properties, *self.more)
        names = dict(self.titles)
        types = _column_types(self.layer.source, tuple(sql for _name, sql in declared))
        return tuple(
            Property(name, names.get(name, name), sql, kind) for (name, sql), kind in zip(declared, types, strict=True)
        )


@lru_cache(maxsize=256)
def _column_types(source: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    """What sort of values these columns have: the database knows, and is asked once."""
    with connection.cursor() as cursor:
        # Declarations, written by developers.
        cursor.execute(f"SELECT {', '.join(columns)} FROM {source} LIMIT 0")  # noqa: S608
        return tuple(_TYPES.get(column.type_code, TEXT) for column in cursor.description)


def collections() -> dict[str, Collection]:
    """Every collection by its id, in the order of the layer tree."""
    return {name: make() for name, make in _makers().items()}


def collection_of(name: str) -> Collection:
    """The collection of that id.

    Raises
    ------
    NotFoundError
        There is none.
    """
    make = _makers().get(name)
    if make is None:
        raise NotFoundError(_("没有名为“%(name)s”的数据集") % {"name": name[:80]})
    return make()


def _makers() -> dict[str, Callable[[], Collection]]:
    """What makes each: most requests want one, and to say all their names in somebody's language takes milliseconds."""
    found: dict[str, Callable[[], Collection]] = {"regions": _regions, "areas": _areas, "alerts": _alerts}
    found |= {f"assets.{kind.key}": partial(_of_kind, kind) for kind in kinds()}
    # Risk grids are coverages, not features: they go out as GeoTIFF and GeoParquet.
    layers = (layer for layer in registry.map_layers() if not isinstance(layer.source, GridCells))
    return found | {layer.id: partial(_of_layer, layer) for layer in layers}


def _regions() -> Collection:
    text = _("市、区县、街镇、园区的边界。")
    return Collection("regions", _("行政区"), text, REGIONS, POLYGON, titles=_region_titles())


def _areas() -> Collection:
    return Collection("areas", _("区域"), _("启用中的围栏、重点区域和人员区域。"), AREAS, POLYGON, titles=_titles())


def _alerts() -> Collection:
    text = _("规则产生的预警，位置为产生时所在处。")
    return Collection("alerts", _("预警"), text, ALERTS, POINT, _INSTANTS["alerts"], _alert_titles())


def _of_kind(kind: AssetKind) -> Collection:
    text = _("在用的%(kind)s，位置为最近一次上报处。") % {"kind": kind.name}
    return _live(f"assets.{kind.key}", str(kind.name), text, kind.key, _titles())


def _of_layer(layer: MapLayer) -> Collection:
    titles = (*_titles(), *((field.field, str(field.title)) for field in layer.card))
    text = _("图层“%(title)s”，归在“%(group)s”下。") % {"title": layer.title, "group": layer.group}
    if isinstance(layer.source, LiveAssets):
        return _live(layer.id, str(layer.title), text, layer.source.kind, titles)
    tiled = tile_layer(layer)
    assert tiled is not None  # only live layers and grids have none
    return Collection(layer.id, str(layer.title), text, tiled, layer.source.shape, titles=titles)


def _live(name: str, title: str, text: str, kind: str, titles: tuple[tuple[str, str], ...]) -> Collection:
    layer = replace(live_layer(kind_of(kind), name), title=title)
    return Collection(name, title, text, layer, POINT, "s.ts", titles, (("attrs", "s.attrs"),))


def _titles() -> tuple[tuple[str, str], ...]:
    return (
        *(("code", _("编号")), ("name", _("名称")), ("kind", _("类别")), ("version", _("版本"))),
        *(("owner", _("所属单位")), ("owner__name", _("所属单位")), ("region", _("区划代码")), ("status", _("状态"))),
        *(("time", _("定位时间")), ("alt_m", _("高度（米）")), ("speed_m_s", _("速度（米/秒）"))),
        *(("heading_deg", _("航向（度）")), ("attrs", _("属性")), ("z_min_m", _("底高（米）"))),
        ("z_max_m", _("顶高（米）")),
    )


def _region_titles() -> tuple[tuple[str, str], ...]:
    return (
        *(("code", _("区划代码")), ("name", _("名称"))),
        *(("name_en", _("英文名称")), ("level", _("级别"))),
    )


def _alert_titles() -> tuple[tuple[str, str], ...]:
    return (
        *(("rule", _("规则")), ("grade", _("等级")), ("state", _("状态")), ("subject", _("主体"))),
        *(("owner", _("所属单位")), ("region", _("区划代码")), ("raised_at", _("产生时间"))),
        *(("cause_ended_at", _("起因消除时间")), ("acknowledged_at", _("确认时间"))),
        *(("disposed_at", _("处置时间")), ("closed_at", _("关闭时间"))),
    )
