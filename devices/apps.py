"""The things that report: devices, their keys, and the road their messages take."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DevicesConfig(AppConfig):
    """Names the app."""

    name = "devices"
    label = "devices"
    verbose_name = _("终端接入")
