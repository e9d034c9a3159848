"""A setting for every installed rule, so that the desk has a page for it."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from access.audit import acting
from command.models import RuleSetting, RuleVersion
from command.rules import Trigger, registry


def keep_settings(**_: Any) -> None:
    """Write the settings that are missing, as the rules declare them; called after each migration."""
    known = set(RuleSetting.objects.values_list("pk", flat=True))
    missing = [
        RuleSetting(
            rule=rule.id,
            enabled=rule.enabled,
            parameters=rule.settled({}),
            periods=[*map(dict, rule.periods)],
            version=1,
        )
        for rule in registry
        if rule.id not in known and not (rule.on is Trigger.PLATFORM and not rule.parameters)
    ]
    with acting("migrate"), transaction.atomic():
        RuleSetting.objects.bulk_create(missing)
        RuleVersion.objects.bulk_create([setting.as_version() for setting in missing])
