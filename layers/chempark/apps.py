"""The module's Django app."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from layers.modules import ModuleConfig


class ChemparkConfig(ModuleConfig):
    """化工园区."""

    name = "layers.chempark"
    label = "chempark"
    verbose_name = _("化工园区")
