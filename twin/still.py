"""Since when things stand still: each keeps the place where it came to rest until it leaves a circle around it."""

from __future__ import annotations

import math
from dataclasses import dataclass

STILL_WITHIN_M = 10.0
"""Within this, what moves is the positioning's error and not the thing."""
_M_PER_DEG = math.radians(6_371_008.8)


@dataclass(frozen=True, slots=True)
class Rest:
    """Where and since when (microseconds since 1970) a thing stands still; degrees."""

    since_us: int
    lon: float
    lat: float

    def after(self, time_us: int, lon: float, lat: float) -> Rest:
        """The rest after a further position: this one, or a new one where it was left.

        Distance on a sphere by the equirectangular approximation: over ten metres its error is far below a millimetre.
        """
        east = abs(lon - self.lon)
        east_m = min(east, 360 - east) * math.cos(math.radians(lat)) * _M_PER_DEG
        north_m = (lat - self.lat) * _M_PER_DEG
        near = east_m * east_m + north_m * north_m <= STILL_WITHIN_M * STILL_WITHIN_M
        return self if near else Rest(time_us, lon, lat)
