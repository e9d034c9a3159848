"""The three transformations: similarity (四参数), affine (六参数), Bursa-Wolf (七参数).

The plane ones map the source's coordinates onto a :class:`~gis.calibration.points.Plane`; Bursa-Wolf maps the source's
ellipsoid onto GRS 80 in space.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from gis.calibration.estimate import Estimate, least_squares
from gis.calibration.points import ControlPoints, Plane

Floats = NDArray[np.float64]


class Model(StrEnum):
    """A kind of transformation."""

    SIMILARITY = "similarity"
    AFFINE = "affine"
    BURSA_WOLF = "bursa_wolf"


PARAMETERS = {Model.SIMILARITY: 4, Model.AFFINE: 6, Model.BURSA_WOLF: 7}
FEWEST_POINTS = {Model.SIMILARITY: 2, Model.AFFINE: 3, Model.BURSA_WOLF: 3}


@dataclass(frozen=True)
class Fit:
    """A transformation estimated from points.

    Attributes
    ----------
    model : Model
    parameters : dict of str to float
        Plane models: ``a b c d e f`` of E = a + b·x + c·y, N = d + e·x + f·y. Bursa-Wolf: ``tx ty tz`` in metres,
        ``rx ry rz`` in radians, ``scale``, as PROJ's exact helmert (position vector) takes them.
    estimate : Estimate
        Residuals east, north (Bursa-Wolf: and up) in metres.
    plane : Plane
    """

    model: Model
    parameters: dict[str, float]
    estimate: Estimate
    plane: Plane


def fit_plane(points: ControlPoints, model: Model, plane: Plane) -> Fit:
    """Similarity or affine from the source's plane coordinates.

    Raises
    ------
    numpy.linalg.LinAlgError
        Too few points, or they lie on one line (affine) or one spot.
    """
    middle, goal = points.source.mean(axis=0), plane.from_degrees(*points.target.T)
    goal_middle = goal.mean(axis=0)
    x, y = (points.source - middle).T
    zero, one = np.zeros_like(x), np.ones_like(x)
    if model is Model.SIMILARITY:
        rows = np.stack([np.column_stack([one, zero, x, -y]), np.column_stack([zero, one, y, x])], axis=1)
    else:
        rows = np.stack(
            [np.column_stack([one, zero, x, y, zero, zero]), np.column_stack([zero, one, zero, zero, x, y])], axis=1
        )
    if rows.shape[0] * 2 < rows.shape[2]:
        raise np.linalg.LinAlgError("too few points")
    estimate = least_squares(rows.reshape(-1, rows.shape[2]), (goal - goal_middle).ravel(), 2)
    v = estimate.values
    b, c, e, f = (v[2], -v[3], v[3], v[2]) if model is Model.SIMILARITY else v[2:6]
    parameters = {
        "a": goal_middle[0] + v[0] - b * middle[0] - c * middle[1],
        "b": b,
        "c": c,
        "d": goal_middle[1] + v[1] - e * middle[0] - f * middle[1],
        "e": e,
        "f": f,
    }
    return Fit(model, {name: float(value) for name, value in parameters.items()}, estimate, plane)


def fit_space(points: ControlPoints, plane: Plane, to_source_degrees: str, source_ellipsoid: str) -> Fit:
    """Bursa-Wolf from the source's ellipsoid.

    Parameters
    ----------
    points : ControlPoints
        Heights that are missing count zero.
    plane : Plane
        Only carried along.
    to_source_degrees : str
        PROJ steps from the source's coordinates to longitude and latitude in radians.
    source_ellipsoid : str
        PROJ's ``+ellps=…`` (or ``+a=… +b=…``) of the source.

    Raises
    ------
    numpy.linalg.LinAlgError
        Fewer than three points, or on one line.

    Notes
    -----
    The rotation is exact, not for small angles: Umeyama, S. (1991), "Least-squares estimation of transformation
    parameters between two point patterns", IEEE PAMI 13, 376-380.
    """
    heights = points.has_heights
    source_h = points.source_height_m if heights else np.zeros(len(points))
    target_h = points.target_height_m if heights else np.zeros(len(points))
    given = _in_space(f"{to_source_degrees} +step +proj=cart {source_ellipsoid}", points.source, source_h)
    goal = _in_space(
        "+step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=GRS80", points.target, target_h
    )
    if len(points) < FEWEST_POINTS[Model.BURSA_WOLF]:
        raise np.linalg.LinAlgError("too few points")
    scale, rotation = _umeyama(given, goal)
    shift = goal.mean(axis=0) - scale * rotation @ given.mean(axis=0)
    estimate = _space_estimate(points, given, goal, scale, rotation, shift)
    rx, ry, rz = _angles(rotation)
    names = ("tx", "ty", "tz", "rx", "ry", "rz", "scale")
    values = (*shift, rx, ry, rz, scale)
    return Fit(Model.BURSA_WOLF, {n: float(v) for n, v in zip(names, values, strict=True)}, estimate, plane)


def _in_space(steps: str, plane: Floats, height_m: Floats) -> Floats:
    """Geocentric coordinates in metres, shape (n, 3)."""
    way = Transformer.from_pipeline(f"+proj=pipeline {steps}")
    return np.column_stack(way.transform(plane[:, 0], plane[:, 1], height_m))


def _umeyama(given: Floats, goal: Floats) -> tuple[float, Floats]:
    """Scale and rotation of the similarity in space that maps ``given`` onto ``goal``, shape (n, 3) each."""
    a, b = given - given.mean(axis=0), goal - goal.mean(axis=0)
    left, singular, right = np.linalg.svd(b.T @ a)
    if singular[1] < 1e-10 * singular[0]:
        raise np.linalg.LinAlgError("the points lie on one line")
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    return float((singular * sign).sum() / (a**2).sum()), left @ np.diag(sign) @ right


def _space_estimate(
    points: ControlPoints, given: Floats, goal: Floats, scale: float, rotation: Floats, shift: Floats
) -> Estimate:
    """Residuals towards east, north and up, and the leverage of the fit linearised at its solution."""
    lon, lat = np.radians(points.target).T
    zero = np.zeros_like(lon)
    local = np.stack(
        [
            np.column_stack([-np.sin(lon), np.cos(lon), zero]),
            np.column_stack([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)]),
            np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]),
        ],
        axis=1,
    )
    turned = scale * (given - given.mean(axis=0)) @ rotation.T
    x, y, z = turned.T
    design = np.zeros((len(points), 3, 7))
    design[:, [0, 1, 2], [0, 1, 2]] = 1.0
    design[:, :, 3] = turned / scale
    design[:, :, 4] = np.column_stack([zero, -z, y])
    design[:, :, 5] = np.column_stack([z, zero, -x])
    design[:, :, 6] = np.column_stack([-y, x, zero])
    left_over = goal - (scale * given @ rotation.T + shift)
    return least_squares((local @ design).reshape(-1, 7), np.einsum("nij,nj->ni", local, left_over).ravel(), 3)


def _angles(rotation: Floats) -> tuple[float, float, float]:
    """Angles of PROJ's exact rotation in its position-vector convention (helmert.cpp ``build_rot_matrix``), radians."""
    m = rotation.T
    return (
        float(np.arctan2(-m[2, 1], m[2, 2])),
        float(np.arcsin(m[2, 0])),
        float(np.arctan2(-m[1, 0], m[0, 0])),
    )
