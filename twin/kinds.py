"""Asset kinds (对象类别): what sort of things stand and move on the map.

A kind is a frozen declaration; the platform brings the four below, modules add theirs at start. ``code`` is what is
stored in history and sent to browsers: it never changes once used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from twin.exceptions import DuplicateKindError, UnknownKindError


class Status(IntEnum):
    """What an asset is doing; *silent* is no status but the age of its last report."""

    IDLE = 0
    WORKING = 1
    ALERT = 2
    OFF = 3


STATUS_NAMES: dict[Status, str | Promise] = {
    Status.IDLE: _("待机"),
    Status.WORKING: _("作业中"),
    Status.ALERT: _("告警"),
    Status.OFF: _("关机"),
}
SILENCED = (Status.IDLE, Status.WORKING)
"""States that a thing not heard from cannot be believed to be in; the others stay until it says otherwise."""
MOST_JITTER_M = 1000.0


@dataclass(frozen=True)
class AssetKind:
    """One kind of asset.

    Attributes
    ----------
    key : str
        Stable name, as used in topics and addresses.
    code : int
        1..255, stored and sent in its place.
    name : str
        What people call it.
    glyph : str
        Name of the symbol on the map.
    silent_after_s : int
        Seconds without a report after which it counts as silent (静默).
    retention_days : int
        Days its track is kept, archive included; older positions are refused, older partitions and files dropped.
    hot_days : int
        Whole days that stay in the database; older ones are archived (:mod:`twin.archive`).
    fastest_m_s : float
        Faster than this it does not move: a position that would need it is an outlier (:mod:`twin.tracks`).
    jitter_m : float
        How far its positions stray, in metres: no further outside, it has not left an area; no further beyond, it has
        not passed a line. 0: every position is believed.
    leave_after_s : int
        Seconds outside or beyond after which it has all the same.
    """

    key: str
    code: int
    name: str | Promise
    glyph: str
    silent_after_s: int
    retention_days: int
    hot_days: int = 7
    fastest_m_s: float = 60.0
    jitter_m: float = 0.0
    leave_after_s: int = 30

    def __post_init__(self) -> None:
        if not 1 <= self.code <= 255:
            raise ValueError(f"asset kind {self.key!r}: code must be 1..255, not {self.code}")
        if self.retention_days < 1 or self.silent_after_s < 1:
            raise ValueError(f"asset kind {self.key!r}: retention_days and silent_after_s must be positive")
        if not (0 <= self.jitter_m <= MOST_JITTER_M and self.leave_after_s >= 0):
            raise ValueError(f"asset kind {self.key!r}: jitter_m must be 0..{MOST_JITTER_M:g}, leave_after_s 0 or more")
        if self.hot_days < 1 or not self.fastest_m_s > 0:
            raise ValueError(f"asset kind {self.key!r}: hot_days and fastest_m_s must be positive")


_by_key: dict[str, AssetKind] = {}
_by_code: dict[int, AssetKind] = {}


def register_kind(kind: AssetKind) -> AssetKind:
    """Declare a kind.

    Raises
    ------
    DuplicateKindError
        Its key or code is taken.
    """
    for taken in (_by_key.get(kind.key), _by_code.get(kind.code)):
        if taken is not None and taken != kind:
            raise DuplicateKindError(f"asset kind {kind.key!r} (code {kind.code}) collides with {taken.key!r}")
    _by_key[kind.key] = kind
    _by_code[kind.code] = kind
    return kind


def kinds() -> Iterator[AssetKind]:
    """All declared kinds, in the order of their codes."""
    return (_by_code[code] for code in sorted(_by_code))


def kind_of(key: str) -> AssetKind:
    """The kind of that key.

    Raises
    ------
    UnknownKindError
        None is declared.
    """
    try:
        return _by_key[key]
    except KeyError:
        raise UnknownKindError(f"no asset kind {key!r}; declared: {', '.join(_by_key)}") from None


def kind_choices() -> list[tuple[str, str | Promise]]:
    """Key and name of every kind, for model and form fields."""
    return [(kind.key, kind.name) for kind in kinds()]


MACHINE = register_kind(
    AssetKind("machine", 1, _("设备"), "machine", silent_after_s=120, retention_days=90, jitter_m=10)
)
PERSON = register_kind(
    AssetKind("person", 2, _("人员"), "person", silent_after_s=60, retention_days=90, jitter_m=2, leave_after_s=10)
)
VEHICLE = register_kind(
    AssetKind("vehicle", 3, _("车辆"), "vehicle", silent_after_s=60, retention_days=90, jitter_m=10, leave_after_s=20)
)
DRONE = register_kind(
    AssetKind(
        "drone",
        4,
        _("无人机"),
        "drone",
        silent_after_s=20,
        retention_days=30,
        fastest_m_s=80,
        jitter_m=5,
        leave_after_s=5,
    )
)
