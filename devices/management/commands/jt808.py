"""Let JT/T 808 terminals in over TCP."""

from django.conf import settings
from django.core.management.base import CommandParser

from devices.process import ProcessCommand, run_until_told
from devices.protocols.jt808_server import Jt808Server
from gis.notices import connection_parameters


class Command(ProcessCommand):
    """``manage.py jt808``: runs until told to end."""

    help = "接入 JT/T 808 终端（车载终端、执法记录仪等）"

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default="127.0.0.1", help="监听地址（默认只在本机）")
        parser.add_argument("--port", type=int, default=16808, help="监听端口（默认 16808）")

    def handle(self, *args: object, **options: object) -> None:
        """Run."""
        server = Jt808Server(
            str(options["host"]), int(str(options["port"])), settings.MQTT_URL, connection_parameters()
        )
        run_until_told(server, "jt808")
