"""Take what devices report and store it."""

import sys

from django.conf import settings
from django.core.management.base import CommandParser

from devices.ingest.worker import IngestWorker
from devices.process import ProcessCommand, run_until_told
from gis.notices import connection_parameters

SWITCH_S = 0.001
"""A thread that heard from the database goes on within this, whatever the others compute: it has the next word there,
and a copy of a heap has dozens. Python's own 5 ms would leave PostgreSQL waiting for most of the time."""


class Command(ProcessCommand):
    """``manage.py ingest``: runs until told to end."""

    help = "接收终端消息并入库"

    def add_arguments(self, parser: CommandParser) -> None:
        """Name of this worker, where several run."""
        parser.add_argument("--name", default="1", help="本进程的名称，多个进程须互不相同（默认 1）")

    def handle(self, *args: object, **options: object) -> None:
        """Run."""
        sys.setswitchinterval(SWITCH_S)
        run_until_told(IngestWorker(str(options["name"]), settings.MQTT_URL, connection_parameters()), "ingest")
