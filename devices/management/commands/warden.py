"""Keep the private broker's keys in step with the database and count what it turns away."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from devices.process import run_until_told
from devices.warden.warden import Warden
from gis.notices import connection_parameters


class Command(BaseCommand):
    """``manage.py warden``: runs until told to end."""

    help = "维护内置消息服务的终端密钥，统计被拒绝的连接与发布"

    def handle(self, *args: object, **options: object) -> None:
        """Run."""
        if settings.BROKER_DIR is None:
            raise CommandError("没有内置消息服务（SANDTABLE_BROKER_DIR 未设置），无需运行本进程。")
        run_until_told(Warden(settings.BROKER_DIR, connection_parameters()))
