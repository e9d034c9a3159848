"""Least squares: the parameters, what is left over, and how much each point decides.

Notation of Koch, *Parameter Estimation and Hypothesis Testing in Linear Models* (Springer 1999), chapter 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """Outcome of a least-squares fit of n points with k coordinates each and p parameters.

    Attributes
    ----------
    values : array of float64, shape (p,)
        Parameters.
    residuals_m : array of float64, shape (n, k)
        Observed minus computed, metres.
    left_out_m : array of float64, shape (n, k)
        What each point's residual would be had it not been used (leave-one-out); NaN where the others do not
        determine the parameters.
    freedom : int
        Redundant observations, n·k - p.
    """

    values: Floats
    residuals_m: Floats
    left_out_m: Floats
    freedom: int

    @property
    def sum_of_squares(self) -> float:
        """Of all residuals, square metres."""
        return float((self.residuals_m**2).sum())


def least_squares(design: Floats, observed: Floats, coordinates: int) -> Estimate:
    """Solve ``design @ values ≈ observed`` with equal weights.

    Parameters
    ----------
    design : array of float64, shape (n·k, p)
        Rows of one point together.
    observed : array of float64, shape (n·k,)
        Metres.
    coordinates : int
        k.

    Raises
    ------
    numpy.linalg.LinAlgError
        The points do not determine the parameters.

    Notes
    -----
    With H = A (AᵀA)⁻¹ Aᵀ, the residuals that a point would have if it were left out are (I - Hᵢᵢ)⁻¹ vᵢ, so no fit is
    repeated (Cook and Weisberg, *Residuals and Influence in Regression*, 1982, 2.2).
    """
    count = len(design) // coordinates
    # Columns of one size: metres beside numbers near one would hide a poor determination.
    size = np.linalg.norm(design, axis=0)
    if not (size > 0).all():
        raise np.linalg.LinAlgError("a parameter has no influence")
    left, singular, right = np.linalg.svd(design / size, full_matrices=False)
    if singular[-1] < 1e-10 * singular[0]:
        raise np.linalg.LinAlgError("the points do not determine the parameters")
    values = (right.T @ ((left.T @ observed) / singular)) / size
    residuals = (observed - design @ values).reshape(count, coordinates)
    blocks = left.reshape(count, coordinates, -1)
    rest = np.eye(coordinates) - blocks @ blocks.transpose(0, 2, 1)
    return Estimate(values, residuals, _left_out(rest, residuals), len(observed) - design.shape[1])


def _left_out(rest: Floats, residuals: Floats) -> Floats:
    out = np.full_like(residuals, np.nan)
    determined = np.linalg.eigvalsh(rest)[:, 0] > 1e-9
    out[determined] = np.linalg.solve(rest[determined], residuals[determined][..., None])[..., 0]
    return out
