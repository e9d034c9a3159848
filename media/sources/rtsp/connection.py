"""One RTSP connection: questions in turn, with credentials where they are asked for; packets beside them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Callable, Mapping
from typing import cast

from media.exceptions import NoReplyError, OfflineError, RefusedByDeviceError
from media.sip.digest import answer_challenge
from media.sip.exceptions import MalformedError
from media.sip.headers import read_credentials
from media.sources import tls
from media.sources.faults import (
    CLOSED,
    DECLINED,
    LOGIN,
    NOT_THERE,
    SILENT,
    STRANGE,
    TRANSPORT,
    UNREACHABLE,
    WRONG_LOGIN,
)
from media.sources.rtsp.messages import Answer, Asked, Reader, RtspError, write_request

CONNECT_S = 5.0
ANSWER_S = 8.0
PUBLIC = "OPTIONS, GET_PARAMETER"


class Connection(asyncio.Protocol):
    """A connection to one camera.

    Parameters
    ----------
    on_data : callable
        Gets channel and packet of what is interleaved.
    on_end : callable
        Told once why the connection is no more; not after :meth:`close`.
    """

    def __init__(
        self,
        username: str = "",
        password: str = "",
        on_data: Callable[[int, bytes], None] = lambda _channel, _packet: None,
        on_end: Callable[[str], None] = lambda _why: None,
    ) -> None:
        self.peer = ""
        self.local = ""
        self._username, self._password = username, password
        self._on_data, self._on_end = on_data, on_end
        self._transport: asyncio.Transport | None = None
        self._reader = Reader()
        self._number = 0
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._turn = asyncio.Lock()
        self._challenges: tuple[str, ...] = ()
        self._ended = ""

    async def open(self, host: str, port: int, *, secure: bool = False) -> None:
        """Connect, by TLS where it is to be ``secure``.

        Raises
        ------
        OfflineError
            Nobody is there.
        """
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                await loop.create_connection(lambda: self, host, port, ssl=tls.context() if secure else None)
        except (OSError, TimeoutError, UnicodeError) as error:
            raise OfflineError(f"{UNREACHABLE}: {host}:{port}") from error

    async def ask(self, method: str, uri: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask, and wait for a good answer; credentials are shown where they are asked for, twice at most.

        Raises
        ------
        MediaError
            There was no answer, or another than 2xx.
        """
        async with self._turn:
            answer = await self._ask(method, uri, headers or {})
            for _again in range(2):
                if answer.status != 401:
                    break
                if not self._username:
                    raise RefusedByDeviceError(LOGIN)
                # A second 401 is a wrong password, unless the number we used has only grown old.
                before, self._challenges = self._challenges, answer.headers.get("www-authenticate", ())
                if before and not any("stale=true" in c.lower().replace('"', "") for c in self._challenges):
                    break
                answer = await self._ask(method, uri, headers or {})
        if 200 <= answer.status < 300:
            return answer
        fault = {401: WRONG_LOGIN, 403: WRONG_LOGIN, 404: NOT_THERE, 461: TRANSPORT}.get(answer.status, DECLINED)
        raise RefusedByDeviceError(f"{fault}: {answer.status} {answer.reason}".rstrip())

    async def _ask(self, method: str, uri: str, headers: Mapping[str, str]) -> Answer:
        self._number += 1
        number = str(self._number)
        shown = {"Authorization": value} if (value := self._credentials(method, uri)) else {}
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered
        try:
            self._write(write_request(method, uri, self._number, {**headers, **shown}))
            async with asyncio.timeout(ANSWER_S):
                return await answered
        except TimeoutError:
            raise NoReplyError(f"{SILENT}: {method}") from None
        finally:
            del self._waiting[number]

    def _credentials(self, method: str, uri: str) -> str:
        """Of digests the first that we know; Basic, which shows the password to the wire, only where there is none."""
        digests = []
        for challenge in self._challenges:
            with contextlib.suppress(MalformedError):
                digests.append(read_credentials(challenge))
        if text := answer_challenge(digests, self._username, self._password, method, uri):
            return text
        if any(challenge.lower().startswith("basic") for challenge in self._challenges):
            return "Basic " + base64.b64encode(f"{self._username}:{self._password}".encode()).decode()
        return ""

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._ended:
            raise NoReplyError(self._ended or CLOSED)
        self._transport.write(data)

    def tell(self, method: str, uri: str, headers: Mapping[str, str]) -> None:
        """Say something whose answer nobody waits for; on a connection that is gone, nothing."""
        self._number += 1
        shown = {"Authorization": value} if (value := self._credentials(method, uri)) else {}
        with contextlib.suppress(NoReplyError, RtspError):
            self._write(write_request(method, uri, self._number, {**headers, **shown}))

    def close(self) -> None:
        """Hang up, what was said last included; nobody is told."""
        self._on_end = lambda _why: None
        self._on_data = lambda _channel, _packet: None
        if self._transport is not None:
            self._transport.close()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast(asyncio.Transport, transport)
        self.peer, self.local = (transport.get_extra_info(name)[0] for name in ("peername", "sockname"))

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        try:
            found = self._reader.feed(data)
        except RtspError as error:
            self._end(f"{STRANGE}: {error}")
            return
        for one in found:
            if isinstance(one, Answer):
                number = one.get("cseq") or next(iter(self._waiting), "")  # old cameras leave it out
                waiting = self._waiting.get(number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(one)
            elif isinstance(one, Asked):
                # Some servers ask whether we still live; what else they want we do not do.
                known = one.method in PUBLIC.split(", ")
                status = "200 OK" if known else "501 Not Implemented"
                theirs = one.number if one.number.isascii() and one.number.isdecimal() else "0"
                with contextlib.suppress(NoReplyError):
                    self._write(f"RTSP/1.0 {status}\r\nCSeq: {theirs}\r\nPublic: {PUBLIC}\r\n\r\n".encode())
            else:
                self._on_data(one.channel, one.packet)

    def connection_lost(self, error: Exception | None) -> None:
        """The camera has hung up."""
        self._transport = None  # Python 3.11.2 cannot abort TLS that is over
        self._end(CLOSED)

    def _end(self, why: str) -> None:
        if self._ended:
            return
        self._ended = why
        if self._transport is not None:
            self._transport.abort()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(NoReplyError(why))
        self._on_end(why)
