"""What a rule is told and what it answers: columns in, verdicts out.

Everything here is a value: no database, clock or network, so a rule can be run on last month's data as easily as on
this second's. Rows are *subjects at a moment*: positions of one batch, the present states of all things of a kind, or
things that sent an event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.kinds import kind_of

Ids = NDArray[np.int64]
Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]
Attributes = Mapping[str, Mapping[int, Any]]
AREA_ITSELF = -1
"""``Verdicts.row`` of a cause whose subject is an area."""


@dataclass(frozen=True)
class Areas:
    """Every active area, one entry an area.

    Attributes
    ----------
    id : int64[m]
        Keys, ascending.
    kind : object[m] of str
        ``fence``, ``key_area`` or ``zone``.
    version, owner, region : int64[m]
        Version of its shape; keys of owner and region, 0 for none.
    in_force : bool[m]
        Whether it is in force at :attr:`Facts.now_us`: always, unless it has periods.
    attributes : mapping
        Values that modules keep about areas, by attribute and area: read them with :meth:`values`.
    """

    id: Ids
    kind: NDArray[np.object_]
    version: Ids
    owner: Ids
    region: Ids
    in_force: Mask
    attributes: Attributes = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.id)

    def position(self, ids: ArrayLike) -> Ids:
        """Entries of the areas ``ids``, -1 for one that is not here: int64[k]."""
        wanted = np.asarray(ids, np.int64)
        if not len(self):
            return np.full(wanted.shape, -1, np.int64)
        at = np.searchsorted(self.id, wanted).clip(max=len(self) - 1)
        return np.where(self.id[at] == wanted, at, -1)

    def is_kind(self, *kinds: str) -> Mask:
        """Which areas are of these kinds: bool[m]."""
        return np.isin(self.kind.astype(str), kinds) if len(self) else np.zeros(0, bool)

    def values(self, key: str) -> NDArray[np.object_]:
        """The attribute ``key`` of every area, None where it has none: object[m]."""
        return _looked_up(self.attributes, key, self.id)

    def numbers(self, key: str) -> NDArray[np.float64]:
        """The attribute ``key`` as a number, NaN where there is none: float64[m]."""
        return _numbers(self.values(key))


@dataclass(frozen=True)
class Facts:
    """``n`` subjects at a moment, the areas, and who is where.

    Attributes
    ----------
    now_us : int
        The moment of judging, microseconds since 1970-01-01 UTC.
    asset : int64[n]
        Keys of the assets. A batch of positions may hold several rows of one asset: they are sorted by asset and time.
    kind : uint8[n]
        Codes of their kinds; :meth:`is_kind` takes keys.
    owner, region : int64[n]
        Keys of the owner and of the district where it is; 0 for none.
    time_us : int64[n]
        When it was so, microseconds since 1970-01-01 UTC.
    lon, lat : float64[n]
        Degrees, EPSG:4326.
    alt_m, speed_m_s : float32[n]
        NaN where unknown.
    status : int16[n]
        A :class:`twin.kinds.Status`.
    still_since_us : int64[n]
        Since when it has not left a circle of ``twin.moving.STILL_WITHIN_M`` metres.
    attrs_json : list of str
        What the device said besides, JSON objects or ``""``; :attr:`attrs` reads them when asked.
    inside_row, inside_at : int64[k]
        One pair for each subject in an area: row, and entry in :attr:`areas`; ordered by row.
    inside_since_us : int64[k]
        When it entered.
    inside_in_force : bool[k]
        Whether the area was in force at the row's time (with ``Trigger.PRESENT``: now).
    crossed_row, crossed_at : int64[c]
        Areas entered and left at a row (positions only).
    crossed_entered : bool[c]
        True: entered; False: left.
    areas : Areas
        Every active area.
    events : list of mapping
        With ``Trigger.EVENTS``: what each row's device said, ``{"code", "text", "attrs"}``; else empty.
    attributes : mapping
        Values that modules keep about assets; read them with :meth:`values`.
    """

    now_us: int
    asset: Ids
    kind: NDArray[np.uint8]
    owner: Ids
    region: Ids
    time_us: Ids
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    alt_m: Floats
    speed_m_s: Floats
    status: NDArray[np.int16]
    still_since_us: Ids
    attrs_json: Sequence[str]
    inside_row: Ids
    inside_at: Ids
    inside_since_us: Ids
    inside_in_force: Mask
    crossed_row: Ids
    crossed_at: Ids
    crossed_entered: Mask
    areas: Areas
    events: Sequence[Mapping[str, Any]] = ()
    attributes: Attributes = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.asset)

    @cached_property
    def attrs(self) -> list[Mapping[str, Any]]:
        """What the devices said besides, one mapping a row."""
        return [_read_attrs(text) for text in self.attrs_json]

    def is_kind(self, *keys: str) -> Mask:
        """Which rows are of these asset kinds: bool[n]."""
        return np.isin(self.kind, [kind_of(key).code for key in keys])

    def attr(self, name: str) -> NDArray[np.object_]:
        """One field of :attr:`attrs`, None where it was not said: object[n]."""
        found = np.empty(len(self), object)
        found[:] = [attrs.get(name) for attrs in self.attrs]
        return found

    def values(self, key: str) -> NDArray[np.object_]:
        """The attribute ``key`` that a module keeps about each row's asset, None where it has none: object[n]."""
        return _looked_up(self.attributes, key, self.asset)

    def numbers(self, key: str) -> NDArray[np.float64]:
        """The same as a number, NaN where there is none: float64[n]."""
        return _numbers(self.values(key))

    @property
    def inside_area(self) -> Ids:
        """Key of each pair's area: int64[k]."""
        return self.areas.id[self.inside_at]

    def inside(self, *kinds: str, in_force: bool = True) -> Ids:
        """Which pairs concern areas of these kinds (any kind where none is named): indices into the pairs, int64[j].

        With ``in_force`` only pairs whose area was in force at the row's time.
        """
        chosen = self.areas.is_kind(*kinds)[self.inside_at] if kinds else np.ones(len(self.inside_at), bool)
        return np.flatnonzero(chosen & self.inside_in_force if in_force else chosen)

    def count_inside(self, rows: Mask | None = None) -> Ids:
        """How many of the ``rows`` (bool[n], all when left out) are in each area: int64[m]."""
        at = self.inside_at if rows is None else self.inside_at[rows[self.inside_row]]
        return np.bincount(at, minlength=len(self.areas)).astype(np.int64)

    def only(self, rows: Mask) -> Facts:
        """The facts about the rows where ``rows`` (bool[n]) is true; the areas stay whole."""
        if rows.all():
            return self
        taken = np.flatnonzero(rows)
        new_row = np.cumsum(rows) - 1
        pairs, crossings = rows[self.inside_row], rows[self.crossed_row]
        return Facts(
            now_us=self.now_us,
            **{name: getattr(self, name)[taken] for name in _ROW_COLUMNS},
            attrs_json=[self.attrs_json[i] for i in taken.tolist()],
            inside_row=new_row[self.inside_row[pairs]],
            inside_at=self.inside_at[pairs],
            inside_since_us=self.inside_since_us[pairs],
            inside_in_force=self.inside_in_force[pairs],
            crossed_row=new_row[self.crossed_row[crossings]],
            crossed_at=self.crossed_at[crossings],
            crossed_entered=self.crossed_entered[crossings],
            areas=self.areas,
            events=[self.events[i] for i in taken.tolist()] if self.events else (),
            attributes=self.attributes,
        )


_ROW_COLUMNS = (
    *("asset", "kind", "owner", "region", "time_us", "lon", "lat"),
    *("alt_m", "speed_m_s", "status", "still_since_us"),
)


@dataclass(frozen=True)
class Verdicts:
    """The causes that hold now, one entry a cause. A cause is a subject, or a subject in or for an area.

    Make it with :meth:`of_rows`, :meth:`of_areas` or :meth:`none`.

    Attributes
    ----------
    row : int64[k]
        Row of :class:`Facts`; :data:`AREA_ITSELF` where the subject is the area.
    area : int64[k]
        Key of the area; 0 where none is concerned.
    grade : int16[k] or None
        Grade of each, where it differs from the rule's own.
    evidence : mapping of str to a sequence of length k
        What people should know about each: numbers, texts, truth values.
    """

    row: Ids
    area: Ids
    grade: NDArray[np.int16] | None = None
    evidence: Mapping[str, Sequence[Any] | NDArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {"area": len(self.area)} | {name: len(values) for name, values in self.evidence.items()}
        if self.grade is not None:
            lengths["grade"] = len(self.grade)
        for name, length in lengths.items():
            if length != len(self.row):
                raise ValueError(f"verdicts: {len(self.row)} rows, but {length} of {name}")

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def none(cls) -> Self:
        """Nothing holds."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64))

    @classmethod
    def of_rows(
        cls,
        rows: ArrayLike,
        areas: ArrayLike | None = None,
        grade: ArrayLike | None = None,
        **evidence: Sequence[Any] | NDArray,
    ) -> Self:
        """Causes of subjects: ``rows`` int[k] and, where an area is concerned, its keys ``areas`` int[k]."""
        row = np.asarray(rows, np.int64)
        area = np.zeros(len(row), np.int64) if areas is None else np.asarray(areas, np.int64)
        return cls(row, area, None if grade is None else np.asarray(grade, np.int16), evidence)

    @classmethod
    def of_areas(cls, areas: ArrayLike, grade: ArrayLike | None = None, **evidence: Sequence[Any] | NDArray) -> Self:
        """Causes of areas themselves (a zone over its limit): keys ``areas`` int[k]."""
        area = np.asarray(areas, np.int64)
        row = np.full(len(area), AREA_ITSELF, np.int64)
        return cls(row, area, None if grade is None else np.asarray(grade, np.int16), evidence)


@lru_cache(8192)
def _read_attrs(text: str) -> Mapping[str, Any]:
    # Several rules ask about one batch, and what devices say repeats.
    return MappingProxyType(json.loads(text) if text else {})


def _looked_up(attributes: Attributes, key: str, ids: Ids) -> NDArray[np.object_]:
    try:
        values = attributes[key]
    except KeyError:
        raise KeyError(f"no attribute {key!r}: the rule must name it in its attributes") from None
    found = np.empty(len(ids), object)
    found[:] = [values.get(i) for i in ids.tolist()]
    return found


def _numbers(values: NDArray[np.object_]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else float(value) for value in values], np.float64)
