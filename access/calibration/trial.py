"""One trial of control points: what each model makes of them, for the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy as _

from access.calibration.picture import Picture, draw
from gis.calibration.choice import Candidate, Choice, compare
from gis.calibration.models import Model
from gis.calibration.pipeline import conversions
from gis.calibration.points import ControlPoints, Plane
from gis.calibration.sources import Source

MODELS = {
    Model.SIMILARITY: _("四参数（相似）"),
    Model.AFFINE: _("六参数（仿射）"),
    Model.BURSA_WOLF: _("七参数（布尔沙）"),
}
OBSTACLES = {
    "few_points": _("控制点太少，算不出。"),
    "no_redundancy": _("没有多余的控制点，残差必然接近零，不能说明好坏；请再加点。"),
    "on_a_line": _("控制点几乎在一条直线上，横向定不准；请补充两侧的点。"),
    "no_ellipsoid": _("不知道源椭球（和投影），不能算。"),
    "degrees": _("源坐标是经纬度，不能当平面用。"),
    "": "",
}


@dataclass(frozen=True)
class Row:
    """A line of the table of residuals: metres become millimetres here."""

    name: str
    used: bool
    outlier: bool
    east_mm: float
    north_mm: float
    length_mm: float
    left_out_mm: float | None
    chance: float | None


class Trial:
    """Control points with some of them set aside, and what each model makes of them.

    Parameters
    ----------
    points : ControlPoints
    source : Source
    unused : frozenset of str
        Names of the points that are shown but not used.
    meridian_deg : float or None
        Of the grid, where it is known.
    """

    def __init__(
        self, points: ControlPoints, source: Source, unused: frozenset[str], meridian_deg: float | None
    ) -> None:
        self.points, self.source = points, source
        kept = np.array([name not in unused for name in points.names])
        self.kept = kept if kept.any() else np.ones(len(points), dtype=bool)
        self.used = points.only(self.kept)
        self.choice: Choice = compare(self.used, source, meridian_deg)

    def context(self, show: str) -> dict[str, Any]:
        """What the page shows; ``show``: the model whose residuals are wanted, else the recommended one."""
        available = [candidate for candidate in self.choice.candidates if candidate.fit is not None]
        shown = next((c for c in available if c.model == show), None)
        if shown is None and available:
            shown = self.choice.of(self.choice.recommended) if self.choice.recommended else available[0]
        models = [
            {
                "key": str(c.model),
                "title": MODELS[c.model],
                "candidate": c,
                "obstacle": OBSTACLES[c.obstacle],
                "recommended": c.model is self.choice.recommended,
                "shown": c is shown,
                "figures": [_millimetres(v) for v in (c.rms_m, c.left_out_rms_m, c.largest_m)],
                "aicc": f"{c.aicc:.1f}" if np.isfinite(c.aicc) else "—",
                "outliers": "、".join(self.used.names[i] for i in c.outliers),
            }
            for c in self.choice.candidates
        ]
        context: dict[str, Any] = {"models": models, "recommended": self.choice.recommended, "shown": ""}
        if better := self.choice.better_meridian:
            context["better_meridian"] = f"{better[0]:.6f}"
            context["better_figure"] = _millimetres(better[1])
        if shown is not None:
            rows, picture = self.residuals(shown)
            context |= {"shown": str(shown.model), "shown_title": MODELS[shown.model], "rows": rows, "picture": picture}
        return context

    def residuals(self, candidate: Candidate) -> tuple[list[Row], Picture]:
        """Of all points, the ones set aside included: those show what the calibration makes of them."""
        plane = candidate.fit.plane if candidate.fit else Plane.amid(self.points.target[:, 0])
        aim = plane.from_degrees(*self.points.target.T)
        _to_source, to_degrees = conversions(candidate.pipeline, self.source.degrees)
        miss = aim - plane.from_degrees(*to_degrees(*self.points.source.T))
        at = np.flatnonzero(self.kept)
        left_out = np.full(len(self.points), np.nan)
        chance = np.full(len(self.points), np.nan)
        if candidate.fit is not None:
            miss[at] = candidate.fit.estimate.residuals_m[:, :2]
            left_out[at] = np.linalg.norm(candidate.fit.estimate.left_out_m[:, :2], axis=1)
            chance[at] = candidate.chance
        outliers = frozenset(int(at[i]) for i in candidate.outliers)
        unused = frozenset(np.flatnonzero(~self.kept).tolist())
        rows = [
            Row(
                name,
                i not in unused,
                i in outliers,
                float(miss[i, 0] * 1000),
                float(miss[i, 1] * 1000),
                float(np.linalg.norm(miss[i]) * 1000),
                float(left_out[i] * 1000) if np.isfinite(left_out[i]) else None,
                float(chance[i]) if np.isfinite(chance[i]) else None,
            )
            for i, name in enumerate(self.points.names)
        ]
        return rows, draw(self.points.names, aim, miss, outliers, unused)


def _millimetres(metres: float) -> str:
    return f"{metres * 1000:.1f}" if np.isfinite(metres) else "—"
