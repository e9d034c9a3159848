"""Database work of the live side: in a thread of its own with a connection of its own, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import close_old_connections, connections

Result = TypeVar("Result")

# One thread: what sockets ask takes milliseconds, and each further thread would hold a connection for ever.
_thread = ThreadPoolExecutor(1, thread_name_prefix="live-database")


async def in_database(work: Callable[..., Result], *arguments: object) -> Result:
    """Do ``work`` with the database; what it raises is raised here."""

    def run() -> Result:
        close_old_connections()
        try:
            return work(*arguments)
        except Exception:
            connections.close_all()
            raise

    return await asyncio.get_running_loop().run_in_executor(_thread, run)


async def close_connection() -> None:
    """Let go of the database."""
    await in_database(connections.close_all)
