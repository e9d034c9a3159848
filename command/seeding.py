"""A setting for every installed rule, so that the desk has a page for it."""

from __future__ import annotations

from typing import Any

from access.audit import acting
from command.models import RuleSetting
from command.rules import Trigger, registry


def keep_settings(**_: Any) -> None:
    """Write the settings that are missing, as the rules declare them; called after each migration."""
    with acting("migrate"):
        for rule in registry:
            if (rule.on is Trigger.PLATFORM and not rule.parameters) or RuleSetting.objects.filter(pk=rule.id).exists():
                continue
            RuleSetting.objects.create(
                rule=rule.id, enabled=rule.enabled, parameters=rule.settled({}), periods=[*map(dict, rule.periods)]
            )
