"""A thread with a database connection of its own, for what lives on an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

Result = TypeVar("Result")
KEPT_S = 60.0
"""How old a connection gets: after that the next work has a new one."""


class DatabaseThread:
    """Does one thing after another; what it is asked takes milliseconds.

    Its connection is kept, for making one takes longer than most of the work; before each work it is asked whether it
    is still good, so that a database that was restarted costs nobody an error.

    Parameters
    ----------
    name : str
        Of the thread.
    """

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._fresh_until = 0.0

    async def do(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Do ``work`` there; what it raises is raised here."""

        def run() -> Result:
            self._let_go_of_the_old()
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

    def _let_go_of_the_old(self) -> None:
        too_old = time.monotonic() >= self._fresh_until
        for each in connections.all(initialized_only=True):
            if each.connection is not None and not each.in_atomic_block and (too_old or not each.is_usable()):
                each.close()
        if too_old:
            self._fresh_until = time.monotonic() + KEPT_S
