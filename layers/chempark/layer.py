"""化工园区: the module's manifest."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from layers.chempark.demo import fill
from layers.chempark.maplayers import MAP_LAYERS, PEOPLE
from layers.chempark.models import Plant, TagHolder, Zone
from layers.chempark.rules import RULES
from layers.contract import LayerModule, MenuEntry, Panel, Register, StatisticsBy

LAYER = LayerModule(
    key="chempark",
    title=_("化工园区"),
    map_layers=MAP_LAYERS,
    rules=RULES,
    registers=(
        Register("chempark.plant_register", _("化工企业"), Plant),
        Register("chempark.zone_register", _("人员区域"), Zone),
        Register("chempark.holder_register", _("持卡人员"), TagHolder),
    ),
    panels=(
        Panel("chempark.by_state", _("人员状态"), PEOPLE.id),
        Panel("chempark.by_district", _("各区人员"), PEOPLE.id, StatisticsBy.DISTRICT),
    ),
    menu=(MenuEntry("chempark.zone_page", _("人员区域与限值"), "admin:chempark_zone_changelist"),),
    demo=fill,
)
