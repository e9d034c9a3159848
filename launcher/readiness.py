"""Asking a server whether it serves, in its own protocol and without its client library."""

from __future__ import annotations

import asyncio
import contextlib
import os
from urllib.parse import unquote, urlsplit

from launcher.broker import connect_packet

PATIENCE_S = 2.0
LONGEST_PAGE = 65536


async def _ask(host: str, port: int, question: bytes, answer_bytes: int) -> bytes:
    """Send and return the first bytes of the answer, fewer where it ends before; empty when none comes in time."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                if question:
                    writer.write(question)
                    await writer.drain()
                return await _first(reader, answer_bytes) if answer_bytes else b"-"
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError):
        return b""


async def _first(reader: asyncio.StreamReader, wanted: int) -> bytes:
    try:
        return await reader.readexactly(wanted)
    except asyncio.IncompleteReadError as error:
        return error.partial


async def postgres(port: int) -> bool:
    """Whether the server is past recovery: it then asks for a password instead of answering with an error."""
    body = (3 << 16).to_bytes(4, "big") + b"user\0postgres\0database\0postgres\0\0"
    return await _ask("127.0.0.1", port, (len(body) + 4).to_bytes(4, "big") + body, 1) == b"R"


async def broker(url: str) -> bool:
    """Whether the broker takes the platform's account."""
    parts = urlsplit(url)
    packet = connect_packet(
        unquote(parts.username or ""), unquote(parts.password or ""), f"sandtable-ready-{os.getpid()}"
    )
    return await _ask(parts.hostname or "127.0.0.1", parts.port or 1883, packet, 4) == b"\x20\x02\x00\x00"


async def listens(port: int) -> bool:
    """Whether something takes connections on a loopback port."""
    return await _ask("127.0.0.1", port, b"", 0) != b""


async def answers(url: str, word: str) -> bool:
    """Whether a page answers with 200 and has ``word`` in it, by which we know that it is ours."""
    parts = urlsplit(url)
    host = parts.hostname or "127.0.0.1"
    question = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode()
    answer = await _ask(host, parts.port or 80, question, LONGEST_PAGE)
    return answer[8:12] == b" 200" and word.encode() in answer
