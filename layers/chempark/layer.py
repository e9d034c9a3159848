"""化工园区: the module's manifest."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from layers.chempark.demo import fill
from layers.chempark.maplayers import MAP_LAYERS, PEOPLE, PLANTS
from layers.chempark.models import Plant, TagHolder, Zone
from layers.chempark.rules import RULES
from layers.contract import Chart, LayerModule, MenuEntry, Panel, Place, Register, StatisticsBy, Status

# A tag that is heard is worn by somebody at work; one that is silent or off is nobody's sign of life.
_HEARD = (Status.IDLE, Status.WORKING, Status.ALERT)

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
        Panel("chempark.by_state", _("人员状态"), PEOPLE.id, unit=_("人")),
        Panel("chempark.by_hazard", _("重大危险源企业"), PLANTS.id, unit=_("家")),
        Panel("chempark.by_district", _("各区人员"), PEOPLE.id, StatisticsBy.DISTRICT, Place.BELOW, _("人")),
    ),
    charts=(Chart("chempark.present", _("园区在岗人数 24 小时"), PEOPLE.id, _HEARD, _("人")),),
    menu=(MenuEntry("chempark.zone_page", _("人员区域与限值"), "admin:chempark_zone_changelist"),),
    demo=fill,
)
