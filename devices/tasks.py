"""Jobs of the devices' floor."""

from __future__ import annotations

from django.db import connection
from procrastinate.contrib.django import app

from devices.ingest.ledger import trim_refusals


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="devices.keep_last_refusals")
def keep_last_refusals(timestamp: int) -> None:
    """Drop all refusal records but the last; the counts stay."""
    with connection.cursor() as cursor:
        trim_refusals(cursor)
