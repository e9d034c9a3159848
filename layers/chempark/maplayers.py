"""What the chemical park adds to the map."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from layers.chempark.attributes import TOPIC
from layers.chempark.models import Plant, TagHolder, Zone
from layers.contract import (
    Areas,
    CardField,
    ColourBy,
    Filter,
    FilterOption,
    HeatStyle,
    IconStyle,
    LegendEntry,
    LiveAssets,
    MapLayer,
    PolygonStyle,
    Rows,
    Token,
    VolumeStyle,
)
from layers.contract import CardFormat as Format
from twin.kinds import PERSON
from twin.models import Area

GROUP = _("化工园区")
_HAZARD = Plant.Hazard

PLANTS = MapLayer(
    id="chempark.plants",
    title=_("化工企业"),
    group=GROUP,
    source=Rows(
        Plant,
        "organization__site",
        ("organization__name", "organization__region__name", "hazard"),
        (TOPIC, "organizations", "regions"),
    ),
    style=PolygonStyle(
        colour=ColourBy(
            "hazard",
            (
                (_HAZARD.ONE.value, Token.RED),
                (_HAZARD.TWO.value, Token.ORANGE),
                (_HAZARD.THREE.value, Token.YELLOW),
                (_HAZARD.FOUR.value, Token.BLUE),
            ),
            other=Token.QUIET,
        ),
        fill_opacity=0.06,
    ),
    legend=(
        LegendEntry(_("一级重大危险源"), Token.RED, _HAZARD.ONE.value),
        LegendEntry(_("二级重大危险源"), Token.ORANGE, _HAZARD.TWO.value),
        LegendEntry(_("三级重大危险源"), Token.YELLOW, _HAZARD.THREE.value),
        LegendEntry(_("四级重大危险源"), Token.BLUE, _HAZARD.FOUR.value),
        LegendEntry(_("不构成重大危险源"), Token.QUIET, _HAZARD.NONE.value),
    ),
    card=(
        CardField("organization__name", _("单位")),
        CardField("organization__region__name", _("行政区")),
        CardField("hazard", _("重大危险源等级")),
    ),
    filters=(Filter("hazard", _("重大危险源等级"), tuple(FilterOption(each.value, each.label) for each in _HAZARD)),),
    search=("organization__name",),
)

ZONES = MapLayer(
    id="chempark.zones",
    title=_("人员区域"),
    group=GROUP,
    source=Rows(
        Zone,
        "area__boundary",
        (
            *("area__name", "plant__organization__name", "most_people", "least_people", "gathering_people"),
            *("stay_limit_min", "post", "post_people"),
        ),
        (TOPIC, "areas", "organizations", "regions"),
        where=(("area__active", True),),
    ),
    style=PolygonStyle(colour=Token.ACCENT, fill_opacity=0.08),
    card=(
        CardField("area__name", _("名称")),
        CardField("plant__organization__name", _("化工企业")),
        CardField("most_people", _("人数上限"), _("人"), Format.NUMBER),
        CardField("least_people", _("人数下限"), _("人"), Format.NUMBER),
        CardField("gathering_people", _("聚集人数"), _("人"), Format.NUMBER),
        CardField("stay_limit_min", _("允许停留"), "min", Format.NUMBER),
        CardField("post", _("岗位")),
        CardField("post_people", _("在岗人数"), _("人"), Format.NUMBER),
    ),
    search=("area__name",),
    min_zoom=10,
)

ZONE_VOLUMES = MapLayer(
    id="chempark.zone_volumes",
    title=_("人员区域（立体）"),
    group=GROUP,
    source=Areas((Area.Kind.ZONE.value,)),
    style=VolumeStyle(colour=Token.ACCENT, opacity=0.18),
    card=(CardField("name", _("名称")), CardField("version", _("版本"))),
    visible=False,
    min_zoom=10,
)

PEOPLE = MapLayer(
    id="chempark.people",
    title=_("持卡人员"),
    group=GROUP,
    source=LiveAssets(PERSON.key, register=TagHolder),
    style=IconStyle(size_px=20, turns=False),
    card=(
        CardField("code", _("标签编号")),
        CardField("name", _("名称")),
        CardField("owner.name", _("所属单位")),
        CardField("region.name", _("当前区域")),
        CardField("state.status", _("状态"), format=Format.STATUS),
        CardField("state.time", _("定位时间"), format=Format.TIME),
        CardField("state.alt_m", _("高度"), "m", Format.NUMBER),
        CardField("register.name", _("姓名")),
        CardField("register.post", _("岗位")),
        CardField("register.plant__organization__name", _("作业企业")),
        CardField("register.employer__name", _("用人单位")),
    ),
    search=("code", "name", "owner__name"),
)

PEOPLE_HEAT = MapLayer(
    id="chempark.heat",
    title=_("人员热力图"),
    group=GROUP,
    source=LiveAssets(PERSON.key),
    style=HeatStyle(radius_px=30),
    visible=False,
)

MAP_LAYERS = (PLANTS, ZONES, ZONE_VOLUMES, PEOPLE, PEOPLE_HEAT)
