"""Errors of the GIS floor."""

from __future__ import annotations


class GisError(Exception):
    """Base of every error that this package raises on purpose."""


class UnknownDatumError(GisError, ValueError):
    """A datum name that is neither built in nor registered for this city."""


class OutOfRangeError(GisError, ValueError):
    """A coordinate that its datum cannot contain."""


class UnknownRegionError(GisError, LookupError):
    """A region code that the boundary data does not know."""


class BoundaryDataError(GisError, ValueError):
    """Boundary data that cannot be read as what it claims to be."""


class VectorFileError(GisError, ValueError):
    """A file of features that cannot be read as a whole: wrong format, no such field, no known datum."""


class CalibrationError(GisError, ValueError):
    """Control points, or what is said about them, that no calibration can be made of."""


class EditError(GisError, ValueError):
    """A shape cannot be edited so; the text says why and what to do, for people."""


class RegistrationError(GisError, ValueError):
    """A registration that a registry refuses: a duplicate, or a declaration that cannot work."""


class UnknownLayerError(GisError, LookupError):
    """A tile layer that nobody registered."""


class UnknownTilesetError(GisError, LookupError):
    """A tileset, or a file of one, that is not there."""


class TileOutOfRangeError(GisError, ValueError):
    """Tile numbers that lie outside the layer's zooms or outside the tile pyramid."""


class TileTimeoutError(GisError, TimeoutError):
    """A tile that the database could not finish within the layer's time limit."""


class GridError(GisError, ValueError):
    """A grid that cannot be declared, or cells that cannot be made of it."""
