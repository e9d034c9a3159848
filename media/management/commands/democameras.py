"""Register video devices for the simulator."""

from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from media.demo import register_demo, write_credentials


class Command(BaseCommand):
    """``manage.py democameras``: registers recorders and writes their passwords down for ``simulate cameras``."""

    help = "登记模拟摄像机用的视频设备，写出编码与密码"

    def add_arguments(self, parser: CommandParser) -> None:
        """How many, and where."""
        parser.add_argument("--devices", type=int, default=4, help="设备数（默认 4）")
        parser.add_argument("--host", default="127.0.0.1", help="平台 SIP 地址")
        parser.add_argument("--port", type=int, default=settings.GB28181_PORT, help="平台 SIP 端口")
        parser.add_argument("--moving", action="store_true", help="订阅移动位置")
        parser.add_argument("--file", type=Path, default=settings.VAR_DIR / "demo/cameras.json", help="写到哪里")

    def handle(self, *args: object, **options: object) -> None:
        """Register and write."""
        path = Path(str(options["file"]))
        address = str(options["host"]), int(str(options["port"]))
        write_credentials(path, register_demo(int(str(options["devices"])), address, moving=bool(options["moving"])))
        self.stdout.write(f"{options['devices']} 台 → {path}")
