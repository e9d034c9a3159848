"""The module's Django app."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from layers.modules import ModuleConfig


class VideoConfig(ModuleConfig):
    """视频监控."""

    name = "layers.video"
    label = "video"
    verbose_name = _("视频监控")
