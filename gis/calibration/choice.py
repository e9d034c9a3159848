"""Estimates every model that the points allow, and says which one they support."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gis.calibration.models import FEWEST_POINTS, PARAMETERS, Fit, Model, fit_plane, fit_space
from gis.calibration.pipeline import pipeline_of
from gis.calibration.points import ControlPoints, Plane
from gis.calibration.quality import SIGNIFICANCE, point_significance, rms_m
from gis.calibration.sources import Source

Floats = NDArray[np.float64]

FLAT = 0.03
"""Points whose spread across is less than this share of their spread along lie on a line."""
WORTH = 0.9
"""A model with more parameters has to lower the leave-one-out error to this share of the simpler one's."""
FEWEST_FOR_MERIDIAN = 4
MERIDIAN_REACH_DEG = 3.0
FEWEST_REDUNDANT = 2
"""Redundant observations without which a model cannot show that it fits."""


@dataclass(frozen=True)
class Candidate:
    """A model with what the points say about it.

    Attributes
    ----------
    model : Model
    obstacle : str
        Why it cannot be estimated or not be recommended: ``few_points``, ``no_redundancy``, ``on_a_line``,
        ``no_ellipsoid``, ``degrees``, or empty.
    fit : Fit or None
    pipeline : str
        PROJ's definition, from the source to degrees.
    rms_m, left_out_rms_m, largest_m : float
        Of the horizontal residuals, and of those without the point itself; NaN where not determined.
    aicc : float
        Akaike's criterion with the correction for few observations, of the horizontal residuals; smaller is better.
    chance : array of float64, shape (n,)
        For each point, how likely honest errors are to look so (:func:`~gis.calibration.quality.point_significance`).
    outliers : tuple of int
        Points that do not belong, the worst first: each is found without those before it.
    """

    model: Model
    obstacle: str = ""
    fit: Fit | None = None
    pipeline: str = ""
    rms_m: float = np.nan
    left_out_rms_m: float = np.nan
    largest_m: float = np.nan
    aicc: float = np.nan
    chance: Floats = field(default_factory=lambda: np.empty(0))
    outliers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Choice:
    """All models side by side.

    Attributes
    ----------
    candidates : tuple of Candidate
        Similarity, affine, Bursa-Wolf.
    recommended : Model or None
        The simplest whose leave-one-out error no other beats clearly; None: the points support none.
    flatness : float
        Spread of the points across, as a share of their spread along: 1 for a round cloud, 0 for a line.
    meridian_deg : float
        Central meridian of the plane that the plane models lead to.
    better_meridian : (degrees, leave-one-out RMS in metres) or None
        One with which a similarity fits clearly better: presumably the grid's own.
    """

    candidates: tuple[Candidate, ...]
    recommended: Model | None
    flatness: float
    meridian_deg: float
    better_meridian: tuple[float, float] | None

    def of(self, model: Model) -> Candidate:
        """The candidate of a model."""
        return next(candidate for candidate in self.candidates if candidate.model is model)


def compare(points: ControlPoints, source: Source, meridian_deg: float | None = None) -> Choice:
    """Estimate what can be estimated.

    Parameters
    ----------
    points : ControlPoints
        At least one; distinct.
    source : Source
        Checked.
    meridian_deg : float, optional
        The grid's own central meridian, where it is known; amid the points when left out.
    """
    flatness = _flatness(points)
    plane = Plane.amid(points.target[:, 0]) if meridian_deg is None else Plane(meridian_deg)
    candidates = tuple(_candidate(points, source, plane, model, flatness) for model in Model)
    better = None if source.degrees else _better_meridian(points, candidates[0], plane)
    return Choice(candidates, _recommended(candidates), flatness, plane.central_meridian_deg, better)


def _better_meridian(points: ControlPoints, similarity: Candidate, plane: Plane) -> tuple[float, float] | None:
    """Look for the meridian with the smallest sum of squares, and tell of it where it makes a difference.

    A plane's scale grows with the square of the distance from its meridian, so one that is five kilometres off leaves
    centimetres at the edges of a city.
    """
    kept = np.ones(len(points), dtype=bool)
    kept[list(similarity.outliers)] = False
    good = points.only(kept)
    if similarity.fit is None or len(good) < FEWEST_FOR_MERIDIAN:
        return None

    def squares(meridian: float) -> float:
        return fit_plane(good, Model.SIMILARITY, Plane(meridian)).estimate.sum_of_squares

    low, high = plane.central_meridian_deg - MERIDIAN_REACH_DEG, plane.central_meridian_deg + MERIDIAN_REACH_DEG
    best = _smallest(squares, low, high)
    best = round(best * 3600) / 3600
    now = rms_m(fit_plane(good, Model.SIMILARITY, plane).estimate.left_out_m)
    then = rms_m(fit_plane(good, Model.SIMILARITY, Plane(best)).estimate.left_out_m)
    return (best, then) if then < WORTH * now - 0.001 else None


def _smallest(value: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one valley is smallest, to a millionth of the range (golden section)."""
    share = (5.0**0.5 - 1) / 2
    a, b = high - share * (high - low), low + share * (high - low)
    at_a, at_b = value(a), value(b)
    for _round in range(30):
        if at_a < at_b:
            high, b, at_b = b, a, at_a
            a = high - share * (high - low)
            at_a = value(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + share * (high - low)
            at_b = value(b)
    return (low + high) / 2


def estimate_model(points: ControlPoints, source: Source, plane: Plane, model: Model) -> Fit:
    """One model, whatever it is worth.

    Raises
    ------
    numpy.linalg.LinAlgError
        The points do not determine it.
    """
    if model is Model.BURSA_WOLF:
        return fit_space(points, plane, source.to_degrees, source.ellipsoid_parameters)
    return fit_plane(points, model, plane)


def _flatness(points: ControlPoints) -> float:
    if len(points) < 3:
        return 0.0
    singular = np.linalg.svd(points.source - points.source.mean(axis=0), compute_uv=False)
    return float(singular[1] / singular[0]) if singular[0] else 0.0


def _candidate(points: ControlPoints, source: Source, plane: Plane, model: Model, flatness: float) -> Candidate:
    if model is Model.BURSA_WOLF and not source.in_space:
        return Candidate(model, "no_ellipsoid")
    if model is not Model.BURSA_WOLF and source.degrees:
        # Degrees are no plane: a similarity between degrees and metres would stretch with the latitude.
        return Candidate(model, "degrees")
    if len(points) < FEWEST_POINTS[model]:
        return Candidate(model, "few_points")
    try:
        fit = estimate_model(points, source, plane, model)
    except np.linalg.LinAlgError:
        return Candidate(model, "on_a_line")
    obstacle = ""
    if 2 * len(points) - PARAMETERS[model] < FEWEST_REDUNDANT:
        obstacle = "no_redundancy"
    elif flatness < FLAT and model is not Model.SIMILARITY:
        obstacle = "on_a_line"
    residuals, left_out = fit.estimate.residuals_m, fit.estimate.left_out_m
    return Candidate(
        model,
        obstacle,
        fit,
        pipeline_of(fit, source.to_degrees, source.ellipsoid_parameters),
        rms_m(residuals),
        rms_m(left_out),
        float(np.linalg.norm(residuals[:, :2], axis=1).max()),
        _aicc(residuals, PARAMETERS[model]),
        point_significance(fit.estimate),
        _outliers(points, source, plane, model),
    )


def _aicc(residuals: Floats, parameters: int) -> float:
    """Hurvich and Tsai (1989), Biometrika 76, 297-307, over the two horizontal coordinates; the variance counts."""
    observations, k = 2 * len(residuals), parameters + 1
    left = observations - k - 1
    if left <= 0:
        return np.nan
    squares = max(float((residuals[:, :2] ** 2).sum()), 1e-18)
    return observations * np.log(squares / observations) + 2 * k + 2 * k * (k + 1) / left


def _outliers(points: ControlPoints, source: Source, plane: Plane, model: Model) -> tuple[int, ...]:
    """Data snooping: take away the worst as long as it stands out, and look again, for one hides another."""
    kept = np.ones(len(points), dtype=bool)
    found: list[int] = []
    while len(found) < len(points) // 3:
        try:
            estimate = estimate_model(points.only(kept), source, plane, model).estimate
        except np.linalg.LinAlgError:
            break
        chance = point_significance(estimate)
        worst = int(np.argmin(chance))
        if chance[worst] * kept.sum() >= SIGNIFICANCE:
            break
        index = int(np.flatnonzero(kept)[worst])
        kept[index] = False
        found.append(index)
    return tuple(found)


def _recommended(candidates: tuple[Candidate, ...]) -> Model | None:
    best: Candidate | None = None
    for candidate in candidates:
        if candidate.fit is None or candidate.obstacle or not np.isfinite(candidate.left_out_rms_m):
            continue
        # A millimetre is as good as nothing: between two perfect fits the simpler one stands.
        if best is None or candidate.left_out_rms_m < max(WORTH * best.left_out_rms_m - 0.001, 0.0):
            best = candidate
    return best.model if best else None
