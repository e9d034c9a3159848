"""视频监控: the module's manifest."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from layers.contract import LayerModule, MenuEntry
from layers.video.maplayers import MAP_LAYERS
from layers.video.rules import RULES

LAYER = LayerModule(
    key="video",
    title=_("视频监控"),
    map_layers=MAP_LAYERS,
    rules=RULES,
    menu=(MenuEntry("video.channels", _("视频通道"), "admin:media_channel_changelist"),),
)
