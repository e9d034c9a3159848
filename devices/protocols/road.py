"""From a way in to the ingest workers and back: hands over heaps of positions and waits until they are stored.

Shared by every protocol that is not MQTT. A heap is never queued by the broker and never sent twice from here: who is
told that nothing was stored sends again, and what was stored after all is recognised (:mod:`devices.pushed`).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import secrets
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from devices.exceptions import NotStoredError
from devices.pushed import ANSWERS, MOST_BYTES, MOST_ROWS, TOPIC, Answer, Heap, RowRefused

logger = logging.getLogger(__name__)

ANSWER_S = 5.0
"""How long the workers may take; a database that fails over takes longer, and the sender comes again."""
CONNECT_S = 3.0
SUBSCRIBE_S = 1.0

Listener = Callable[[bytes], None]

_answer = msgspec.json.Decoder(Answer)


class _Waiting:
    """A heap that is out: which rows are settled (a bit each), and what was refused."""

    def __init__(self, rows: int, done: asyncio.Future[list[RowRefused]]) -> None:
        self.done = done
        self._open = (1 << rows) - 1
        self._refused: dict[int, RowRefused] = {}

    def take(self, answer: Answer) -> None:
        self._open &= ~int(answer.settled, 16)
        # A shard that changed hands may be answered for twice; the later worker knows what the earlier one stored.
        self._refused.update({refused.row: refused for refused in answer.refused})
        if not self._open and not self.done.done():
            self.done.set_result(sorted(self._refused.values(), key=lambda refused: refused.row))


class Road:
    """One connection to the broker, with the platform's account; belongs to one asyncio loop.

    Parameters
    ----------
    mqtt_url : str
        Broker.
    """

    def __init__(self, mqtt_url: str) -> None:
        self.connected = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[int, _Waiting] = {}
        self._numbers = itertools.count(1)
        self._sender = secrets.token_hex(8)
        self._listeners: dict[str, Listener] = {}
        self._subscribing: dict[int, asyncio.Future[None]] = {}
        address = urlsplit(mqtt_url)
        self._host, self._port = address.hostname or "127.0.0.1", address.port or 1883
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.username_pw_set(unquote(address.username or ""), unquote(address.password or ""))
        client.reconnect_delay_set(1, 3)
        client.on_connect = self._on_connect
        client.on_disconnect = lambda *_: self._call(self.connected.clear)
        client.on_message = self._on_message
        client.on_subscribe = lambda _client, _data, number, *_: self._call(self._subscribed, number)
        self._client = client

    def start(self) -> None:
        """Begin to connect, from a coroutine; goes on trying for ever."""
        self._loop = asyncio.get_running_loop()
        self._client.connect_async(self._host, self._port, keepalive=10)
        self._client.loop_start()

    async def stop(self) -> None:
        """Let go of the broker."""
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    @property
    def out(self) -> int:
        """Heaps that are not answered yet."""
        return len(self._waiting)

    async def forward(self, source: int, rows: list[msgspec.Raw], patience_s: float = ANSWER_S) -> list[RowRefused]:
        """Hand over rows and wait until each is stored or refused.

        Parameters
        ----------
        source : int
            Key of the platform whose devices these may be, or :data:`~devices.pushed.SIGNED_IN`.
        rows : list of Raw
            :class:`~devices.pushed.PushedRow` as JSON; at most :data:`~devices.pushed.MOST_ROWS`.

        Returns
        -------
        list of RowRefused
            Those that were not taken, in their order; all others are stored, now or before.

        Raises
        ------
        NotStoredError
            No word came in time: some may be stored, and sending all again is safe.
        ValueError
            Too many rows, or too many bytes.
        """
        if not rows:
            return []
        if len(rows) > MOST_ROWS:
            raise ValueError(f"{len(rows)} rows; at most {MOST_ROWS}")
        number = next(self._numbers)
        payload = msgspec.json.encode(Heap(number, self._sender, source, rows))
        if len(payload) > MOST_BYTES:
            raise ValueError(f"{len(payload)} bytes; at most {MOST_BYTES}")
        assert self._loop is not None, "start() comes first"
        done: asyncio.Future[list[RowRefused]] = self._loop.create_future()
        try:
            async with asyncio.timeout(min(CONNECT_S, patience_s)):
                await self.connected.wait()
            self._waiting[number] = _Waiting(len(rows), done)
            self._client.publish(TOPIC, payload)
            async with asyncio.timeout(patience_s):
                return await done
        except TimeoutError:
            raise NotStoredError("no ingest worker answered in time") from None
        finally:
            self._waiting.pop(number, None)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message of a device's own (an event, a reply), kept over a reconnect."""
        self._client.publish(topic, payload, qos=1)

    async def listen(self, topic: str, listener: Listener) -> None:
        """Give what comes on ``topic`` to ``listener``, in the loop.

        Returns when the broker has taken it on, or is away: then it is asked as soon as it is back.
        """
        self._listeners[topic] = listener
        # Set before this is asked, so _on_connect finds the topic where a connection is only just being made.
        if self._loop is None or not self._client.is_connected():
            return
        _result, number = self._client.subscribe(topic, qos=1)
        if number is None:
            return
        taken = self._subscribing[number] = self._loop.create_future()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SUBSCRIBE_S):
                await taken
        self._subscribing.pop(number, None)

    def leave(self, topic: str) -> None:
        """Listen no more."""
        if self._listeners.pop(topic, None) is not None and self._client.is_connected():
            self._client.unsubscribe(topic)

    def _call(self, work: Callable[..., object], *arguments: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(work, *arguments)

    def _on_connect(
        self, client: mqtt.Client, _data: object, _flags: object, reason: mqtt.ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            logger.error("road: the broker refused us: %s", reason)
            return
        client.subscribe(f"{ANSWERS}/{self._sender}")
        for topic in list(self._listeners):
            client.subscribe(topic, qos=1)
        self._call(self.connected.set)

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self._call(self._hear, message.topic, bytes(message.payload))

    def _subscribed(self, number: int) -> None:
        taken = self._subscribing.get(number)
        if taken is not None and not taken.done():
            taken.set_result(None)

    def _hear(self, topic: str, payload: bytes) -> None:
        if (listener := self._listeners.get(topic)) is not None:
            listener(payload)
            return
        try:
            answer = _answer.decode(payload)
        except msgspec.MsgspecError:
            logger.exception("road: unreadable answer on %s", topic)
            return
        if (waiting := self._waiting.get(answer.id)) is not None:
            waiting.take(answer)
