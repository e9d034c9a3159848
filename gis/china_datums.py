"""The shifted datums of Chinese web maps: GCJ-02 (火星坐标), BD-09 (百度坐标) and BD-09 Mercator.

None of them is published by its owner; the formulas below are the ones every open implementation shares, known since
they leaked from a navigation product around 2010 and confirmed against the map services ever since. Only numbers
and relations were taken: GCJ-02 from googollee/eviltransform; BD-09, the coefficients of its Mercator and the extent
from hujiulong/gcoord, whose points agree with the services (eviltransform's BD-09 leaves out a factor and is up to
40 m off). Inverses here are iterated until the forward formula gives back its input, so they are exact where most
implementations stop at a metre.

All functions take and return float64 arrays, longitude or easting first, in degrees or metres.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pair = tuple[Floats, Floats]

CHINA_LON_DEG = (72.004, 137.8347)
CHINA_LAT_DEG = (0.8293, 55.8271)
"""Extent in which GCJ-02 is shifted. A plain box: it takes in parts of neighbouring countries, as the services do."""

# Krasovsky 1940: semi-major axis in metres and squared eccentricity.
KRASOVSKY_A_M = 6378245.0
KRASOVSKY_E2 = 0.00669342162296594323

# The last step of an iteration; what is left after it is about a hundredth.
TOLERANCE_DEG = 1e-10
MAX_ROUNDS = 30
BLOCK = 8192


def in_china(lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    """Whether each point lies in the extent in which GCJ-02 is shifted, edges included."""
    return (lon >= CHINA_LON_DEG[0]) & (lon <= CHINA_LON_DEG[1]) & (lat >= CHINA_LAT_DEG[0]) & (lat <= CHINA_LAT_DEG[1])


def _multiples(angle: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Sine and cosine of an angle, sine of its third and its twelfth part: two functions for four, by the addition
    theorems, for most of the time goes into sines."""
    sin_12, cos_12 = np.sin(angle / 12.0), np.cos(angle / 12.0)
    sin_6, cos_6 = 2.0 * sin_12 * cos_12, 1.0 - 2.0 * sin_12 * sin_12
    sin_3, cos_3 = 2.0 * sin_6 * cos_6, 1.0 - 2.0 * sin_6 * sin_6
    return sin_3 * (3.0 - 4.0 * sin_3 * sin_3), cos_3 * (4.0 * cos_3 * cos_3 - 3.0), sin_3, sin_12


def _gcj02_offset(lon: Floats, lat: Floats) -> Pair:
    """Shift in degrees from WGS 84 to GCJ-02, whatever the place."""
    x, y = lon - 105.0, lat - 35.0
    pi_x, pi_y = np.pi * x, np.pi * y
    root = np.sqrt(np.abs(x))
    sin_x, cos_x, sin_x_3, sin_x_12 = _multiples(pi_x)
    sin_y, _cos_y, sin_y_3, sin_y_12 = _multiples(pi_y)
    sin_2x = 2.0 * sin_x * cos_x
    common = 20.0 * sin_2x * (3.0 - 4.0 * sin_2x * sin_2x) + 20.0 * sin_2x
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north_m += (2.0 / 3.0) * (common + 20.0 * sin_y + 40.0 * sin_y_3 + 160.0 * sin_y_12 + 320.0 * np.sin(pi_y / 30.0))
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east_m += (2.0 / 3.0) * (common + 20.0 * sin_x + 40.0 * sin_x_3 + 150.0 * sin_x_12 + 300.0 * np.sin(pi_x / 30.0))
    phi = np.radians(lat)
    w2 = 1.0 - KRASOVSKY_E2 * np.sin(phi) ** 2
    w = np.sqrt(w2)
    prime_vertical_m = KRASOVSKY_A_M / w
    meridian_m = KRASOVSKY_A_M * (1.0 - KRASOVSKY_E2) / (w2 * w)
    return np.degrees(east_m / (prime_vertical_m * np.cos(phi))), np.degrees(north_m / meridian_m)


def _undo(offset: Callable[[Floats, Floats], Pair], lon: Floats, lat: Floats) -> Pair:
    """Solve ``p + offset(p) = (lon, lat)`` by fixed point; each round leaves about a hundredth of the error.

    Long columns go through in pieces: what a formula keeps between its steps then stays in the processor's cache.
    """
    if len(lon) > BLOCK:
        out = np.empty((2, len(lon)))
        for at in range(0, len(lon), BLOCK):
            piece = slice(at, at + BLOCK)
            out[:, piece] = _undo(offset, lon[piece], lat[piece])
        return out[0], out[1]
    x, y = lon, lat
    for _ in range(MAX_ROUNDS):
        dx, dy = offset(x, y)
        new_x, new_y = lon - dx, lat - dy
        moved = np.maximum(np.abs(new_x - x), np.abs(new_y - y))
        x, y = new_x, new_y
        if not (moved > TOLERANCE_DEG).any():
            break
    return x, y


def wgs84_to_gcj02(lon: Floats, lat: Floats) -> Pair:
    """GCJ-02 of WGS 84 points; unchanged outside the extent of China."""
    inside = in_china(lon, lat)
    if not inside.any():
        return lon.copy(), lat.copy()
    dlon, dlat = _gcj02_offset(lon, lat)
    return np.where(inside, lon + dlon, lon), np.where(inside, lat + dlat, lat)


def gcj02_to_wgs84(lon: Floats, lat: Floats) -> Pair:
    """WGS 84 of GCJ-02 points, exact to 1e-9 degree; unchanged outside the extent of China.

    Along the edge of the extent the forward formula tears: some points there come from inside and from outside. They
    are taken to come from inside.
    """
    # Far from China the formula means nothing and may not converge; the shift stays below 0.1 degree.
    near = (
        (lon > CHINA_LON_DEG[0] - 0.1)
        & (lon < CHINA_LON_DEG[1] + 0.1)
        & (lat > CHINA_LAT_DEG[0] - 0.1)
        & (lat < CHINA_LAT_DEG[1] + 0.1)
    )
    out_lon, out_lat = lon.copy(), lat.copy()
    if near.any():
        x, y = _undo(_gcj02_offset, lon[near], lat[near])
        inside = in_china(x, y)
        out_lon[near] = np.where(inside, x, lon[near])
        out_lat[near] = np.where(inside, y, lat[near])
    return out_lon, out_lat


def _bd09_offset(lon: Floats, lat: Floats) -> Pair:
    """Shift in degrees from GCJ-02 to BD-09."""
    k = np.pi * 3000.0 / 180.0
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * k)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * k)
    return radius * np.cos(angle) + 0.0065 - lon, radius * np.sin(angle) + 0.006 - lat


def wgs84_to_bd09(lon: Floats, lat: Floats) -> Pair:
    """BD-09 of WGS 84 points. Its second shift applies everywhere, its first (GCJ-02) in China."""
    x, y = wgs84_to_gcj02(lon, lat)
    dx, dy = _bd09_offset(x, y)
    return x + dx, y + dy


def bd09_to_wgs84(lon: Floats, lat: Floats) -> Pair:
    """WGS 84 of BD-09 points, exact to 1e-9 degree."""
    return gcj02_to_wgs84(*_undo(_bd09_offset, lon, lat))


BD09MC_MAX_LAT_DEG = 74.0
# Lower edge of each band in degrees and in metres of northing, and the band's polynomial: two coefficients for the
# easting, seven for the northing, the latitude in degrees that its variable counts in.
_BD09MC_BANDS_DEG = np.array([0.0, 15.0, 30.0, 45.0, 60.0])
_BD09MC_BANDS_M = np.array([0.0, 1678043.12, 3481989.83, 5591021.0, 8362377.87])
_BD09MC = np.array(
    [
        [
            -0.0003218135878613132, 111320.7020701615, 0.00369383431289, 823725.6402795718, 0.46104986909093,
            2351.343141331292, 1.58060784298199, 8.77738589078284, 0.37238884252424, 7.45,
        ],
        [
            -0.0003441963504368392, 111320.7020576856, 278.2353980772752, 2485758.690035394, 6070.750963243378,
            54821.18345352118, 9540.606633304236, -2710.55326746645, 1405.483844121726, 22.5,
        ],
        [
            0.00220636496208, 111320.7020209128, 51751.86112841131, 3796837.749470245, 992013.7397791013,
            -1221952.21711287, 1340652.697009075, -620943.6990984312, 144416.9293806241, 37.5,
        ],
        [
            0.00337398766765, 111320.7020202162, 4481351.045890365, -23393751.19931662, 79682215.47186455,
            -115964993.2797253, 97236711.15602145, -43661946.33752821, 8477230.501135234, 52.5,
        ],
        [
            0.0008277824516172526, 111320.7020463578, 647795574.6671607, -4082003173.641316, 10774905663.51142,
            -15171875531.51559, 12053065338.62167, -5124939663.577472, 913311935.9512032, 67.5,
        ],
    ]
)  # fmt: skip


def _polynomial(c: Floats, t: Floats) -> Pair:
    """Value and derivative of the northing polynomial, coefficients ``c`` of shape (n, 10), at ``t`` of shape (n,)."""
    value = np.zeros_like(t)
    slope = np.zeros_like(t)
    for power in range(8, 1, -1):
        slope = slope * t + value
        value = value * t + c[:, power]
    return value, slope


def wgs84_to_bd09mc(lon: Floats, lat: Floats) -> Pair:
    """Baidu's Mercator in metres of WGS 84 points within 74 degrees of the equator; NaN beyond."""
    x, y = wgs84_to_bd09(lon, lat)
    c = _BD09MC[np.searchsorted(_BD09MC_BANDS_DEG, np.nan_to_num(np.abs(y)), side="right") - 1]
    east = np.copysign(c[:, 0] + c[:, 1] * np.abs(x), x)
    north = np.copysign(_polynomial(c, np.abs(y) / c[:, 9])[0], y)
    fits = np.abs(y) <= BD09MC_MAX_LAT_DEG
    return np.where(fits, east, np.nan), np.where(fits, north, np.nan)


def bd09mc_to_wgs84(x_m: Floats, y_m: Floats) -> Pair:
    """WGS 84 of points in Baidu's Mercator, in metres; NaN beyond 74 degrees of the equator.

    Solves the forward polynomial by Newton's method instead of using Baidu's own second, approximate one.
    """
    size = np.nan_to_num(np.abs(y_m), posinf=0.0)
    c = _BD09MC[np.searchsorted(_BD09MC_BANDS_M, size, side="right") - 1]
    lon = np.copysign((np.abs(x_m) - c[:, 0]) / c[:, 1], x_m)
    # Mercator on a sphere is a start within a fraction of a degree.
    t = np.degrees(np.arctan(np.sinh(np.minimum(size, 12.6e6) / 6.37e6))) / c[:, 9]
    for _ in range(MAX_ROUNDS):
        value, slope = _polynomial(c, t)
        step = (value - size) / slope
        t = t - step
        if not (np.abs(step) > 1e-14).any():
            break
    lat = np.copysign(t * c[:, 9], y_m)
    fits = np.isfinite(y_m) & (np.abs(lat) <= BD09MC_MAX_LAT_DEG)
    return bd09_to_wgs84(np.where(fits, lon, np.nan), np.where(fits, lat, np.nan))
