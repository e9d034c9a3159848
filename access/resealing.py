"""What else is sealed with the data key, besides personal identifiers: floors above say so at start."""

from __future__ import annotations

from collections.abc import Callable

Reseal = Callable[[], int]
_resealers: dict[str, Reseal] = {}


def register_resealer(label: str, reseal: Reseal) -> None:
    """Have something sealed anew when the data key changes; call it in ``AppConfig.ready``.

    Parameters
    ----------
    label : str
        What is sealed: ``devices.PushKey.sealed``.
    reseal : callable
        Seals everything that is not under the present key anew and returns how much that was. It may be interrupted and
        called again; what it cannot open raises :class:`access.exceptions.PersonalDataError`.
    """
    _resealers[label] = reseal


def resealers() -> dict[str, Reseal]:
    """What was registered, by label."""
    return dict(_resealers)
