"""A thread with a database connection of its own, for what lives on an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import close_old_connections, connections

Result = TypeVar("Result")


class DatabaseThread:
    """Does one thing after another; what it is asked takes milliseconds.

    Parameters
    ----------
    name : str
        Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def do(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Do ``work`` there; what it raises is raised here."""

        def run() -> Result:
            close_old_connections()
            try:
                return work(*arguments)
            except Exception:
                connections.close_all()
                raise

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    async def stop(self) -> None:
        """Let go of the connection, and end."""
        await self.do(connections.close_all)
        self._thread.shutdown(wait=False)
