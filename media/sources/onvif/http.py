"""One HTTP question and its answer, on our loop: no redirects, no proxies, limited in size and time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import NamedTuple

import httptools

from media.exceptions import NoReplyError, OfflineError
from media.sources import tls
from media.sources.faults import SILENT, STRANGE, UNREACHABLE

CONNECT_S = 5.0
ANSWER_S = 8.0
MOST_BYTES = 1 << 20


class HttpAnswer(NamedTuple):
    """Header names in lower case; of several equal ones each in turn."""

    status: int
    headers: Mapping[str, tuple[str, ...]]
    body: bytes


class _Taken:
    """What the parser tells of."""

    def __init__(self) -> None:
        self.headers: dict[str, tuple[str, ...]] = {}
        self.body = bytearray()
        self.whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.decode("latin-1").lower()
        self.headers[key] = (*self.headers.get(key, ()), value.decode("latin-1"))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole = True


async def post(
    host: str, port: int, path: str, body: bytes, headers: Mapping[str, str], *, secure: bool = False
) -> HttpAnswer:
    """Send a body, by TLS where it is to be ``secure``, and wait for what comes back.

    Raises
    ------
    MediaError
        Nobody is there, nothing comes, or it is no HTTP or too much.
    """
    try:
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls.context() if secure else None)
    except (OSError, TimeoutError, UnicodeError):
        raise OfflineError(f"{UNREACHABLE}: {host}:{port}") from None
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}:{port}", "Connection: close", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    try:
        async with asyncio.timeout(ANSWER_S):
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            return await _read(reader)
    except TimeoutError:
        raise NoReplyError(f"{SILENT}: {host}:{port}") from None
    except (OSError, httptools.HttpParserError) as error:
        raise NoReplyError(f"{STRANGE}: {type(error).__name__}") from None
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> HttpAnswer:
    taken = _Taken()
    parser = httptools.HttpResponseParser(taken)
    count = 0
    while not taken.whole and (data := await reader.read(65_536)):
        count += len(data)
        if count > MOST_BYTES:
            raise NoReplyError(f"{STRANGE}: more than {MOST_BYTES} bytes")
        parser.feed_data(data)
    if not taken.whole and not (taken.body and "content-length" not in taken.headers):
        raise NoReplyError(f"{STRANGE}: cut short")
    return HttpAnswer(parser.get_status_code(), taken.headers, bytes(taken.body))
