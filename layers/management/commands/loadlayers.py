"""``manage.py loadlayers``: let every module add its examples to the demo city."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from access.audit import acting
from command.director import demo as director_demo
from devices.management.examples import ExamplesCommand
from layers.registry import registry


class Command(ExamplesCommand):
    """Loads the modules' demo; running it again changes nothing."""

    help = "把各图层模块的示例数据装入已载入的城市（在 loaddemo 之后运行，重复执行不改变已有内容）"

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask each module, those it requires first."""
        city, seed = self.city_and_seed(options)
        for module in registry.modules():
            if module.demo is None:
                continue
            with acting("loadlayers"), transaction.atomic():
                module.demo(city, seed)
            self.stdout.write(_("%(module)s：示例已装入") % {"module": module.title})
        with acting(director_demo.LOADER), transaction.atomic():
            if director_demo.fill(city, [layer.id for layer in registry.map_layers() if layer.visible]):
                self.stdout.write(_("导播：示例场景与巡演已装入"))
