"""The grid of tiles: which there are, where they lie, and SQL of shapes in a tile's own units.

The usual pyramid: EPSG:3857, ``z/x/y`` from the north-west.
"""

from __future__ import annotations

import math

from django.utils.translation import gettext as _

from gis.exceptions import TileOutOfRangeError
from gis.tiles import Bounds, TileLayer

EXTENT = 4096
BUFFER = 64
# A tile is shown some 512 pixels wide: eight of its units to a pixel.
UNITS_PER_PIXEL = 8
EVEN_ZOOM = 12
EDGE_M = 20037508.342789244


def has_tile(layer: TileLayer, z: int, x: int, y: int) -> bool:
    """Whether the layer has tiles at that zoom, and the pyramid has that one."""
    return layer.min_zoom <= z <= layer.max_zoom and 0 <= x < 1 << z and 0 <= y < 1 << z


def check_tile(layer: TileLayer, z: int, x: int, y: int) -> None:
    """Raise TileOutOfRangeError unless the layer has tiles at zoom ``z`` and the pyramid a tile ``x``, ``y`` there."""
    if not layer.min_zoom <= z <= layer.max_zoom:
        raise TileOutOfRangeError(
            _("图层 %(layer)s 只有 %(low)d 至 %(high)d 级瓦片，没有第 %(zoom)d 级")
            % {"layer": layer.name, "low": layer.min_zoom, "high": layer.max_zoom, "zoom": z}
        )
    if not (0 <= x < 1 << z and 0 <= y < 1 << z):
        raise TileOutOfRangeError(
            _("第 %(zoom)d 级瓦片的行列号为 0 至 %(last)d，没有 %(x)d 列 %(y)d 行")
            % {"zoom": z, "last": (1 << z) - 1, "x": x, "y": y}
        )


def tile_bounds(z: int, x: int, y: int, margin: float = 0.0) -> Bounds:
    """West, south, east and north of a tile in degrees, enlarged by ``margin`` tiles on each side, within the world."""
    n = 1 << z

    def lon(column: float) -> float:
        return min(max(column, 0.0), n) / n * 360.0 - 180.0

    def lat(row: float) -> float:
        return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * min(max(row, 0.0), n) / n))))

    return lon(x - margin), lat(y + 1 + margin), lon(x + 1 + margin), lat(y - margin)


def pixel_of(z: int, x: int, y: int) -> tuple[float, float]:
    """A pixel's width in degrees, and how many degrees of latitude one of longitude is worth on the tile."""
    west, south, east, north = tile_bounds(z, x, y)
    # A degree of latitude is longer on the map than one of longitude: keep the tolerance right for the longer.
    return (east - west) / EXTENT * UNITS_PER_PIXEL, math.cos(math.radians(max(abs(south), abs(north))))


def mercator(lon: str, lat: str) -> tuple[str, str]:
    """SQL of EPSG:3857 of degrees: the formula alone takes a tenth of what a transformation does."""
    return (
        f"({lon}) * {EDGE_M / 180!r}",
        f"ln(tan(pi() / 4 + least(greatest({lat}, -85.05), 85.05) * pi() / 360)) * 6378137.0",
    )


def tile_geometry(shape: str, z: int, x: int, y: int) -> str:
    """SQL of a shape (EPSG:3857) in the tile's own units, cut at its margin."""
    return f"ST_AsMVTGeom({shape}, ST_TileEnvelope({z}, {x}, {y}), {EXTENT}, {BUFFER}, true)"


def tile_shape(shape: str, z: int, x: int, y: int) -> str:
    """SQL of a shape in degrees in the tile's own units, cut at its margin.

    From :data:`EVEN_ZOOM` on a tile is so low that latitude is stretched evenly within it, to half a unit; there is
    nothing to project then, which is the better part of the work.
    """
    if z < EVEN_ZOOM:
        return tile_geometry(f"ST_Transform({shape}, 3857)", z, x, y)
    edges = ", ".join(repr(edge) for edge in tile_bounds(z, x, y))
    return f"ST_AsMVTGeom({shape}, ST_MakeEnvelope({edges}, 4326), {EXTENT}, {BUFFER}, true)"
