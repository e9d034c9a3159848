"""A browser's live socket, for benchmarks: of somebody who sees the whole city."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings

from bench._throwaway import sandtable

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection


WHOLE_CITY = (120.0, 30.0, 123.0, 33.0)
BLOCK = (121.46, 31.22, 121.51, 31.27)
"""A few streets, as somebody sees them who looks at single things."""


@asynccontextmanager
async def live_socket(
    bbox: tuple[float, float, float, float] = WHOLE_CITY, zoom: float = 12
) -> AsyncIterator[ClientConnection]:
    """An open socket that looks at a part of the city."""
    import websockets

    url = json.loads(
        (await asyncio.to_thread(sandtable, settings.VAR_DIR, "status", "--json", capture_output=True)).stdout
    )["url"]
    session = await asyncio.to_thread(session_of_the_bench)
    headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"}
    address = f"ws://{urlsplit(url).netloc}/live"
    async with websockets.connect(address, origin=url, additional_headers=headers, max_size=None) as socket:  # type: ignore[arg-type]
        await socket.send(json.dumps({"type": "view", "bbox": bbox, "zoom": zoom}))
        yield socket


def session_of_the_bench() -> str:
    """A session of somebody who sees the whole city."""
    from django.test import Client

    from access.models import Grant, User

    user, _ = User.objects.get_or_create(username="bench")
    Grant.objects.get_or_create(user=user, role="city")
    client = Client()
    client.force_login(user)
    return client.session.session_key or ""
