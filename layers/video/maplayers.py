"""Cameras on the map."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from layers.contract import CardField, IconStyle, LiveAssets, MapLayer
from layers.contract import CardFormat as Format
from media.kinds import CAMERA

CAMERAS = MapLayer(
    id="video.cameras",
    title=_("摄像机"),
    group=_("视频监控"),
    source=LiveAssets(CAMERA.key),
    style=IconStyle(turns=False),
    card=(
        CardField("code", _("编号")),
        CardField("name", _("名称")),
        CardField("owner.name", _("所属单位")),
        CardField("region.name", _("当前区域")),
        CardField("state.status", _("状态"), format=Format.STATUS),
        CardField("state.time", _("定位时间"), format=Format.TIME),
    ),
    search=("code", "name", "owner__name"),
)
MAP_LAYERS = (CAMERAS,)
