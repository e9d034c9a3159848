"""The web process: pages by Django, live sockets by the hub."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from django.conf import settings
from django.core.asgi import get_asgi_application

from config.database import pooled
from config.start import set_up
from config.static_door import StaticDoor

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Here and not in the settings: other processes have one thread or two with a database, and each keeps its own.
settings.DATABASES["default"] = pooled(settings.DATABASES["default"])
set_up()
pages = get_asgi_application()
static_door = StaticDoor()

from config.tile_door import serve as serve_tile  # noqa: E402 (needs the apps)
from devices.process import serve_metrics  # noqa: E402 (needs the apps)
from devices.protocols.http_push import push_door  # noqa: E402
from devices.protocols.push_request import PATH as PUSH_PATH  # noqa: E402
from devices.reporting.reporter import start_reporting  # noqa: E402
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
    elif scope["path"] == PUSH_PATH:
        await push_door(scope, receive, send)
    elif not (await static_door.serve(scope, send) or await serve_tile(scope, send)):
        await pages(scope, receive, send)


async def _lifespan(receive: Any, send: Any) -> None:
    reporter = None
    while True:
        event = await receive()
        if event["type"] == "lifespan.startup":
            serve_metrics()
            reporter = start_reporting("web")
            await hub.start()
            await send({"type": "lifespan.startup.complete"})
        elif event["type"] == "lifespan.shutdown":
            await hub.stop()
            await push_door.stop()
            if reporter is not None:
                await asyncio.to_thread(reporter.stop)
            await send({"type": "lifespan.shutdown.complete"})
            return
