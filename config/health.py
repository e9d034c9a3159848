"""Whether the platform lives, and whether it can serve."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from config.environment import ENVIRONMENT
from twin.live.hub import hub


@login_not_required
def healthz(_request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return _answer({"status": "ok"})


@login_not_required
def readyz(_request: HttpRequest) -> JsonResponse:
    """The process has its database and has read the live world; 503 with what is missing where it has not."""
    missing = []
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        missing.append("database")
    if not hub.ready:
        missing.append("live world")
    if not hub.broker_connected:
        missing.append("broker")
    return _answer({"status": "not ready" if missing else "ok", "missing": missing}, status=503 if missing else 200)


def _answer(values: dict[str, Any], status: int = 200) -> JsonResponse:
    return JsonResponse({**values, "installation": ENVIRONMENT.installation}, status=status)
