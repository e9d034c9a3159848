"""Desk pages of this floor. Django looks for them here, so every file that has some is named."""

from command.admin import alerts, rules
from command.director import admin as director
from command.machineroom import page as machineroom
from command.watch import admin as watch

__all__ = ["alerts", "director", "machineroom", "rules", "watch"]
