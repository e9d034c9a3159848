"""Keep the private broker's keys in step with the database and count what it turns away."""

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from devices.process import ProcessCommand, run_until_told
from devices.warden.warden import Warden
from gis.notices import connection_parameters


class Command(ProcessCommand):
    """``manage.py warden``: runs until told to end, or hands the keys over ``--once``."""

    help = "维护内置消息服务的终端密钥，统计被拒绝的连接与发布"

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--once", action="store_true", help="只写入一次密钥即退出")

    def handle(self, *args: object, **options: object) -> None:
        """Run, or hand the keys over once."""
        if settings.BROKER_DIR is None:
            raise CommandError("没有内置消息服务（SANDTABLE_BROKER_DIR 未设置），无需运行本进程。")
        warden = Warden(settings.BROKER_DIR, connection_parameters())
        if options["once"]:
            warden.once()
        else:
            run_until_told(warden, "warden")
