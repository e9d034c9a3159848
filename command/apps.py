"""The app of this floor."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class CommandConfig(AppConfig):
    """Puts the platform's own rules in the registry, and the engine beside the ingest."""

    name = "command"
    label = "command"
    verbose_name = _("预警")

    def ready(self) -> None:
        """Register what lower floors offer a place for."""
        from access.audit import audited
        from command.engine import StreamEngine
        from command.failures import RULE_FAILED
        from command.feed import AlertFeed
        from command.models import RuleSetting
        from command.rules import registry
        from command.seeding import keep_settings
        from command.silent import SILENT
        from twin.live.feeds import register_feed
        from twin.observers import register_observer

        for rule in (RULE_FAILED, SILENT):
            registry.register(rule)
        register_observer(StreamEngine)
        register_feed(AlertFeed())
        audited(RuleSetting, ignore=("changed_at",))
        post_migrate.connect(keep_settings, sender=self)
