"""``manage.py loadduty``: a duty roster for the demo."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.translation import gettext as _

from access.audit import acting
from command.watch.demo import fill_roster


class Command(BaseCommand):
    """Loads the roster; running it again adds only the days that are missing."""

    help = "装入演示值班表（今天起，重复执行只补缺的日子）；姓名标明“演示”"

    def handle(self, *args: Any, **options: Any) -> None:
        """Fill it."""
        with acting("loadduty"):
            made = fill_roster(timezone.now())
        self.stdout.write(_("演示值班表：新增 %d 班") % made)
