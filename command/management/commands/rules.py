"""Judge the present, escalate what is late."""

from command.runner import RulesRunner
from devices.process import ProcessCommand, run_until_told


class Command(ProcessCommand):
    """``manage.py rules``: runs until told to end."""

    help = "定时判断预警规则，升级超时预警"

    def handle(self, *args: object, **options: object) -> None:
        """Run."""
        run_until_told(RulesRunner(), "rules")
