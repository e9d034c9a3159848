"""Commands to devices, whatever protocol they speak: recorded, published, sent again until answered or expired.

A command is published on the device's ``cmd`` topic; a device that speaks MQTT reads it there itself, for others the
process of their protocol does. The reply comes by the ``reply`` topic and is stored once, by the ingest worker. The
same number stands in every repetition, so a device carries a command out once (``docs/protocols/mqtt.md``, section 7).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import paho.mqtt.publish as publish
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from paho.mqtt import MQTTException
from paho.mqtt.client import MQTTv5

from access.models import User
from access.roles import Permission
from access.scope import ScopedQuerySet, scope_of
from devices.exceptions import CommandNotSentError
from devices.models import Device, DeviceCommand
from devices.topics import topic
from devices.vocabulary import check_command

VALID_FOR = timedelta(minutes=5)
MAY_COMMAND = (Permission.DISPATCH, Permission.MANAGE_DEVICES)
FIRST_AGAIN_S = 5


def commandable_by(user: User) -> ScopedQuerySet:
    """Devices that ``user`` may send a command to: where they dispatch, or keep devices."""
    inside = Q()
    for permission in MAY_COMMAND:
        inside |= Q(pk__in=Device.objects.within(scope_of(user, permission)).values("pk"))
    return Device.objects.filter(inside)


def send_command(
    device: Device, name: str, args: dict[str, Any], by: User, valid_for: timedelta = VALID_FOR
) -> DeviceCommand:
    """Record a command and hand it to the broker, which keeps it for a device with an open session.

    It is sent again, less and less often, until the device replies or it expires; a device ignores what has expired.

    Raises
    ------
    CommandInvalidError
        The vocabulary has no such command, or not with these arguments.
    CommandNotSentError
        The device has no key in force, or the broker did not take it; nothing is recorded.
    """
    check_command(name, args)
    if not device.key_hash:
        raise CommandNotSentError(_("指令未发出：终端尚未签发密钥或密钥已吊销。请先签发密钥。"))
    # The record is there for everybody before the device can have answered, or its reply would find none.
    with transaction.atomic(durable=True):
        command = DeviceCommand.objects.create(
            device=device, name=name, args=args, issued_by=by, expires_at=timezone.now() + valid_for
        )
    try:
        publish_command(command)
    except CommandNotSentError:
        command.delete()
        raise
    later(command)
    return command


def publish_command(command: DeviceCommand) -> None:
    """Hand a recorded command to the broker, once more or for the first time.

    Raises
    ------
    CommandNotSentError
        The broker did not take it.
    """
    message = {"id": command.pk, "name": command.name, "args": command.args, "expires_at": command.expires_at}
    _publish(topic(command.device.kind, command.device.identifier, "cmd"), msgspec.json.encode(message))


def follow_up(command_id: int) -> None:
    """Send a command again that was not answered yet, or say that its time is over."""
    command = DeviceCommand.objects.select_related("device").filter(pk=command_id, state="sent").first()
    if command is None:
        return
    if command.expires_at <= timezone.now():
        # Unless the reply came this very moment.
        DeviceCommand.objects.filter(pk=command_id, replied_at=None).update(state=DeviceCommand.State.EXPIRED)
        return
    try:
        publish_command(command)
    except CommandNotSentError:
        pass  # the broker is away; the next time comes
    else:
        DeviceCommand.objects.filter(pk=command_id).update(attempts=F("attempts") + 1)
        command.attempts += 1
    later(command)


def later(command: DeviceCommand) -> None:
    """Have a command looked at again: after 5, 10, 20 … seconds, and when it expires."""
    from devices.tasks import follow_up_command

    left_s = (command.expires_at - timezone.now()).total_seconds()
    wait_s = min(FIRST_AGAIN_S * 2 ** (min(command.attempts, 10) - 1), max(1, left_s))
    follow_up_command.configure(schedule_in={"seconds": int(wait_s) + 1}).defer(command_id=command.pk)


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
