"""What becomes of alerts, for whoever acts on it: work orders, messages, duty. Listeners register at start.

Each step of each alert is told once, in order, soon after it happened, in the rules process and inside a transaction:
what a listener writes is committed together with the mark that it was told. A listener that throws is told again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import transaction

from command.models import AlertStep

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 500
Listener = Callable[[AlertStep], None]
_listeners: list[Listener] = []


def register_alert_listener(listener: Listener) -> Listener:
    """Have ``listener(step)`` called for every step: ``step.action``, ``step.alert``, who, when."""
    _listeners.append(listener)
    return listener


def tell_listeners() -> int:
    """Tell what has not been told; returns how many steps were."""
    with transaction.atomic():
        untold = AlertStep.objects.filter(told=False).order_by("id")
        steps = list(untold.select_for_update(skip_locked=True, of=("self",)).select_related("alert")[:MOST_AT_ONCE])
        told = [step.pk for step in steps if _tell(step)]
        AlertStep.objects.filter(pk__in=told).update(told=True)
    return len(told)


def _tell(step: AlertStep) -> bool:
    try:
        with transaction.atomic():
            for listener in _listeners:
                listener(step)
    except Exception:  # a listener's fault must not keep the others' news
        logger.exception("step %d of alert %d could not be told; trying again", step.pk, step.alert_id)
        return False
    return True
