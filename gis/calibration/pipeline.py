"""The PROJ pipeline of a calibration: from the source's coordinates to degrees of EPSG:4326."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer
from pyproj.enums import TransformDirection

from gis.calibration.models import Fit, Model
from gis.plane import M_PER_DEG

Floats = NDArray[np.float64]
Conversion = Callable[[Floats, Floats], tuple[Floats, Floats]]
_DEGREES = "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
ARC_SECOND = np.pi / 180 / 3600


def pipeline_of(fit: Fit, to_source_degrees: str = "", source_ellipsoid: str = "") -> str:
    """The definition that PROJ runs, forward to degrees and backward to the source.

    Parameters
    ----------
    fit : Fit
    to_source_degrees, source_ellipsoid : str
        Of Bursa-Wolf, as :func:`gis.calibration.models.fit_space` takes them.
    """
    p = fit.parameters
    if fit.model is Model.BURSA_WOLF:
        turn = " ".join(f"+r{axis}={p[f'r{axis}'] / ARC_SECOND!r}" for axis in "xyz")
        move = " ".join(f"+{axis}={p[f't{axis}']!r}" for axis in "xyz")
        return (
            f"+proj=pipeline {to_source_degrees} +step +proj=cart {source_ellipsoid} "
            f"+step +proj=helmert {move} {turn} +s={(p['scale'] - 1) * 1e6!r} +exact +convention=position_vector "
            f"+step +inv +proj=cart +ellps=GRS80 {_DEGREES}"
        )
    return (
        f"+proj=pipeline +step +proj=affine +xoff={p['a']!r} +yoff={p['d']!r} "
        f"+s11={p['b']!r} +s12={p['c']!r} +s21={p['e']!r} +s22={p['f']!r} "
        f"+step +inv {fit.plane.definition} {_DEGREES}"
    )


@lru_cache(maxsize=64)
def conversions(pipeline: str, geographic: bool) -> tuple[Conversion, Conversion]:
    """From EPSG:4326 to the source, and back: on float64 arrays of shape (n,).

    A transformation in space changes heights, which coordinates in the plane do not carry; going back starts from
    height zero again and would miss by millimetres. So what the way to the source leads to is looked at from the other
    side, and the miss is taken off; of a miss of millimetres, the meridian's convergence and the scale of the plane
    are no part worth counting.

    Parameters
    ----------
    pipeline : str
        From the source to degrees.
    geographic : bool
        The source's coordinates are degrees, too; otherwise metres.
    """
    transformer = Transformer.from_pipeline(pipeline)
    in_space = "+proj=cart" in pipeline

    def to_degrees(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        return transformer.transform(x, y)

    def to_source(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
        x, y = transformer.transform(lon, lat, direction=TransformDirection.INVERSE)
        if in_space:
            back_lon, back_lat = transformer.transform(x, y)
            unit = 1.0 if geographic else M_PER_DEG
            x = x + (lon - back_lon) * (unit if geographic else unit * np.cos(np.radians(lat)))
            y = y + (lat - back_lat) * unit
        return x, y

    return to_source, to_degrees
