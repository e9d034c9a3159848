"""The live socket: one open map's line to the hub (protocol: ``docs/protocols/live.md``)."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import parse_cookie
from prometheus_client import Gauge

from twin.live.conversation import Conversation
from twin.live.hub import hub
from twin.live.line import CLOSE_PERMISSION, Leave

logger = logging.getLogger(__name__)

open_sockets = Gauge("sandtable_live_sockets", "Open live sockets")


def _header(scope: dict[str, Any], name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _same_origin(scope: dict[str, Any]) -> bool:
    """Whether the page that asks is ours: a foreign page must not use its visitor's session."""
    return urlsplit(_header(scope, b"origin")).netloc == _header(scope, b"host") != ""


async def live_socket(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """ASGI application for ``/live``."""
    event = await receive()
    if event["type"] != "websocket.connect":
        return
    # Not http.cookies: that rejects all for one of a neighbour on this host.
    cookies = parse_cookie(_header(scope, b"cookie"))
    language = cookies.get(settings.LANGUAGE_COOKIE_NAME)
    if not _same_origin(scope):
        await send({"type": "websocket.close", "code": CLOSE_PERMISSION})
        return
    await send({"type": "websocket.accept"})
    spoken = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    conversation = Conversation(hub, cookies.get(settings.SESSION_COOKIE_NAME, ""), spoken, receive, send)
    open_sockets.inc()
    try:
        await conversation.run()
    except Leave as leave:
        await conversation.bye(leave)
    except OSError:
        logger.debug("live socket: the browser went away")
    finally:
        open_sockets.dec()
