"""Publishing on the broker from a request or a job, which keep no connection to it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

import paho.mqtt.publish as publish
from django.conf import settings
from paho.mqtt import MQTTException
from paho.mqtt.client import MQTTv5

from twin.observers import Message

logger = logging.getLogger(__name__)


def publish_messages(messages: Sequence[Message]) -> None:
    """Publish now; what the broker does not take is lost, and screens learn of it when they connect again."""
    broker = urlsplit(settings.MQTT_URL)
    try:
        publish.multiple(
            [(message.topic, message.payload, 0, False) for message in messages],
            hostname=broker.hostname or "127.0.0.1",
            port=broker.port or 1883,
            auth={"username": unquote(broker.username or ""), "password": unquote(broker.password or "")},
            protocol=MQTTv5,
        )
    except (OSError, MQTTException) as error:
        logger.warning("screens will learn of %d messages later, the broker is away (%s)", len(messages), error)
