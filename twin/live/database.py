"""Database work of the live side: in a thread of its own with a connection of its own, off the event loop."""

from __future__ import annotations

from django.db import connections

from twin.database import DatabaseThread

# One thread: what sockets ask takes milliseconds, and each further thread would hold a connection for ever.
_thread = DatabaseThread("live-database")
in_database = _thread.do


async def close_connection() -> None:
    """Let go of the database; the next work connects again."""
    await in_database(connections.close_all)
