"""Turns building footprints with heights into a 3D Tiles 1.1 tileset; numpy and shapely, nothing else.

Formats: OGC 22-025r4 "3D Tiles Specification 1.1"; Khronos glTF 2.0 (binary, GLB) with the extensions
EXT_mesh_features and EXT_structural_metadata.
"""

from gis.tileset.buildings import Buildings
from gis.tileset.writer import TilesetReport, write_tileset

__all__ = ["Buildings", "TilesetReport", "write_tileset"]
