"""Jobs of the devices' floor."""

from __future__ import annotations

from django.db import connection
from procrastinate.contrib.django import app

from access.audit import acting
from devices.commands import follow_up
from devices.ingest.ledger import trim_refusals


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="devices.keep_last_refusals")
def keep_last_refusals(timestamp: int) -> None:
    """Drop all refusal records but the last; the counts stay."""
    with connection.cursor() as cursor:
        trim_refusals(cursor)


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="devices.forget_old_pushes")
def forget_old_pushes(timestamp: int) -> None:
    """Drop nonces whose time stamp nobody would take any more, and receipts of yesterday's batches."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM devices_pushnonce WHERE at < clock_timestamp() - interval '15 minutes'")
        cursor.execute("DELETE FROM devices_pushreceipt WHERE at < clock_timestamp() - interval '1 day'")


@app.task
def follow_up_command(command_id: int) -> None:
    """Send a command again that nobody answered yet, or close it when its time is over."""
    with acting("commands"):
        follow_up(command_id)
