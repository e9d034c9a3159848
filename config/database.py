"""A database address as Django and psycopg want it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


def parse_database_url(url: str) -> dict[str, Any]:
    """Turn ``postgres://user:password@host:port/name?sslmode=…`` into a Django ``DATABASES`` entry.

    Raises
    ------
    ValueError
        The address is not a PostgreSQL one, or names no database.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql", "postgis"):
        raise ValueError(f"DATABASE_URL must begin with postgres://, not {parts.scheme or url!r}")
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ValueError("DATABASE_URL names no database: postgres://user:password@host:port/NAME")
    return {
        "ENGINE": "django.contrib.gis.db.backends.postgis",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": dict(parse_qsl(parts.query)),
        # Under ASGI each request has a thread of its own, and a connection kept for later would be kept by nobody.
        "CONN_MAX_AGE": 0,
    }


MOST_CONNECTIONS = 16
"""Of one web process."""


def pool_connections(database: dict[str, Any]) -> None:
    """Let the requests of a process share connections, before its first: each has a thread of its own.

    A new connection costs some 3 ms, and the first shape it converts some 20 more, for PostGIS and PROJ to be loaded.
    """
    database["OPTIONS"]["pool"] = {"min_size": 2, "max_size": MOST_CONNECTIONS, "timeout": 10}
    # The server may have been restarted since a connection was used last.
    database["CONN_HEALTH_CHECKS"] = True
