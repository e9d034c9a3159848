"""The desk (管理台): Django's admin site under the product's name, and nothing of other people's on it."""

from __future__ import annotations

from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _

NOT_ON_THE_DESK = ("procrastinate",)
"""Applications that bring admin pages for their own makers; ``./sandtable status`` and the metrics tell of jobs."""


class Desk(AdminSite):
    """The admin site of this product."""

    site_title = site_header = _("沙盘 · 管理台")
    index_title = _("概览")


class DeskConfig(AdminConfig):
    """Stands in ``INSTALLED_APPS`` for ``django.contrib.admin``."""

    default_site = "access.desk.Desk"

    def ready(self) -> None:
        """Collect everybody's pages, then put away what is nobody's work here."""
        from django.contrib.admin import site

        super().ready()
        for label in NOT_ON_THE_DESK:
            for model in apps.get_app_config(label).get_models():
                if site.is_registered(model):
                    site.unregister(model)
