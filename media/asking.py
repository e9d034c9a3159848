"""Questions from the web to the process that talks to cameras, and its answers: JSON over the broker.

A web process knows nobody's address and holds no stream; it asks on one topic, with the platform's own account, and
whoever talks to cameras answers on the topic it is told. Answers carry data (what is recorded, which presets there
are), so they are no device commands (``docs/adr/0032-gb28181.md``).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import paho.mqtt.client as mqtt
from django.conf import settings
from paho.mqtt.enums import CallbackAPIVersion

from devices.protocols.road import Road
from media.exceptions import MediaError, NoReplyError, NotOfferedError, OfflineError, RefusedByDeviceError
from media.faults import NO_BROKER, NO_SERVICE

logger = logging.getLogger(__name__)

TOPIC = "st/media/gb28181/ask"
ANSWERS = "st/media/answers"
MOST_BYTES = 1 << 20
MOST_OPEN = 200
ERRORS: Mapping[str, type[MediaError]] = {
    "offline": OfflineError,
    "no_reply": NoReplyError,
    "refused": RefusedByDeviceError,
    "not_offered": NotOfferedError,
}


class Question(msgspec.Struct):
    """What is asked, and where the answer is waited for."""

    name: str
    args: dict[str, Any]
    reply: str


class Answer(msgspec.Struct, omit_defaults=True):
    """What came of it: ``error`` is one of :data:`ERRORS`, empty where all went well."""

    value: Any = None
    error: str = ""
    text: str = ""


Handler = Callable[[dict[str, Any]], Awaitable[Any]]
_question = msgspec.json.Decoder(Question)
_answer = msgspec.json.Decoder(Answer)


class Answering:
    """The answering side; belongs to an asyncio loop.

    Parameters
    ----------
    handlers : mapping
        What can be asked, by name; each gets the arguments and gives what JSON can say.
    """

    def __init__(self, road: Road, handlers: Mapping[str, Handler]) -> None:
        self._road, self._handlers = road, handlers
        self._open: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen."""
        await self._road.listen(TOPIC, self._hear)

    def _hear(self, payload: bytes) -> None:
        if len(self._open) >= MOST_OPEN or len(payload) > MOST_BYTES:
            logger.warning("media: a question was dropped: too many are open, or it is too long")
            return
        try:
            question = _question.decode(payload)
        except msgspec.MsgspecError:
            logger.exception("media: unreadable question")
            return
        task = asyncio.create_task(self._reply(question))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _reply(self, question: Question) -> None:
        try:
            handler = self._handlers.get(question.name)
            if handler is None:
                raise NotOfferedError(f"nobody answers {question.name!r}")
            answer = Answer(await handler(question.args))
        except MediaError as error:
            kind = next((name for name, type_ in ERRORS.items() if isinstance(error, type_)), "no_reply")
            answer = Answer(error=kind, text=str(error))
        except (KeyError, TypeError, ValueError) as error:
            answer = Answer(error="not_offered", text=f"{type(error).__name__}: {error}")
        except Exception as error:
            logger.exception("media: %s could not be answered", question.name)
            answer = Answer(error="no_reply", text=type(error).__name__)
        self._road.publish(f"{ANSWERS}/{question.reply}", msgspec.json.encode(answer))

    def stop(self) -> None:
        """Answer nobody any more."""
        for task in self._open:
            task.cancel()


def ask(question: str, timeout_s: float = 15.0, /, **args: Any) -> Any:
    """Ask, and wait for the answer; for Django's own threads.

    Parameters
    ----------
    question : str
        Name of one of the handlers.
    timeout_s : float
        How long to wait.
    **args
        The handler's arguments.

    Raises
    ------
    MediaError
        One of :data:`ERRORS`: what the process said, or that it said nothing.
    """
    reply = secrets.token_hex(12)
    address = urlsplit(settings.MQTT_URL)
    heard: list[bytes] = []
    subscribed, done = threading.Event(), threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set(unquote(address.username or ""), unquote(address.password or ""))

    def on_message(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        heard.append(bytes(message.payload))
        done.set()

    client.on_connect = lambda c, *_: c.subscribe(f"{ANSWERS}/{reply}", qos=1)
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = on_message
    try:
        client.connect(address.hostname or "127.0.0.1", address.port or 1883)
    except OSError:
        raise NoReplyError(NO_BROKER) from None
    client.loop_start()
    try:
        if not subscribed.wait(5):
            raise NoReplyError(NO_BROKER)
        client.publish(TOPIC, msgspec.json.encode(Question(question, args, reply)), qos=1)
        if not done.wait(timeout_s):
            raise NoReplyError(NO_SERVICE)
    finally:
        client.disconnect()
        client.loop_stop()
    answer = _answer.decode(heard[0])
    if answer.error:
        raise ERRORS.get(answer.error, NoReplyError)(answer.text)
    return answer.value
