"""The platform's own demo, made small, under a module's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management import call_command

SEED = "sandtable/990000"


def load(monkeypatch: Any, settings: Any, folder: Path, people: int = 60) -> Callable[[], None]:
    """Load the demo into the city 990000; returns what loads it again."""
    settings.VAR_DIR = folder
    settings.MQTT_URL = "mqtt://platform:x@broker.example:1884"
    for name, count in {"MACHINES": 20, "PEOPLE": people, "VEHICLES": 1, "DRONES": 1}.items():
        monkeypatch.setattr(f"devices.demo.plan.{name}", count)

    def again() -> None:
        call_command("loaddemo", city="990000")

    again()
    return again
