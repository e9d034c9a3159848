"""A risk grid (风险网格): what it is made of, and how its three indices follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils.text import format_lazy

from gis.grids.grading import Grade, Thresholds
from gis.grids.lattice import Grid
from gis.grids.rasters import Raster
from gis.grids.spread import Floats, Sources, Spread
from gis.models import Region
from layers.colours import GRADE_TOKENS
from layers.contract.cards import LegendEntry
from layers.contract.ids import ID, Text
from layers.contract.maplayer import MapLayer
from layers.exceptions import DeclarationError
from layers.folders import KEY
from layers.sources import GridCells
from layers.styles import CellStyle
from twin.grids.models import GRADE_NAMES, IndexKey

Values = Mapping[str, Floats]


@dataclass(frozen=True)
class Factor:
    """Sources of one sort, spread over the cells (因子).

    Attributes
    ----------
    key : str
        By which index functions know it.
    title, unit : str
        For people.
    spread : Spread
        Reach, decay, sum or mean.
    read : callable
        ``read(city, now)`` gives the :class:`~gis.grids.spread.Sources`: the one place that asks tables. A key stays
        with its source, so that the engine sees what changed.
    """

    key: str
    title: Text
    spread: Spread
    read: Callable[[Region, datetime], Sources]
    unit: Text = ""


@dataclass(frozen=True)
class RasterFactor:
    """A raster over the cells (栅格因子): ``read(city, now)`` gives it; None: there is none, the factor is NaN."""

    key: str
    title: Text
    read: Callable[[Region, datetime], Raster | None]
    unit: Text = ""


@dataclass(frozen=True)
class Index:
    """One of the three indices (指数).

    Attributes
    ----------
    compute : callable
        ``compute(values)`` makes float64[n] of the factors by key (and for the composite of ``inherent`` and
        ``control``), each float64[n]: pure, cell by cell, NaN where it has nothing to say. It is also given some of
        the cells alone, those of which a source changed.
    thresholds : Thresholds
        To begin with; the desk changes them.
    """

    compute: Callable[[Values], Floats]
    thresholds: Thresholds


@dataclass(frozen=True)
class RiskGrid:
    """Cells with an inherent, a control and a composite index, over time.

    Attributes
    ----------
    id, title, group : str
        As a map layer's; the layers of its indices have ids of their own that begin with it.
    grid : SquareGrid or H3Grid
        Its cells.
    factors : tuple of Factor and RasterFactor
        What it is made of.
    inherent, control, composite : Index
        本底指数 and 综合指数: the higher the worse; 管控指数: the lower the worse.
    every_min : int
        How often it is brought up to date.
    kept_days : int
        How long its past is kept.
    """

    id: str
    title: Text
    group: Text
    grid: Grid
    factors: tuple[Factor | RasterFactor, ...]
    inherent: Index
    control: Index
    composite: Index
    every_min: int = 10
    kept_days: int = 30

    def __post_init__(self) -> None:
        if not ID.fullmatch(self.id):
            raise DeclarationError(self.id, "an id of another form", "write module.name in small letters")
        keys = [factor.key for factor in self.factors]
        if not keys or len(set(keys)) != len(keys) or not all(KEY.fullmatch(key) for key in keys):
            raise DeclarationError(self.id, f"factors {keys}", "give each a key of its own in small letters")
        if taken := {*keys} & {*IndexKey.values, "step"}:
            raise DeclarationError(
                self.id, f"a factor named {taken.pop()!r}", "that is the name of a result: take another"
            )
        for factor in self.spread_factors():
            if factor.spread.reach_m < self.grid.cell_m / 2:
                raise DeclarationError(
                    self.id,
                    f"{factor.key} reaches {factor.spread.reach_m} m in cells of {self.grid.cell_m:.0f} m",
                    "let it reach half a cell at least, or it could fall between their centres",
                )
        for key, index in self.indices().items():
            if index.thresholds.falling != (key == IndexKey.CONTROL):
                raise DeclarationError(
                    self.id, f"thresholds of {key}", "let those of control fall from yellow to red, the others rise"
                )
        if not (1 <= self.every_min <= 1440 and 1 <= self.kept_days <= 3650):
            raise DeclarationError(self.id, "every_min or kept_days", "take 1 to 1440 minutes, 1 to 3650 days")

    def indices(self) -> dict[str, Index]:
        """The three by key, in the order in which they follow from each other."""
        return {
            IndexKey.INHERENT.value: self.inherent,
            IndexKey.CONTROL.value: self.control,
            IndexKey.COMPOSITE.value: self.composite,
        }

    def spread_factors(self) -> Iterator[Factor]:
        """Factors that have sources."""
        return (factor for factor in self.factors if isinstance(factor, Factor))

    def raster_factors(self) -> Iterator[RasterFactor]:
        """Factors that are rasters."""
        return (factor for factor in self.factors if isinstance(factor, RasterFactor))

    def map_layers(self) -> tuple[MapLayer, ...]:
        """A map layer for each index."""
        return tuple(self._layer(IndexKey(key)) for key in self.indices())

    def _layer(self, index: IndexKey) -> MapLayer:
        worst_first = sorted((grade for grade in Grade if grade), reverse=True)
        return MapLayer(
            id=f"{self.id}_{index.value}",
            title=format_lazy("{grid} · {index}", grid=self.title, index=index.label),
            group=self.group,
            source=GridCells(self.id, index.value),
            style=CellStyle(),
            legend=tuple(LegendEntry(GRADE_NAMES[grade], GRADE_TOKENS[grade], int(grade)) for grade in worst_first),
            visible=False,
        )
