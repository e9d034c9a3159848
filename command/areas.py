"""What a rule is told of the areas in use, and how values that modules keep are looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]
Attributes = Mapping[str, Mapping[int, Any]]


@dataclass(frozen=True)
class Areas:
    """Every active area, one entry an area.

    Attributes
    ----------
    id : int64[m]
        Keys, ascending.
    kind : object[m] of str
        ``fence``, ``key_area``, ``zone`` or ``line``: nobody is inside a line, it is passed.
    version, owner, region : int64[m]
        Version of its shape; keys of owner and region, 0 for none.
    in_force : bool[m]
        Whether it is in force at :attr:`command.facts.Facts.now_us`: always, unless it has periods.
    z_min_m, z_max_m : float64[m]
        Its height range in metres, NaN where it is open. A thing is inside it at these heights only, and where its own
        is not known.
    attributes : mapping
        Values that modules keep about areas, by attribute and area: read them with :meth:`values`.
    """

    id: Ids
    kind: NDArray[np.object_]
    version: Ids
    owner: Ids
    region: Ids
    in_force: Mask
    z_min_m: NDArray[np.float64]
    z_max_m: NDArray[np.float64]
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

    def is_kind(self, *kinds: str, at: Ids | None = None) -> Mask:
        """Which areas are of these kinds: bool[m].

        Of the entries ``at`` (int64[k]) only, where they are given: bool[k]. A city has many more areas than a few
        positions are told of.
        """
        kind = self.kind if at is None else self.kind[at]
        return np.isin(kind.astype(str), kinds) if len(kind) else np.zeros(0, bool)

    def values(self, key: str, at: Ids | None = None) -> NDArray[np.object_]:
        """The attribute ``key`` of every area, None where it has none: object[m].

        Of the entries ``at`` (int64[k]) only, where they are given: object[k].
        """
        return looked_up(self.attributes, key, self.id if at is None else self.id[at])

    def having(self, key: str) -> Mask:
        """Which areas have the attribute ``key``: bool[m]."""
        return np.isin(self.id, [*of_attribute(self.attributes, key)])

    def numbers(self, key: str) -> NDArray[np.float64]:
        """The attribute ``key`` as a number, NaN where there is none: float64[m]."""
        return as_numbers(self.values(key))


def of_attribute(attributes: Attributes, key: str) -> Mapping[int, Any]:
    """What is known of the attribute ``key``, by asset or area.

    Raises
    ------
    KeyError
        The rule does not name it.
    """
    try:
        return attributes[key]
    except KeyError:
        raise KeyError(f"no attribute {key!r}: the rule must name it in its attributes") from None


def looked_up(attributes: Attributes, key: str, ids: Ids) -> NDArray[np.object_]:
    """The attribute ``key`` of the assets or areas ``ids`` (int64[k]), None where there is none: object[k]."""
    values = of_attribute(attributes, key)
    # What is asked for stands mostly sorted: each run of one is looked up once.
    first = np.flatnonzero(np.append(True, ids[1:] != ids[:-1])[: len(ids)])
    found = np.empty(len(first), object)
    if values:
        found[:] = [values.get(i) for i in ids[first].tolist()]
    return np.repeat(found, np.diff(np.append(first, len(ids))))


def as_numbers(values: NDArray[np.object_]) -> NDArray[np.float64]:
    """Values as numbers, NaN for None: float64[k]."""
    return np.array([np.nan if value is None else float(value) for value in values], np.float64)
