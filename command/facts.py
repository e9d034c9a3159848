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

from command.areas import Areas as Areas
from command.areas import Attributes, Ids, Mask, as_numbers, looked_up, of_attribute
from gis.nearness import pairs_within
from twin.kinds import kind_of

Floats = NDArray[np.floating]
AREA_ITSELF = -1
"""``Verdicts.row`` of a cause whose subject is an area."""


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
        Areas entered and left, and lines passed, at a row (positions only).
    crossed_entered : bool[c]
        True: entered, or passed from left to right; False: left, or passed the other way.
    crossed_in_force : bool[c]
        Whether the area was in force at the row's time.
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
    crossed_in_force: Mask
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

    def values(self, key: str, rows: Ids | None = None) -> NDArray[np.object_]:
        """The attribute ``key`` that a module keeps about each row's asset, None where it has none: object[n].

        Of ``rows`` (int64[k]) only, where they are given: object[k].
        """
        return looked_up(self.attributes, key, self.asset if rows is None else self.asset[rows])

    def any_value(self, key: str) -> Any:
        """The attribute ``key`` of the first row that has it, where all have the same; None where none has."""
        values = of_attribute(self.attributes, key)
        return next((values[asset] for asset in self.asset.tolist() if asset in values), None)

    def numbers(self, key: str) -> NDArray[np.float64]:
        """The same as a number, NaN where there is none: float64[n]."""
        return as_numbers(self.values(key))

    @property
    def inside_area(self) -> Ids:
        """Key of each pair's area: int64[k]."""
        return self.areas.id[self.inside_at]

    def inside(self, *kinds: str, in_force: bool = True) -> Ids:
        """Which pairs concern areas of these kinds (any kind where none is named): indices into the pairs, int64[j].

        With ``in_force`` only pairs whose area was in force at the row's time.
        """
        chosen = self._of_kinds(self.inside_at, kinds)
        return np.flatnonzero(chosen & self.inside_in_force if in_force else chosen)

    @cached_property
    def dwell_s(self) -> NDArray[np.float64]:
        """How long each pair's subject had been inside when it was last heard of, in seconds: float64[k]."""
        return (self.time_us[self.inside_row] - self.inside_since_us) / 1e6

    def crossed(self, *kinds: str, entered: bool | None = None, in_force: bool = True) -> Ids:
        """Which crossings concern areas or lines of these kinds: indices into the crossings, int64[j].

        With ``entered`` only those inwards (true) or outwards (false). With ``in_force`` only those whose area was in
        force at the row's time.
        """
        chosen = self._of_kinds(self.crossed_at, kinds)
        if entered is not None:
            chosen &= self.crossed_entered == entered
        return np.flatnonzero(chosen & self.crossed_in_force if in_force else chosen)

    @property
    def crossed_area(self) -> Ids:
        """Key of each crossing's area or line: int64[c]."""
        return self.areas.id[self.crossed_at]

    def count_inside(self, rows: Mask | None = None, pairs: Mask | None = None) -> Ids:
        """How many of the ``rows`` (bool[n]), and of the ``pairs`` (bool[k]), all when left out, are in each area.

        Returns
        -------
        int64[m]
            With ``Trigger.PRESENT`` everybody is counted; a batch of positions does not tell of everybody.
        """
        counted = np.ones(len(self.inside_at), bool) if rows is None else rows[self.inside_row]
        at = self.inside_at[counted if pairs is None else counted & pairs]
        return np.bincount(at, minlength=len(self.areas)).astype(np.int64)

    def within(self, radius_m: float, rows: Mask, others: Mask) -> tuple[Ids, Ids, NDArray[np.float64]]:
        """Which ``others`` (bool[n]) are within so many metres of which ``rows`` (bool[n]).

        Nobody is near himself. With ``Trigger.PRESENT`` everybody is among the others; a batch of positions does not
        tell of everybody.

        Returns
        -------
        row, other : int64[j]
            Ordered by row, the nearest first; of a pair that is among both, each is a row.
        distance_m : float64[j]
            Over the ground: heights do not count.
        """
        one, two = np.flatnonzero(rows), np.flatnonzero(others)
        point, other, distance_m = pairs_within(self.lon[one], self.lat[one], self.lon[two], self.lat[two], radius_m)
        row, near = one[point], two[other]
        apart = self.asset[row] != self.asset[near]
        return row[apart], near[apart], distance_m[apart]

    def nearest(self, radius_m: float, rows: Mask, others: Mask) -> tuple[Ids, Ids, NDArray[np.float64]]:
        """The nearest of :meth:`within` for each row that has one; of several as near the first."""
        row, other, distance_m = self.within(radius_m, rows, others)
        _rows, first = np.unique(row, return_index=True)
        return row[first], other[first], distance_m[first]

    def _of_kinds(self, at: Ids, kinds: tuple[str, ...]) -> Mask:
        return self.areas.is_kind(*kinds, at=at) if kinds else np.ones(len(at), bool)

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
            crossed_in_force=self.crossed_in_force[crossings],
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
