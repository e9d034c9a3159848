"""How far a fit can be trusted: which points do not belong to it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gis.calibration.estimate import Estimate

Floats = NDArray[np.float64]

SIGNIFICANCE = 0.01
"""Chance of calling any point of a faultless set an outlier (Bonferroni over its points)."""
SMALLEST_OUTLIER_M = 0.001
"""Whoever computed the control points themselves has residuals of rounding only; they mark nothing."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


def exceedance(ratio: Floats, numerator: int, denominator: int) -> Floats:
    """Probability that an F-distributed variance ratio is larger.

    Parameters
    ----------
    ratio : array of float64
        0 or more; infinity allowed.
    numerator, denominator : int
        Degrees of freedom, 1 or more.

    Notes
    -----
    Equals the regularised incomplete beta function I_x(d/2, n/2) at x = d / (d + n·F) (Abramowitz and Stegun 26.6.2),
    integrated by Gauss-Legendre after t = x·v², which leaves a smooth integrand for every d.
    """
    from math import lgamma

    a, b = denominator / 2, numerator / 2
    x = denominator / (denominator + numerator * np.asarray(ratio, dtype=np.float64))[..., None]
    v = (_NODES + 1) / 2
    integrand = 2 * v ** (2 * a - 1) * (1 - np.minimum(x, 1) * v**2) ** (b - 1)
    scale = np.exp(lgamma(a + b) - lgamma(a) - lgamma(b))
    return np.clip(x[..., 0] ** a * scale * (integrand @ (_WEIGHTS / 2)), 0.0, 1.0)


def point_significance(estimate: Estimate) -> Floats:
    """For each point, the chance that honest errors would make it stand out as much as it does.

    The sum of squares falls by vᵢᵀ(I - Hᵢᵢ)⁻¹vᵢ when a point is left out; set against what the others leave, that is
    an F ratio of k and f - k degrees of freedom (data snooping with estimated variance; Baarda 1968, Pope 1976).

    Returns
    -------
    array of float64, shape (n,)
        1 where there is nothing left to test it with.
    """
    count, k = estimate.residuals_m.shape
    freedom = estimate.freedom - k
    if freedom < 1:
        return np.ones(count)
    gain = (estimate.residuals_m * np.nan_to_num(estimate.left_out_m)).sum(axis=1)
    others = np.maximum(estimate.sum_of_squares - gain, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num((gain / k) / (others / freedom), nan=0.0, posinf=np.inf)
    chance = exceedance(ratio, k, freedom)
    large = np.linalg.norm(estimate.left_out_m, axis=1) > SMALLEST_OUTLIER_M
    return np.where(large, chance, 1.0)


def rms_m(vectors: Floats) -> float:
    """Root mean square length of horizontal vectors, shape (n, 2 or 3), metres; NaN if one is."""
    return float(np.sqrt((vectors[:, :2] ** 2).sum(axis=1).mean()))
