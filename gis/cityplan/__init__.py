"""Draws a plausible city where no map data were delivered (示意底图).

Districts in, columns of roads, water, green, blocks and buildings out: pure functions of numpy and shapely, no ORM, no
clock, the same for the same seed. Nothing here is surveyed, and whoever shows it has to say so.
"""

from gis.cityplan.features import Features
from gis.cityplan.plan import draw_city

__all__ = ["Features", "draw_city"]
