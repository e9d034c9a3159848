"""Telling every web process at once what became of alerts, over the broker."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

import paho.mqtt.client as mqtt
from django.db import connection, transaction
from paho.mqtt.client import MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from command.wire import read_alerts
from twin.observers import Message
from twin.publishing import publish_messages

ALERT_TOPICS = "st/alerts/+"
MOST_IN_ONE = 100


def messages_of(records: list[dict[str, Any]], process: str) -> list[Message]:
    """Records as messages of a process (``ingest``, ``rules``, ``web``)."""
    pieces = [records[i : i + MOST_IN_ONE] for i in range(0, len(records), MOST_IN_ONE)]
    return [Message(f"st/alerts/{process}", json.dumps(piece, ensure_ascii=False).encode()) for piece in pieces]


def read_message(payload: bytes) -> list[Mapping[str, Any]]:
    """Records from a message.

    Raises
    ------
    ValueError
        It is none.
    """
    records = json.loads(payload)
    if not isinstance(records, list) or not all(isinstance(record, dict) and "id" in record for record in records):
        raise ValueError("not a list of alerts")
    return records


def publish_after_commit(ids: Iterable[int], process: str = "web") -> None:
    """Tell of these alerts as they are once the running transaction is committed.

    The alert is what the database says; a broker that is away only makes screens learn of it later, when they
    connect again.
    """
    transaction.on_commit(partial(_publish, list(ids), process))


def _publish(ids: list[int], process: str) -> None:
    with connection.cursor() as cursor:
        records = read_alerts(cursor, ids)
    if records:
        publish_messages(messages_of(records, process))


def connected_client(mqtt_url: str, connected: Callable[[mqtt.Client], None] | None = None) -> mqtt.Client:
    """A client that stays connected, or keeps trying; what it is given while the broker is away is lost.

    ``connected`` is called at each connection, to subscribe.
    """
    broker = urlsplit(mqtt_url)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.username_pw_set(unquote(broker.username or ""), unquote(broker.password or ""))
    client.reconnect_delay_set(1, 3)

    def on_connect(client: mqtt.Client, _data: object, _flags: object, reason: mqtt.ReasonCode, _p: object) -> None:
        if connected is not None and not reason.is_failure:
            connected(client)

    client.on_connect = on_connect
    client.connect_async(broker.hostname or "127.0.0.1", broker.port or 1883, keepalive=10)
    client.loop_start()
    return client
