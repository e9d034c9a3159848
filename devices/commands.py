"""Commands to devices: recorded, then published; the device answers on its ``reply`` topic."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import paho.mqtt.publish as publish
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from paho.mqtt import MQTTException
from paho.mqtt.client import MQTTv5

from access.models import User
from devices.exceptions import CommandNotSentError
from devices.models import Device, DeviceCommand
from devices.topics import topic

VALID_FOR = timedelta(minutes=5)


def send_command(device: Device, name: str, args: dict[str, Any], by: User) -> DeviceCommand:
    """Record a command and hand it to the broker, which keeps it for a device with an open session.

    A device ignores what has expired.

    Raises
    ------
    CommandNotSentError
        The device has no key in force, or the broker did not take it; nothing is recorded.
    """
    if not device.key_hash:
        raise CommandNotSentError(_("指令未发出：终端尚未签发密钥或密钥已吊销。请先签发密钥。"))
    # The record is there for everybody before the device can have answered, or its reply would find none.
    with transaction.atomic(durable=True):
        command = DeviceCommand.objects.create(
            device=device, name=name, args=args, issued_by=by, expires_at=timezone.now() + VALID_FOR
        )
    message = {"id": command.pk, "name": name, "args": args, "expires_at": command.expires_at}
    try:
        _publish(topic(device.kind, device.identifier, "cmd"), msgspec.json.encode(message))
    except CommandNotSentError:
        command.delete()
        raise
    return command


def _publish(address: str, payload: bytes) -> None:
    broker = urlsplit(settings.MQTT_URL)
    try:
        publish.single(
            address,
            payload,
            qos=1,
            hostname=broker.hostname or "127.0.0.1",
            port=broker.port or 1883,
            auth={"username": unquote(broker.username or ""), "password": unquote(broker.password or "")},
            protocol=MQTTv5,
        )
    except (OSError, MQTTException) as error:
        raise CommandNotSentError(_("指令未发出：消息服务不可用（%s）。请稍后重试。") % error) from error
