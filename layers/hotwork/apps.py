"""The module's Django app."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from layers.modules import ModuleConfig


class HotworkConfig(ModuleConfig):
    """动火作业."""

    name = "layers.hotwork"
    label = "hotwork"
    verbose_name = _("动火作业")

    def ready(self) -> None:
        """Besides, keep the control records while positions are stored."""
        from layers.hotwork.records import WorkRecorder
        from twin.observers import register_observer

        super().ready()
        register_observer(WorkRecorder)
