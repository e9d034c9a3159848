"""``manage.py loadlayers``: let every module add its examples to the demo city."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils.translation import gettext as _

from access.audit import acting
from command.director import demo as director_demo
from gis.models import Region
from layers.registry import registry


class Command(BaseCommand):
    """Loads the modules' demo; running it again changes nothing."""

    help = "把各图层模块的示例数据装入已载入的城市（在 loaddemo 之后运行，重复执行不改变已有内容）"

    def add_arguments(self, parser: CommandParser) -> None:
        """Options of the command."""
        parser.add_argument("--city", default=settings.CITY_CODE, help="城市代码，须已由 loadcity 载入")
        parser.add_argument("--seed", default="sandtable", help="随机种子：相同的种子得到相同的示例")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask each module, those it requires first."""
        try:
            city = Region.objects.get(code=options["city"])
        except Region.DoesNotExist:
            raise CommandError(_("没有代码为 %s 的城市，请先运行 loadcity") % options["city"]) from None
        for module in registry.modules():
            if module.demo is None:
                continue
            with acting("loadlayers"), transaction.atomic():
                module.demo(city, f"{options['seed']}/{city.code}")
            self.stdout.write(_("%(module)s：示例已装入") % {"module": module.title})
        with acting(director_demo.LOADER), transaction.atomic():
            if director_demo.fill(city, [layer.id for layer in registry.map_layers() if layer.visible]):
                self.stdout.write(_("导播：示例场景与巡演已装入"))
