"""What every long-running process of the platform does at its start."""

from __future__ import annotations

import signal
from typing import Any, Protocol

from django.conf import settings
from django.core.management.base import BaseCommand
from prometheus_client import start_http_server

from devices.reporting.reporter import reporting
from gis.checks import AT_START

# A database server that vanished without a word is noticed within some 15 seconds, not after the system's two hours.
PATIENCE: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
}


class Runner(Protocol):
    """Something that works until it is stopped."""

    def run(self) -> None:
        """Work."""

    def stop(self) -> None:
        """End soon; called from a signal handler."""


class ProcessCommand(BaseCommand):
    """A management command that runs until it is told to end.

    Django would look through all pages and models first, and for that load what only the web process needs.
    """

    requires_system_checks = [AT_START]


def serve_metrics() -> None:
    """Show this process's Prometheus metrics on its loopback port, where the launcher gave it one."""
    if settings.METRICS_PORT:
        start_http_server(settings.METRICS_PORT, addr="127.0.0.1")


def run_until_told(runner: Runner, line: str) -> None:
    """Run, ending in good order on SIGTERM and SIGINT; ``line``: what the machine room calls what it does."""
    serve_metrics()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: runner.stop())
    with reporting(line):
        runner.run()
