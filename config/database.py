"""A database address as Django and psycopg want it."""

from __future__ import annotations

from copy import deepcopy
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


def pooled(database: dict[str, Any]) -> dict[str, Any]:
    """The same database with connections that a process keeps and lends to its requests' threads.

    For web processes: making a connection takes them and PostgreSQL some ten milliseconds of work, more than most
    requests do. It also bounds how many connections a rush of requests opens; the others wait for a moment.
    """
    kept = deepcopy(database)
    kept["CONN_HEALTH_CHECKS"] = True  # one that a restart of PostgreSQL broke is replaced before it is lent
    kept["OPTIONS"]["pool"] = {
        "min_size": 2,
        "max_size": 16,
        "max_idle": 60,
        "max_lifetime": 600,
        # How long a request waits for a connection; and how long the pool tries by itself, ever more rarely, to reach
        # a database that is away, before whoever asks next makes it begin anew: together, how late it is noticed that
        # the database is back.
        "timeout": 4,
        "reconnect_timeout": 2,
    }
    return kept
