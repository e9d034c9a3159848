"""Let cameras and recorders in by GB/T 28181."""

from django.conf import settings
from django.core.management.base import CommandParser

from devices.process import ProcessCommand, run_until_told
from gis.notices import connection_parameters
from media.gb28181.server import Gb28181Server
from media.whep.ice import IcePort


class Command(ProcessCommand):
    """``manage.py gb28181``: runs until told to end."""

    help = "接入 GB/T 28181 摄像机、录像机和下级平台"

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default="127.0.0.1", help="监听地址（默认只在本机）")
        parser.add_argument("--port", type=int, default=5060, help="SIP 端口，UDP 与 TCP（默认 5060）")

        parser.add_argument("--webrtc-host", default="127.0.0.1", help="浏览器取画面的监听地址（默认只在本机）")
        parser.add_argument("--webrtc-port", type=int, default=8189, help="浏览器取画面的 UDP 端口（默认 8189）")
        parser.add_argument("--webrtc-addresses", default="", help="告诉浏览器的 IP 地址，逗号隔开（默认监听地址）")

    def handle(self, *args: object, **options: object) -> None:
        """Run."""
        addresses = tuple(word for word in str(options["webrtc_addresses"]).split(",") if word)
        browsers = IcePort(str(options["webrtc_host"]), int(str(options["webrtc_port"])), addresses)
        server = Gb28181Server(
            str(options["host"]),
            int(str(options["port"])),
            settings.MQTT_URL,
            connection_parameters(),
            browsers=browsers,
        )
        run_until_told(server, "gb28181")
