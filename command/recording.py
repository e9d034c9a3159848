"""Alerts are told to the recordings: cameras near them record, and let go when they are closed."""

from __future__ import annotations

from command.lifecycle import AlertState, StepAction
from command.models import AlertStep
from media.recordings.happened import alert_closed, alert_raised


def tell_recordings(step: AlertStep) -> None:
    """A listener of :mod:`command.events`."""
    alert = step.alert
    if step.action == StepAction.RAISED:
        place = (alert.lon, alert.lat) if alert.lon is not None and alert.lat is not None else None
        alert_raised(str(alert.pk), str(alert), alert.asset_id, place, alert.raised_at)
    elif step.state_after == AlertState.CLOSED:
        alert_closed(str(alert.pk))
