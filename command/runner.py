"""The rules process: judges the present, sweeps, escalates, tells listeners. Many may run, one works at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from django import db
from django.conf import settings
from django.db import connection, transaction
from prometheus_client import Counter, Histogram

from command.events import tell_listeners
from command.machineroom.meters import BrokerSays
from command.machineroom.watch import MachineWatch
from command.present import PresentEngine
from command.push import connected_client, messages_of
from command.rules import RuleRegistry, registry
from command.seen import SightWatch
from command.wire import read_alerts
from gis.notices import listen
from twin.meters import broker_connected

logger = logging.getLogger(__name__)

TICK_S = 0.5
SWEEP_S = 2.0
RETRY_S = 2.0
LOCK = "SELECT pg_try_advisory_lock(hashtext('sandtable.rules'))"

round_seconds = Histogram(
    "sandtable_rules_round_seconds", "Time of a round over the present", buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10)
)
failures_total = Counter("sandtable_rules_failures", "Rounds that failed and were tried again")


class RulesRunner:
    """One rules process."""

    def __init__(self, rules: RuleRegistry = registry) -> None:
        self._engine = PresentEngine(rules)
        self._machine = MachineWatch(self._engine.knowledge, self._engine.failures)
        self._sights = SightWatch(self._engine.knowledge)
        self._stopping = threading.Event()
        self._stale: set[str] = set(self._engine.knowledge.topics)
        self._stale_lock = threading.Lock()
        self._swept_at = 0.0
        self._client: mqtt.Client | None = None
        self._holding = False

    def stop(self) -> None:
        """End soon; safe from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Work until stopped."""
        threading.Thread(target=self._watch_notices, name="notices", daemon=True).start()
        self._client = client = connected_client(settings.MQTT_URL, BrokerSays().follow)
        broker_connected.labels("rules").set_function(lambda: float(client.is_connected()))
        try:
            while not self._stopping.wait(TICK_S):
                try:
                    self._turn()
                except db.Error as error:
                    failures_total.inc()
                    logger.warning("rules: %s: %s; trying again", type(error).__name__, str(error).strip())
                    self._begin_again()
                    self._stopping.wait(RETRY_S)
        finally:
            self._client.disconnect()
            self._client.loop_stop()
            connection.close()

    def _turn(self) -> None:
        # The lock belongs to the connection: with a new connection it has to be taken anew.
        if connection.connection is None or not self._holding:
            with connection.cursor() as cursor:
                cursor.execute(LOCK)
                self._holding = cursor.fetchone()[0]
            if not self._holding:
                return
            logger.info("rules: working")
        with self._stale_lock:
            stale, self._stale = self._stale, set()
        try:
            if stale:
                with connection.cursor() as cursor:
                    self._engine.knowledge.load(cursor, stale)
            with round_seconds.time():
                self._within(self._engine.round)
            if time.monotonic() - self._swept_at >= SWEEP_S:
                self._swept_at = time.monotonic()
                self._within(self._engine.sweep)
                self._within(self._engine.escalate)
            self._within(self._machine.round)
            self._within(self._sights.round)
            tell_listeners()
        except db.Error:
            self._mark_stale(stale)
            raise

    def _within(self, work: Callable[[Any], list[int]]) -> None:
        """Do work in a transaction, then tell screens of the alerts that it changed."""
        with transaction.atomic(), connection.cursor() as cursor:
            changed = work(cursor)
            messages = messages_of(read_alerts(cursor, changed), "rules") if changed else []
        assert self._client is not None
        for message in messages:
            self._client.publish(*message)

    def _begin_again(self) -> None:
        connection.close()
        self._holding = False

    def _mark_stale(self, topics: frozenset[str] | set[str]) -> None:
        with self._stale_lock:
            self._stale |= topics

    def _watch_notices(self) -> None:
        for topics in listen(self._engine.knowledge.topics, stop=self._stopping):
            self._mark_stale(topics)
