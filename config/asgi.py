"""The web process: pages by Django, live sockets by the hub."""

from __future__ import annotations

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
pages = get_asgi_application()

from devices.process import serve_metrics  # noqa: E402 (needs the apps)
from twin.live.hub import hub  # noqa: E402
from twin.live.socket import live_socket  # noqa: E402


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Give each connection to whom it belongs."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
    elif scope["type"] == "websocket":
        if scope["path"] == "/live":
            await live_socket(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": 4404})
    else:
        await pages(scope, receive, send)


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        event = await receive()
        if event["type"] == "lifespan.startup":
            serve_metrics()
            await hub.start()
            await send({"type": "lifespan.startup.complete"})
        elif event["type"] == "lifespan.shutdown":
            await hub.stop()
            await send({"type": "lifespan.shutdown.complete"})
            return
