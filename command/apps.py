"""The app of this floor."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class CommandConfig(AppConfig):
    """Puts the platform's own rules in the registry, and the engine beside the ingest."""

    name = "command"
    label = "command"
    verbose_name = _("预警")
    # The first thing on the desk: what is wrong now.
    desk_place = 10

    def ready(self) -> None:
        """Register what lower floors offer a place for."""
        from access.audited import audited
        from command.director.models import Scene, Tour, TourStep
        from command.director.push import WallFeed, WallTeller
        from command.engine import StreamEngine
        from command.events import register_alert_listener
        from command.failures import RULE_FAILED
        from command.feed import AlertFeed
        from command.fencing import RULES as FENCING
        from command.machineroom.checks import CHECKS
        from command.models import RuleSetting
        from command.plan.models import AreaDraft
        from command.recording import tell_recordings
        from command.rules import registry
        from command.seeding import keep_settings
        from command.seen import SEEN
        from command.silent import SILENT
        from command.subjects import alert_title, find_alerts
        from command.watch.models import DutyShift, WeatherReport
        from twin.annotations.subjects import SubjectKind, register_subject
        from twin.live.feeds import register_feed
        from twin.observers import register_observer

        for rule in (RULE_FAILED, SILENT, SEEN, *FENCING, *(check.rule for check in CHECKS)):
            registry.register(rule)
        register_observer(StreamEngine)
        register_alert_listener(tell_recordings)
        register_feed(AlertFeed())
        register_feed(WallFeed(), WallTeller)
        register_subject(SubjectKind("alert", _("预警"), alert_title, find_alerts))
        audited(RuleSetting, ignore=("changed_at",))
        for model in (Scene, Tour):
            audited(model, ignore=("changed_at",))
        audited(TourStep)
        audited(AreaDraft, ignore=("changed_at", "revision", "stamp"))
        audited(DutyShift)
        audited(WeatherReport)
        post_migrate.connect(keep_settings, sender=self)
