"""When things stand still: each keeps the place where it came to rest until it leaves a circle around it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

STILL_WITHIN_M = 10.0
"""Within this, what moves is the positioning's error and not the thing."""
_M_PER_DEG = math.radians(6_371_008.8)

Floats = NDArray[np.float64]


def left_rest(rest_lon: Floats, rest_lat: Floats, lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    """Whether things have left the places where they rested; all in degrees, shape (n,).

    Distance on a sphere by the equirectangular approximation: over ten metres its error is far below a millimetre.
    """
    east = np.abs(lon - rest_lon)
    east_m = np.minimum(east, 360 - east) * np.cos(np.radians(lat)) * _M_PER_DEG
    north_m = (lat - rest_lat) * _M_PER_DEG
    return ~(east_m * east_m + north_m * north_m <= STILL_WITHIN_M * STILL_WITHIN_M)
