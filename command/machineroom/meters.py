"""Figures of the platform as a whole, shown by the one rules process that works, and what the broker says of itself."""

from __future__ import annotations

from datetime import UTC, datetime

import paho.mqtt.client as mqtt
from prometheus_client import Counter, Gauge

from command.machineroom.state import Machine

database_bytes = Gauge("sandtable_database_size_bytes", "Size of the database")
database_connections = Gauge("sandtable_database_connections", "Clients connected to PostgreSQL")
oldest_day = Gauge("sandtable_history_oldest_day_timestamp_seconds", "Oldest day of which there is a partition")
newest_day = Gauge("sandtable_history_newest_day_timestamp_seconds", "Newest day of which there is a partition")
jobs_waiting = Gauge("sandtable_jobs_waiting", "Jobs that could be done now")
jobs_oldest = Gauge("sandtable_jobs_oldest_waiting_seconds", "How long the oldest of them has waited")
jobs_failing = Gauge("sandtable_jobs_failing", "Sorts of jobs that failed since they last went well")
shards_free = Gauge("sandtable_shards_free", "Shards that no ingest worker holds")
dropped_total = Counter("sandtable_broker_dropped_messages", "Messages the broker dropped, as it says itself")
broker_clients = Gauge("sandtable_broker_clients", "Clients connected to the broker")
broker_stored = Gauge("sandtable_broker_stored_messages", "Messages the broker holds for somebody")

SYS = "$SYS/broker/"
DROPPED, CLIENTS, STORED = "publish/messages/dropped", "clients/connected", "store/messages/count"


def show(machine: Machine) -> None:
    """Set the gauges to what was read."""
    database_bytes.set(machine.database.size_bytes)
    database_connections.set(machine.database.connections)
    for gauge, day in ((oldest_day, machine.database.oldest_day), (newest_day, machine.database.newest_day)):
        gauge.set(datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).timestamp() if day else 0)
    jobs_waiting.set(machine.jobs.waiting)
    jobs_oldest.set(machine.jobs.oldest_s)
    jobs_failing.set(len(machine.jobs.failing))
    shards_free.set(sum(lease.free_s > 0 for lease in machine.leases))


class BrokerSays:
    """Hears the broker's own figures over a client that is connected for something else."""

    def __init__(self) -> None:
        self._dropped: float | None = None

    def follow(self, client: mqtt.Client) -> None:
        """Subscribe now; called at each connection."""
        client.message_callback_add(f"{SYS}#", self._heard)
        client.subscribe([(SYS + topic, 0) for topic in (DROPPED, CLIENTS, STORED)])

    def _heard(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        try:
            value = float(message.payload)
        except ValueError:
            return
        topic = message.topic.removeprefix(SYS)
        if topic == CLIENTS:
            broker_clients.set(value)
        elif topic == STORED:
            broker_stored.set(value)
        elif topic == DROPPED:
            # What it dropped before we listened is nobody's news; a broker that began anew counts from zero.
            if self._dropped is not None:
                dropped_total.inc(value - self._dropped if value >= self._dropped else value)
            self._dropped = value
