"""One connection of a JT/T 808 terminal: who it is, what it sends, what is asked of it."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from devices.exceptions import RefusedError
from devices.protocols import jt808
from devices.protocols.jt808 import FAILED, OK, UNSUPPORTED, WRONG
from devices.protocols.jt808_frames import Framer, Message, Parts, read_message, write_message
from devices.protocols.registered import SignedIn, register, sign_in
from devices.topics import topic

if TYPE_CHECKING:
    from devices.protocols.jt808_server import Jt808Server

SIGN_IN_S = 30.0
FRAME_S = 30.0
"""From a frame's first byte to its last."""
IDLE_S = 900.0
"""Heartbeats come every few minutes at the latest."""
MOST_ATTEMPTS = 3
MOST_BAD_FRAMES = 20
MESSAGES_S, MOST_MESSAGES = 50.0, 500
"""How many messages a second are taken in the long run, and at once."""
MOST_UNSENT_BYTES = 64 << 10
COMMANDS_REMEMBERED = 100
REGISTRATION_RESULTS = {"not_authorised": jt808.TERMINAL_TAKEN}
OUTCOMES = {OK: "ok", FAILED: "failed", WRONG: "refused", UNSUPPORTED: "refused"}
TEXTS = {FAILED: "failed", WRONG: "message not understood", UNSUPPORTED: "not supported by the terminal"}
POSITIONS = (jt808.LOCATION, jt808.LOCATIONS, jt808.LOCATION_ANSWER)


class Command(msgspec.Struct):
    """What the platform asks of a device (``docs/protocols/mqtt.md``, section 7)."""

    id: int
    name: str
    args: dict[str, Any]
    expires_at: datetime


_command = msgspec.json.Decoder(Command)


class Terminal:
    """A connection; ``talk`` runs as long as it is open."""

    def __init__(self, server: Jt808Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.identifier = ""
        self.key_hash = ""
        self.peer = str((writer.get_extra_info("peername") or ("",))[0])
        self._server, self._reader, self._writer = server, reader, writer
        self._framer, self._parts = Framer(), Parts()
        self._phone, self._edition = "", 2013
        self._kind = ""
        self._serial = 0
        self._attempts = self._bad = 0
        self._tokens, self._counted_at = float(MOST_MESSAGES), time.monotonic()
        self._asked: dict[int, int] = {}
        self._replies: OrderedDict[int, bytes] = OrderedDict()
        self._sos = False
        self._closed = False

    async def talk(self) -> None:
        """Read until the other side, or a limit, ends it.

        Raises
        ------
        TimeoutError
            Nothing, or nothing whole, came in time.
        ConnectionError
            The connection broke.
        """
        opened = begun = time.monotonic()
        while not self._closed:
            now = time.monotonic()
            limits = [now + IDLE_S if self.key_hash else opened + SIGN_IN_S]
            if self._framer.partial:
                limits.append(begun + FRAME_S)
            async with asyncio.timeout(max(0.0, min(limits) - now)):
                data = await self._reader.read(1 << 14)
            if not data:
                return
            was_partial = self._framer.partial
            frames = self._framer.feed(data)
            if frames or not was_partial:
                begun = time.monotonic()
            for frame in frames:
                if self._closed:
                    return
                await self._take(frame)

    def close(self) -> None:
        """End the connection, sending what was said last."""
        if self._closed:
            return
        self._closed = True
        if self._kind:
            self._server.road.leave(topic(self._kind, self.identifier, "cmd"))
        self._writer.close()

    def answer(self, message: Message, result: int) -> None:
        """Send the general answer to ``message``."""
        self.send(jt808.ANSWER, jt808.general_answer(message, result))

    def send(self, id_: int, body: bytes) -> int:
        """Send a message; returns its serial number. One that does not read what it is sent is left."""
        self._serial = (self._serial + 1) & 0xFFFF
        if self._closed:
            return self._serial
        self._writer.write(write_message(Message(id_, self._phone, self._serial, body, self._edition)))
        if self._writer.transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
            self._writer.transport.abort()
            self.close()
        return self._serial

    async def _take(self, frame: bytes | RefusedError) -> None:
        self._count()
        message = None
        try:
            if isinstance(frame, RefusedError):
                raise frame
            part = read_message(frame)
            self._phone, self._edition = self._phone or part.phone, part.edition
            if part.phone != self._phone:
                raise RefusedError("foreign_device", f"{part.phone} on a connection of {self._phone}")
            message = self._parts.take(part)
            if message is None:
                self.answer(part, OK)
                return
            await self._obey(message)
        except RefusedError as refusal:
            self._server.turn_away(refusal, self)
            if message is not None and refusal.reason == "bad_frame":
                self.answer(message, WRONG)
            self._bad += 1
            if self._bad >= MOST_BAD_FRAMES or refusal.reason in ("foreign_device", "flooding"):
                self.close()

    def _count(self) -> None:
        now = time.monotonic()
        self._tokens = min(MOST_MESSAGES, self._tokens + (now - self._counted_at) * MESSAGES_S) - 1
        self._counted_at = now
        if self._tokens < 0:
            self._server.turn_away(RefusedError("flooding", f"more than {MESSAGES_S:.0f} messages a second"), self)
            self.close()

    async def _obey(self, message: Message) -> None:
        if self._closed:
            return
        if message.id == jt808.REGISTER:
            await self._register(message)
        elif message.id == jt808.AUTHENTICATE:
            await self._sign_in(message)
        elif message.id == jt808.LOGOUT:
            self.answer(message, OK)
            self.close()
        elif not self.key_hash:
            self.answer(message, FAILED)
            self._fail(RefusedError("not_authorised", f"message {message.id:#06x} before authentication"))
        elif message.id == jt808.HEARTBEAT:
            self.answer(message, OK)
        elif message.id in (jt808.GENERAL, jt808.LOCATION_ANSWER):
            self._answered(message)
        elif message.id in POSITIONS:
            self._located(message)
        else:
            self.answer(message, UNSUPPORTED)

    async def _register(self, message: Message) -> None:
        try:
            code = await self._server.database.do(register, message.phone, "jt808")
        except RefusedError as refusal:
            result = REGISTRATION_RESULTS.get(refusal.reason, jt808.NO_TERMINAL)
            self.send(jt808.REGISTERED, jt808.registration_answer(message, result))
            self._fail(refusal)
            return
        self.send(jt808.REGISTERED, jt808.registration_answer(message, jt808.NEW, code))

    async def _sign_in(self, message: Message) -> None:
        try:
            code = jt808.read_authentication(message)
            known: SignedIn = await self._server.database.do(sign_in, message.phone, code)
        except RefusedError as refusal:
            self.answer(message, FAILED)
            self._fail(refusal)
            return
        if self._closed:
            return
        self.identifier, self._kind, self.key_hash = known
        self._server.let_in(self)
        await self._server.road.listen(topic(self._kind, self.identifier, "cmd"), self.command)
        self.answer(message, OK)

    def _fail(self, refusal: RefusedError) -> None:
        """Count an attempt that failed; the third ends the connection."""
        self.identifier = self.identifier or self._phone
        self._server.turn_away(refusal, self)
        self._attempts += 1
        if self._attempts >= MOST_ATTEMPTS:
            self.close()

    def _call_for_help(self, location: jt808.Location) -> None:
        """Pass it on, from a terminal that does not know where it is, too; the clock of that one is not relied on."""
        event: dict[str, Any] = {"time": location.time_ms, "code": "sos", "lon": location.lon, "lat": location.lat}
        if not location.located:
            event = {"time": int(time.time() * 1000), "code": "sos"}
        self._say("event", event)

    def _located(self, message: Message) -> None:
        locations = jt808.read_locations(message)
        for location in locations if message.id != jt808.LOCATIONS else ():
            if location.sos and not self._sos:
                self._call_for_help(location)
            self._sos = location.sos
        self._server.report(self, message, locations)

    def _answered(self, message: Message) -> None:
        serial, result = jt808.read_result(message)
        command = self._asked.pop(serial, None)
        if command is not None:
            self._reply(command, OUTCOMES.get(result, "failed"), TEXTS.get(result, ""))
        if message.id == jt808.LOCATION_ANSWER:
            self._located(message)

    def command(self, payload: bytes) -> None:
        """Ask the terminal what a command says; a command that comes again is not carried out again."""
        try:
            command = _command.decode(payload)
        except msgspec.MsgspecError as error:
            self._server.turn_away(RefusedError("wrong_type", f"command: {error}"), self)
            return
        if (reply := self._replies.get(command.id)) is not None:
            self._server.road.publish(topic(self._kind, self.identifier, "reply"), reply)
            return
        if command.id in self._asked.values():
            return
        if command.expires_at < datetime.now(UTC):
            self._reply(command.id, "refused", "expired")
            return
        try:
            id_, body = jt808.command_of(command.name, command.args, self._edition)
        except (KeyError, TypeError, ValueError) as error:
            self._reply(command.id, "refused", str(error)[:200])
            return
        self._asked[self.send(id_, body)] = command.id

    def _reply(self, command: int, result: str, text: str) -> None:
        reply = {"id": command, "result": result, **({"text": text} if text else {})}
        self._replies[command] = msgspec.json.encode(reply)
        if len(self._replies) > COMMANDS_REMEMBERED:
            self._replies.popitem(last=False)
        self._say("reply", reply)

    def _say(self, channel: str, body: dict[str, Any]) -> None:
        self._server.road.publish(topic(self._kind, self.identifier, channel), msgspec.json.encode(body))
