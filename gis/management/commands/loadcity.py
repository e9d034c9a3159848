"""``manage.py loadcity``: the regions of a city."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gis.exceptions import GisError
from gis.regions import load_city


class Command(BaseCommand):
    """Loads a city and its districts; safe to run again."""

    help = "装入城市及其区县的边界（可重复运行） / Load a city's regions; may be run again."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare ``--city``."""
        parser.add_argument(
            "--city",
            metavar="CODE",
            default=settings.CITY_CODE,
            help="六位行政区划代码，如 310000（默认：%(default)s）",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Load and say what was done."""
        try:
            report = load_city(options["city"])
        except GisError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{report.region.name} {report.region.code}："
            f"新增 {report.created}，更新 {report.updated}，未变 {report.unchanged}"
        )
