"""Numbered cells of 1/64 degree (some 1.7 by 1.5 km in Shanghai), to find by a plain index what is within bounds.

A cell's number is ``row × 32768 + column``, rows from the south pole, columns from 180° W: the cells of one row between
two columns are one range of numbers.
"""

from __future__ import annotations

import math

from django.db.models import Expression, F, IntegerField
from django.db.models.functions import Cast, Floor

PER_DEGREE = 64
ROW = 32768
MOST_ROWS = 40
"""Of more rows than this the ranges are not worth telling apart."""
Bounds = tuple[float, float, float, float]


def cell_of(lon: str, lat: str) -> Expression:
    """Number of the cell of two fields with degrees, as an expression for a generated field."""
    row = Cast(Floor((F(lat) + 90.0) * float(PER_DEGREE)), IntegerField())
    column = Cast(Floor((F(lon) + 180.0) * float(PER_DEGREE)), IntegerField())
    return row * ROW + column


def cells_within(column: str, bounds: Bounds) -> str:
    """SQL condition: ``column`` holds a cell that meets the bounds (west, south, east, north in degrees).

    The column's name is written by a developer, never taken from outside.
    """
    west, south, east, north = bounds
    first, last = math.floor((west + 180) * PER_DEGREE), math.floor((east + 180) * PER_DEGREE)
    rows = range(math.floor((south + 90) * PER_DEGREE), math.floor((north + 90) * PER_DEGREE) + 1)
    if len(rows) > MOST_ROWS:
        return f"{column} BETWEEN {rows[0] * ROW + first} AND {rows[-1] * ROW + last}"
    return " OR ".join(f"{column} BETWEEN {row * ROW + first} AND {row * ROW + last}" for row in rows)
