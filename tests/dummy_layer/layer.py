"""Kites, and the areas they may not fly in."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from layers.contract import (
    Areas,
    AssetKind,
    CardField,
    HeatStyle,
    IconStyle,
    LayerModule,
    LiveAssets,
    MapLayer,
    Panel,
    StatisticsBy,
    Token,
    VolumeStyle,
)
from tests.dummy_layer.rules import TOO_HIGH

LAYER = LayerModule(
    key="dummy_layer",
    title=_("风筝"),
    kinds=(AssetKind("kite", 201, _("风筝"), "drone", silent_after_s=30, retention_days=7),),
    map_layers=(
        MapLayer(
            id="dummy_layer.kites",
            title=_("风筝"),
            group=_("飞行"),
            source=LiveAssets("kite"),
            style=IconStyle(size_px=28, deck={"sizeMinPixels": 8}),
            card=(CardField("state.alt_m", _("高度"), "m"), CardField("state.attrs.line_m", _("线长"), "m")),
            search=("owner__name",),
        ),
        MapLayer(
            id="dummy_layer.crowd",
            title=_("风筝密度"),
            group=_("飞行"),
            source=LiveAssets("kite"),
            style=HeatStyle(),
            visible=False,
        ),
        MapLayer(
            id="dummy_layer.no_kites",
            title=_("禁放区"),
            group=_("飞行"),
            source=Areas(("fence",)),
            style=VolumeStyle(colour=Token.ORANGE),
        ),
    ),
    rules=(TOO_HIGH,),
    panels=(Panel("dummy_layer.by_district", _("各区风筝"), "dummy_layer.kites", StatisticsBy.DISTRICT),),
)
