"""A device's side of the protocol over a real connection: numbers, resends, commands, reconnecting.

Every client lives on one asyncio loop without a thread of its own, so that hundreds of them are cheap.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
import socket
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from devices.simulator.numbering import Acked, Unsettled
from devices.topics import DOWN, topic, username

log = logging.getLogger(__name__)

KEEPALIVE_S = 60
SESSION_S = 3600
TICK_S = 5.0
RECONNECT_AT_MOST_S = 60.0
SAVE_EVERY_TICKS = 2
COMMANDS_REMEMBERED = 100
CLOSING_S = 2.0

CommandHandler = Callable[[str, dict[str, Any]], "tuple[str, str]"]


class Command(msgspec.Struct):
    """What the platform asks of a device."""

    id: str | int
    name: str
    args: dict[str, Any] = {}
    expires_at: str | float | None = None

    def expired(self, now_s: float) -> bool:
        """Whether its time is over (RFC 3339 text, or milliseconds since 1970)."""
        if self.expires_at is None:
            return False
        if isinstance(self.expires_at, str):
            return msgspec.convert(self.expires_at, datetime).timestamp() < now_s
        return self.expires_at / 1000 < now_s


@dataclass(frozen=True)
class Broker:
    """Where the broker listens."""

    host: str
    port: int


class DeviceClient:
    """One device on the broker; everything but the constructor belongs to the running asyncio loop.

    Parameters
    ----------
    broker : Broker
        Where to connect.
    kind, identifier, key : str
        As registered on the platform.
    unsettled : Unsettled
        The device's numbered positions; its epoch must be new unless it was loaded from its file.
    on_command : callable, optional
        Given a command's name and arguments, does it at once and returns result ("ok", "refused", "failed") and text.
    """

    def __init__(
        self,
        broker: Broker,
        kind: str,
        identifier: str,
        key: str,
        unsettled: Unsettled,
        on_command: CommandHandler | None = None,
    ) -> None:
        self.broker = broker
        self.identifier = identifier
        self.unsettled = unsettled
        self.connected = False
        self.connections = 0
        self.sent = 0
        self.bad_answers = 0
        self.last_error = ""
        self._on_command = on_command
        self._topics = {name: topic(kind, identifier, name) for name in ("pos", "batch", "status", "event", "reply")}
        self._down = {name: topic(kind, identifier, name) for name in DOWN}
        self._replies: OrderedDict[str | int, bytes] = OrderedDict()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._life: asyncio.Task[None] | None = None
        self._connecting: asyncio.Future[None] | None = None
        self._lost = asyncio.Event()
        self._sock: socket.socket | None = None
        self._encode = msgspec.json.Encoder().encode
        self._decode_acked = msgspec.json.Decoder(Acked).decode
        self._decode_command = msgspec.json.Decoder(Command).decode
        self._mqtt = self._new_mqtt(username(kind, identifier), key)

    def start(self) -> None:
        """Begin connecting, and stay connected until :meth:`stop`."""
        self._loop = asyncio.get_running_loop()
        self._life = self._loop.create_task(self._live())

    async def stop(self) -> None:
        """Say good-bye to the broker and keep what is unsettled in the file, if there is one."""
        if self._life is not None:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)
        if self._connecting is not None:
            # A thread cannot be cancelled; what it opens must be closed here.
            await asyncio.gather(self._connecting, return_exceptions=True)
        self._mqtt.disconnect()
        deadline = time.monotonic() + CLOSING_S
        while self._mqtt.want_write() and self._mqtt.socket() is not None and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
            self._mqtt.loop_write()
        self._unwatch()
        if (sock := self._mqtt.socket()) is not None:
            sock.close()
        self.unsettled.save()

    def position(self, fields: dict[str, Any]) -> int:
        """Report one position (the protocol's fields without ``seq``, ``epoch``, ``oldest``); gives its number."""
        seq = self.unsettled.add(fields)
        self._send_waiting()
        return seq

    def status(self, power: str, **more: Any) -> None:
        """Report a change of power ("on" or "off"); ``battery_pct`` and ``firmware`` may come along."""
        self._publish_once("status", {"time": now_ms(), "power": power, **more})

    def event(self, code: str, **more: Any) -> None:
        """Report something that happened; ``text``, ``lon``, ``lat``, ``attrs`` may come along."""
        self._publish_once("event", {"time": now_ms(), "code": code, **more})

    async def drained(self, timeout_s: float) -> bool:
        """Wait until everything reported is settled; False when ``timeout_s`` passed first."""
        deadline = time.monotonic() + timeout_s
        while len(self.unsettled) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        return not len(self.unsettled)

    def _new_mqtt(self, user: str, key: str) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id_of(user, key), protocol=mqtt.MQTTv5)
        client.username_pw_set(user, key)
        client.max_queued_messages_set(1000)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_socket_close = self._on_socket_close
        return client

    async def _live(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            self._lost.clear()
            try:
                self._connecting = loop.run_in_executor(None, self._connect)
                await asyncio.shield(self._connecting)
            except OSError as error:
                self._note_error(str(error))
            else:
                before = self.connections
                self._watch(self._mqtt.socket())
                await self._keep_up()
                failures = 0 if self.connections > before else failures
            failures += 1
            await asyncio.sleep(_back_off_s(failures))

    def _connect(self) -> None:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_S
        self._mqtt.connect(self.broker.host, self.broker.port, KEEPALIVE_S, clean_start=False, properties=properties)

    async def _keep_up(self) -> None:
        """Until the connection is lost: keep it alive, send again what is overdue, save now and then."""
        ticks = 0
        while not self._lost.is_set() and self._sock is not None:
            rest_s = min(TICK_S * random.uniform(0.8, 1.2), 0.05 + self.unsettled.wait_s(time.monotonic()))  # noqa: S311
            try:
                async with asyncio.timeout(rest_s):
                    await self._lost.wait()
            except TimeoutError:
                self._mqtt.loop_misc()
                ticks += 1
                if self.unsettled.due(time.monotonic()):
                    self._send_waiting()
                if ticks % SAVE_EVERY_TICKS == 0:
                    self.unsettled.save()

    def _watch(self, sock: Any) -> None:
        if sock is None or self._loop is None:
            return
        self._sock = sock
        self._loop.add_reader(sock, self._readable)
        self._flush()

    def _unwatch(self) -> None:
        if self._sock is not None and self._loop is not None:
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._sock = None

    def _readable(self) -> None:
        self._mqtt.loop_read()
        self._flush()

    def _flush(self) -> None:
        """Write what paho could not write at once, or would not inside one of its callbacks."""
        if self._mqtt.want_write():
            self._mqtt.loop_write()
        if self._sock is None or self._loop is None:
            return
        if self._mqtt.want_write():
            self._loop.add_writer(self._sock, self._flush)
        else:
            self._loop.remove_writer(self._sock)

    def _on_socket_close(self, _client: mqtt.Client, _data: Any, sock: Any) -> None:
        # paho closes a half-made connection in the connecting thread: that one is not watched yet.
        if sock is self._sock:
            self._unwatch()
            self._lost.set()

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._note_error(f"refused: {reason}")
            return
        self.connected = True
        self.connections += 1
        self.last_error = ""
        client.subscribe([(self._down["acked"], 0), (self._down["cmd"], 1)])
        self.unsettled.rewind()
        self._queue_waiting()

    def _on_disconnect(self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure and self.connected:
            self._note_error(f"lost: {reason}")
        self.connected = False
        self._lost.set()

    def _note_error(self, text: str) -> None:
        if text != self.last_error:
            log.warning("%s: %s", self.identifier, text)
        self.last_error = text

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            if message.topic == self._down["acked"]:
                self.unsettled.settle(self._decode_acked(message.payload), time.monotonic())
                self._queue_waiting()
            else:
                self._obey(self._decode_command(message.payload))
        except msgspec.MsgspecError as error:
            self.bad_answers += 1
            self._note_error(f"unreadable message on {message.topic}: {error}")

    def _obey(self, command: Command) -> None:
        reply = self._replies.get(command.id)
        if reply is None:
            result, text = self._result_of(command)
            reply = self._encode({"id": command.id, "result": result, "text": text})
            self._replies[command.id] = reply
            if len(self._replies) > COMMANDS_REMEMBERED:
                self._replies.popitem(last=False)
        self._mqtt.publish(self._topics["reply"], reply, qos=1)

    def _result_of(self, command: Command) -> tuple[str, str]:
        try:
            if command.expired(time.time()):
                return "refused", "expired"
            if self._on_command is None:
                return "refused", f"unknown command {command.name}"
            return self._on_command(command.name, command.args)
        except (KeyError, TypeError, ValueError, msgspec.ValidationError) as error:
            return "refused", f"bad arguments: {error}"

    def _queue_waiting(self) -> None:
        """Hand to paho what is to be sent; written at once, but inside a callback only after it."""
        while self.connected and (rows := self.unsettled.take(time.monotonic())):
            if len(rows) == 1:
                self._mqtt.publish(self._topics["pos"], self._encode(rows[0]))
            else:
                self._mqtt.publish(self._topics["batch"], self._encode({"rows": rows}))
            self.sent += len(rows)

    def _send_waiting(self) -> None:
        self._queue_waiting()
        if self._mqtt.want_write():
            self._flush()

    def _publish_once(self, channel: str, body: dict[str, Any]) -> None:
        """QoS 1: kept by paho over a reconnect, in memory."""
        self._mqtt.publish(self._topics[channel], self._encode(body), qos=1)


def client_id_of(user: str, key: str) -> str:
    """Client id: stable, so that the broker knows the session again, and unguessable.

    A broker gives a session to whoever comes with its client id, whatever their user name; another device that could
    guess it would throw this one off and take its commands.
    """
    return f"{user}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def now_ms() -> int:
    """The time as the protocol wants it: milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def new_unsettled(path: Path | None = None) -> Unsettled:
    """An empty store in a series of its own, or the one kept in ``path``."""
    return Unsettled(epoch=int(time.time()), path=path)


def _back_off_s(failures: int) -> float:
    """Seconds to wait: 1, 2, 4 … 60, each drawn from its upper half so that a thousand devices do not come at once."""
    limit = min(2.0 ** (failures - 1), RECONNECT_AT_MOST_S)
    return random.uniform(limit / 2, limit)  # noqa: S311
