"""Judge the present, escalate what is late."""

from django.core.management.base import BaseCommand

from command.runner import RulesRunner
from devices.process import run_until_told


class Command(BaseCommand):
    """``manage.py rules``: runs until told to end."""

    help = "定时判断预警规则，升级超时预警"

    def handle(self, *args: object, **options: object) -> None:
        """Run."""
        run_until_told(RulesRunner(), "rules")
