"""What hot work adds to the map."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from gis.tiles import TileLayer
from layers.contract import (
    Areas,
    CardField,
    DistrictColourStyle,
    HeatStyle,
    IconStyle,
    LiveAssets,
    MapLayer,
    PointStyle,
    PolygonStyle,
    Rows,
    TileSource,
    Token,
    VolumeStyle,
)
from layers.contract import CardFormat as Format
from layers.hotwork.attributes import TOPIC
from layers.hotwork.models import HotworkFirm, Machine
from twin.kinds import MACHINE
from twin.maplayers import AREAS
from twin.models import Area

GROUP = _("动火作业")
_MACHINES_AT = "SELECT %s FROM hotwork_machine AS m WHERE m.site_id = a.id"

FIRMS = MapLayer(
    id="hotwork.firms",
    title=_("涉焊单位"),
    group=GROUP,
    source=Rows(
        HotworkFirm,
        "place",
        ("organization__name", "organization__region__name", "trade", "licence_number", "licence_valid_to"),
        (TOPIC, "organizations", "regions"),
    ),
    style=PointStyle(colour=Token.ACCENT, radius_px=5),
    card=(
        CardField("organization__name", _("单位")),
        CardField("organization__region__name", _("行政区")),
        CardField("trade", _("行业")),
        CardField("licence_number", _("许可证编号")),
        CardField("licence_valid_to", _("许可证有效期至")),
    ),
    search=("organization__name", "licence_number"),
)

_MACHINE_CARD = (
    CardField("code", _("编号")),
    CardField("name", _("名称")),
    CardField("owner.name", _("所属单位")),
    CardField("region.name", _("当前区域")),
    CardField("state.status", _("状态"), format=Format.STATUS),
    CardField("state.time", _("定位时间"), format=Format.TIME),
    CardField("state.attrs.current_a", _("焊接电流"), "A", Format.NUMBER),
    CardField("state.attrs.voltage_v", _("焊接电压"), "V", Format.NUMBER),
    CardField("state.attrs.gas_l_min", _("保护气流量"), "L/min", Format.NUMBER),
    CardField("state.attrs.gas_pct", _("保护气余量"), "%", Format.NUMBER),
    CardField("register.welder__name", _("当班焊工")),
    CardField("register.firm__organization__name", _("使用单位")),
    CardField("register.site__name", _("登记工地")),
    CardField("register.model", _("型号")),
    CardField("register.serial", _("出厂编号")),
)

MACHINES = MapLayer(
    id="hotwork.machines",
    title=_("焊机"),
    group=GROUP,
    source=LiveAssets(MACHINE.key, register=Machine),
    style=IconStyle(turns=False),
    card=_MACHINE_CARD,
    search=("code", "name", "owner__name"),
)

MACHINE_HEAT = MapLayer(
    id="hotwork.heat",
    title=_("焊机热力图"),
    group=GROUP,
    source=LiveAssets(MACHINE.key),
    style=HeatStyle(),
    visible=False,
)

MACHINE_DISTRICTS = MapLayer(
    id="hotwork.districts",
    title=_("焊机分区色块图"),
    group=GROUP,
    source=LiveAssets(MACHINE.key),
    style=DistrictColourStyle(colour=Token.ORANGE),
    visible=False,
)

# Where work is registered to happen is an area that some machine is registered for: which those are, only the
# register of machines knows.
_WORK_AREAS = TileLayer(
    name="hotwork.work_areas",
    title=_("作业区域"),
    source=AREAS.source,
    geometry=AREAS.geometry,
    properties=(*AREAS.properties, ("machines", f"({_MACHINES_AT % 'count(*)'})")),
    topics=(*AREAS.topics, TOPIC),
    feature_id=AREAS.feature_id,
    where=f"{AREAS.where} AND EXISTS ({_MACHINES_AT % '1'})",
    scope_organization=AREAS.scope_organization,
    scope_regions=AREAS.scope_regions,
    min_zoom=AREAS.min_zoom,
    max_zoom=AREAS.max_zoom,
)

WORK_AREAS = MapLayer(
    id="hotwork.work_areas",
    title=_("作业区域"),
    group=GROUP,
    source=TileSource(_WORK_AREAS, "polygon"),
    style=PolygonStyle(colour=Token.ACCENT, fill_opacity=0.16),
    card=(CardField("name", _("名称")), CardField("machines", _("登记焊机"), _("台"), Format.NUMBER)),
    min_zoom=9,
)

FENCES = MapLayer(
    id="hotwork.fences",
    title=_("电子围栏"),
    group=GROUP,
    source=Areas((Area.Kind.FENCE.value,)),
    style=VolumeStyle(colour=Token.QUIET, opacity=0.15, height_m=12),
    card=(CardField("name", _("名称")), CardField("version", _("版本"))),
    search=("name",),
    min_zoom=9,
)

KEY_AREAS = MapLayer(
    id="hotwork.key_areas",
    title=_("重点区域"),
    group=GROUP,
    source=Areas((Area.Kind.KEY_AREA.value,)),
    style=PolygonStyle(colour=Token.ORANGE, hatched=True),
    card=(CardField("name", _("名称")), CardField("version", _("版本"))),
    search=("name",),
    min_zoom=8,
)

MAP_LAYERS = (WORK_AREAS, FENCES, KEY_AREAS, FIRMS, MACHINES, MACHINE_HEAT, MACHINE_DISTRICTS)
