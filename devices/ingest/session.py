"""How an ingest worker talks with the database."""

from __future__ import annotations

import psycopg

from devices.process import PATIENCE

LONGEST_PAUSE_S = 20


def open_session(database: dict) -> psycopg.Connection:
    """Connect; ``database`` as for :func:`psycopg.connect`."""
    connection = psycopg.connect(**PATIENCE | database, autocommit=True)
    connection.execute("SET statement_timeout = '30s'")
    # A worker that froze amid a transaction holds the locks on its leases: others could never take over.
    connection.execute(f"SET idle_in_transaction_session_timeout = '{LONGEST_PAUSE_S}s'")
    # A heap meets a few rows of large tables, by their keys. Not knowing how few, the planner would read the tables
    # whole, and a position would cost the more the more devices there are.
    connection.execute("SET enable_hashjoin = off")
    connection.execute("SET enable_mergejoin = off")
    # Nor by a plan that was made, and kept, while the tables were empty.
    connection.execute("SET enable_seqscan = off")
    return connection
