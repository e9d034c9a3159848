"""The application's entry: connects the audit ledger to what it has to see."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccessConfig(AppConfig):
    """Organizations, users, roles, scope, audit (单位、用户、角色、数据范围、审计)."""

    name = "access"
    label = "access"
    verbose_name = _("权限与审计")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the floor's own models with the ledger and check the data key."""
        from access import checks, signals
        from access.scope import scope_of_request
        from gis.tiles import set_scope_resolver

        checks.register()
        signals.connect()
        set_scope_resolver(scope_of_request)
