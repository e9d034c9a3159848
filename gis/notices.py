"""Change notices: who keeps a copy of a table in memory learns when the table changes.

A statement-level trigger on the table bumps the version of a *topic* (:class:`gis.models.Stamp`) in the same
transaction and notifies the PostgreSQL channel ``sandtable``; the notice arrives when the transaction commits. So no
code path can change the table and forget to say so, an editor at a SQL prompt included.

Versions begin with the clock (microseconds since 1970) and always grow: after a restored backup the next change gets a
number that no cache and no browser has seen. Raising a version locks its row until the end of the transaction, so
transactions that change several topics should do it in one order, and rows that change with every position
have no business behind a topic.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
from django.db import connection, migrations

from gis.models import Stamp

CHANNEL = "sandtable"

CREATE_FUNCTION = """
CREATE OR REPLACE FUNCTION sandtable_touch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now_us bigint := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
BEGIN
    INSERT INTO geo_stamp AS stamp (name, version) VALUES (TG_ARGV[0], now_us)
    ON CONFLICT (name) DO UPDATE SET version = greatest(stamp.version + 1, excluded.version);
    PERFORM pg_notify('sandtable', TG_ARGV[0]);
    RETURN NULL;
END
$$
"""
DROP_FUNCTION = "DROP FUNCTION IF EXISTS sandtable_touch()"


def touch_trigger(table: str, topic: str) -> migrations.RunSQL:
    """Migration operation: every statement that changes ``table`` touches ``topic``.

    Parameters
    ----------
    table : str
        Database table, e.g. ``twin_area``. Its migration must depend on ``("geo", "0001_initial")``.
    topic : str
        Name of the topic, at most 64 characters; several tables may share one.
    """
    name = f"{table}_touch"
    literal = "'" + topic.replace("'", "''") + "'"
    return migrations.RunSQL(
        f'CREATE TRIGGER "{name}" AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON "{table}" '
        f"FOR EACH STATEMENT EXECUTE FUNCTION sandtable_touch({literal})",
        f'DROP TRIGGER IF EXISTS "{name}" ON "{table}"',
    )


def stamp_of(topics: Iterable[str]) -> int:
    """One number for the present state of ``topics``: it grows whenever any of them changes.

    The sum of their versions; a topic that was never touched counts 0.
    """
    return sum(Stamp.objects.filter(name__in=list(topics)).values_list("version", flat=True))


def connection_parameters() -> dict[str, Any]:
    """What :func:`psycopg.connect` needs to reach Django's default database."""
    parameters = dict(connection.get_connection_params())
    for name in ("context", "cursor_factory", "pool"):
        parameters.pop(name, None)
    return parameters


def listen(
    topics: Iterable[str],
    *,
    stop: threading.Event | None = None,
    parameters: dict[str, Any] | None = None,
    poll_s: float = 1.0,
) -> Iterator[frozenset[str]]:
    """Yield the topics that changed, for as long as the caller wants.

    The first set is yielded at once and holds all ``topics``: listening has begun by then, so a caller that
    loads what it is told to load misses nothing. The same happens after each lost connection, because notices sent
    meanwhile are gone. Changes that arrive together are yielded together. Blocks: give it a thread of its own.

    Parameters
    ----------
    topics : iterable of str
        Topics wanted; others are ignored.
    stop : threading.Event, optional
        Ends the iteration within ``poll_s`` seconds of being set.
    parameters : dict, optional
        Keyword arguments of :func:`psycopg.connect`; Django's default database when left out.
    poll_s : float
        Longest time in seconds between two looks at ``stop``; also the pause before connecting again.

    Yields
    ------
    frozenset of str
        Topics to load again; never empty.
    """
    wanted = frozenset(topics)
    arguments: dict[str, Any] = {
        # A server that vanished without a word is noticed within some 15 seconds.
        "keepalives_idle": 5,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "connect_timeout": 5,
        **(connection_parameters() if parameters is None else parameters),
        "autocommit": True,
    }

    def stopped() -> bool:
        return stop is not None and stop.is_set()

    while not stopped():
        try:
            with psycopg.connect(**arguments) as listening:
                listening.execute(f"LISTEN {CHANNEL}")
                yield wanted
                while not stopped():
                    # psycopg ends the generator after the notices that came in one packet.
                    notices = listening.notifies(timeout=poll_s, stop_after=1)
                    changed = wanted & {notice.payload for notice in notices}
                    if changed:
                        yield changed
        except psycopg.OperationalError:
            if stop is None:
                time.sleep(poll_s)
            else:
                stop.wait(poll_s)
