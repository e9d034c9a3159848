"""The things that report: devices, their keys, and the road their messages take."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DevicesConfig(AppConfig):
    """Puts devices and what is asked of them under audit."""

    name = "devices"
    label = "devices"
    verbose_name = _("终端接入")

    def ready(self) -> None:
        """Audit every change of a device (of a key, only that it changed) and every command that was sent."""
        from access.audited import audited
        from access.resealing import register_resealer
        from devices.models import Device, DeviceCommand
        from devices.platforms import Platform, PushKey
        from devices.push_keys import reseal_push_keys

        register_resealer("devices.PushKey.sealed", reseal_push_keys)
        audited(Device, secrets=["key_hash"])
        audited(DeviceCommand)
        audited(Platform)
        audited(PushKey, secrets=["sealed"])
