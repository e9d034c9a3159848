"""Jobs of this floor."""

from __future__ import annotations

from django.db import connection, transaction
from procrastinate.contrib.django import app

from command.machineroom.watch import watch_without_rules
from command.push import publish_after_commit

JOBS_KEPT_H = 7 * 24


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="command.watch_the_watcher")
def watch_the_watcher(timestamp: int) -> None:
    """Where no rules process lives to watch the platform, do it once: somebody must say that it is gone."""
    with transaction.atomic(), connection.cursor() as cursor:
        changed = watch_without_rules(cursor)
        if changed:
            publish_after_commit(changed, "jobs")


@app.periodic(cron="17 3 * * *")
@app.task(queueing_lock="command.forget_old_jobs")
async def forget_old_jobs(timestamp: int) -> None:
    """Forget jobs that ended a week ago."""
    await app.job_manager.delete_old_jobs(
        nb_hours=JOBS_KEPT_H, include_failed=True, include_cancelled=True, include_aborted=True
    )
