"""Several factors over the same cells, brought up to date where their sources changed and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gis.grids.lattice import Cells
from gis.grids.spread import Placed, Sources, Spread, place, spread_placed

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Field:
    """Factors over cells: ``values`` float64[n] by factor, made of ``sources`` by factor as ``spreads`` says."""

    cells: Cells
    spreads: Mapping[str, Spread]
    placed: Mapping[str, Placed]
    values: Mapping[str, Floats]

    @property
    def count(self) -> int:
        """How many sources there are."""
        return sum(len(each.sources) for each in self.placed.values())


def fill(cells: Cells, spreads: Mapping[str, Spread], sources: Mapping[str, Sources]) -> Field:
    """Spread everything over all cells."""
    placed = {name: place(cells, sources[name], how.reach_m) for name, how in spreads.items()}
    values = {name: spread_placed(cells, placed[name], how) for name, how in spreads.items()}
    return Field(cells, spreads, placed, values)


def refill(field: Field, sources: Mapping[str, Sources]) -> tuple[Field, NDArray[np.bool_], int]:
    """The field of other sources, made from this one where nothing changed.

    Returns
    -------
    field : Field
        What :func:`fill` would give, in a time that grows with what the changed sources reach.
    changed : bool[n]
        Cells that were computed again.
    count : int
        How many sources are new, gone or different.
    """
    cells = field.cells
    changed = np.zeros(len(cells), bool)
    placed, values, count = dict(field.placed), dict(field.values), 0
    for name, how in field.spreads.items():
        was = field.placed[name]
        new, gone = sources[name].differing(was.sources)
        if not (new.any() or gone.any()):
            continue
        count += int(np.union1d(sources[name].key[new], was.sources.key[gone]).size)
        now = _replaced(cells, was, sources[name], new, how)
        placed[name] = now
        boxes = np.concatenate([now.bounds[new], was.bounds[gone]])
        touched = np.zeros(len(cells), bool)
        touched[cells.near(boxes)[1]] = True
        tree = shapely.STRtree(shapely.box(*boxes.T))
        near = np.unique(tree.query(shapely.box(*now.bounds.T))[0])
        again = spread_placed(cells, now.take(near), how, touched)
        values[name] = np.where(touched, again, values[name])
        changed |= touched
    return Field(cells, field.spreads, placed, values), changed, count


def _replaced(cells: Cells, was: Placed, sources: Sources, new: NDArray[np.bool_], how: Spread) -> Placed:
    """Sources on the plane, of which only the new ones are put there now."""
    fresh = place(cells, sources.take(new), how.reach_m)
    old = np.searchsorted(was.sources.key, sources.key[~new])

    def joined(column: NDArray, made: NDArray) -> NDArray:
        whole = np.empty((len(sources), *made.shape[1:]), made.dtype)
        whole[new], whole[~new] = made, column[old]
        return whole

    shape = None
    if fresh.shape is not None:
        shape = joined(was.shape, fresh.shape) if was.shape is not None else fresh.shape
    return Placed(sources, joined(was.x, fresh.x), joined(was.y, fresh.y), shape, joined(was.bounds, fresh.bounds))
