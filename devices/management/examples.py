"""What the commands that load examples have in common: the city they fill, and the seed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from gis.models import Region


class ExamplesCommand(BaseCommand):
    """Fills the loaded city with examples, the same ones for the same seed."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Options of the command."""
        parser.add_argument("--city", default=settings.CITY_CODE, help="城市代码，须已由 loadcity 载入")
        parser.add_argument("--seed", default="sandtable", help="随机种子：相同的种子得到相同的示例")

    @staticmethod
    def city_and_seed(options: dict[str, Any]) -> tuple[Region, str]:
        """The city that the options name, and a seed of its own.

        Raises
        ------
        CommandError
            The city is not loaded.
        """
        try:
            city = Region.objects.get(code=options["city"])
        except Region.DoesNotExist:
            raise CommandError(_("没有代码为 %s 的城市，请先运行 loadcity") % options["city"]) from None
        return city, f"{options['seed']}/{city.code}"
