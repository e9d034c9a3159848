"""动火作业: the module's manifest."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from layers.contract import Chart, LayerModule, MenuEntry, Panel, Place, Register, StatisticsBy, Status
from layers.hotwork.demo import fill
from layers.hotwork.grids import RISK
from layers.hotwork.maplayers import MACHINES, MAP_LAYERS
from layers.hotwork.models import ControlRecord, HotworkFirm, ImportantPeriod, KeyArea, Machine, Welder
from layers.hotwork.rules import RULES

LAYER = LayerModule(
    key="hotwork",
    title=_("动火作业"),
    map_layers=MAP_LAYERS,
    rules=RULES,
    registers=(
        Register("hotwork.firm_register", _("涉焊单位"), HotworkFirm),
        Register("hotwork.machine_register", _("焊机"), Machine),
        Register("hotwork.welder_register", _("焊工"), Welder),
        Register("hotwork.key_area_register", _("重点区域"), KeyArea),
        Register("hotwork.period_register", _("重要时段"), ImportantPeriod),
        Register("hotwork.control_record_register", _("重点区域作业管控记录"), ControlRecord),
    ),
    panels=(
        Panel("hotwork.by_state", _("焊机状态"), MACHINES.id, unit=_("台")),
        Panel("hotwork.by_district", _("各区焊机"), MACHINES.id, StatisticsBy.DISTRICT, Place.BELOW, _("台")),
    ),
    charts=(Chart("hotwork.working", _("作业焊机数 24 小时"), MACHINES.id, (Status.WORKING,), _("台")),),
    menu=(MenuEntry("hotwork.records", _("管控记录"), "admin:hotwork_controlrecord_changelist"),),
    grids=(RISK,),
    demo=fill,
)
