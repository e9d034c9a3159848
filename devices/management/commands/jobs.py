"""Do the platform's jobs: those asked for, and those of the clock."""

from django.core.management import call_command

from devices.background import run_in_background
from devices.process import ProcessCommand, serve_metrics
from devices.reporting.reporter import reporting


class Command(ProcessCommand):
    """``manage.py jobs``: a worker of procrastinate that is seen in the machine room; runs until told to end."""

    help = "执行后台作业（procrastinate），并上报本进程的运行情况"

    def handle(self, *args: object, **options: object) -> None:
        """Run."""
        run_in_background()
        serve_metrics()
        with reporting("jobs"):
            # Two at once: archiving a day takes minutes, and counts and figures are due every one of them.
            call_command("procrastinate", "worker", concurrency=2)
