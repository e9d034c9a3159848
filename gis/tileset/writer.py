"""Writes the folder of a tileset."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from django.utils.translation import gettext as _

from gis.exceptions import VectorFileError
from gis.tileset.buildings import Buildings
from gis.tileset.earth import Floats, LocalFrame
from gis.tileset.glb import write_glb
from gis.tileset.mesh import extrude
from gis.tileset.quadtree import Node, grow
from gis.tileset_folder import ENTRY

# Boxes are drawn this much wider, for what 32 bits round away.
SLACK_M = 0.01


@dataclass
class TilesetReport:
    """What was written: tiles, buildings, triangles, bytes."""

    tiles: int = 0
    buildings: int = 0
    triangles: int = 0
    size: int = 0


class _Writer:
    def __init__(self, folder: Path, buildings: Buildings, base_m: float, attribution: str) -> None:
        self.folder = folder
        self.buildings = buildings
        self.base_m = base_m
        self.attribution = attribution
        self.size_m = buildings.size_m()
        bounds = shapely.total_bounds(buildings.footprint)
        self.bounds = [round(float(edge), 7) for edge in bounds]
        self.frame = LocalFrame.at(float(bounds[0] + bounds[2]) / 2, float(bounds[1] + bounds[3]) / 2)
        self.report = TilesetReport(buildings=len(buildings))

    def write(self) -> None:
        """Every tile, then the entry."""
        west, south, east, north = shapely.bounds(self.buildings.footprint).T
        root, _low, _high = self._tile(grow(np.column_stack([west + east, south + north]) / 2, self.size_m))
        root = {"transform": self.frame.transform(), "refine": "ADD", **root}
        document = {
            "asset": {
                "version": "1.1",
                "extras": {"attribution": self.attribution, "buildings": len(self.buildings), "bounds": self.bounds},
            },
            "geometricError": float(self.size_m.max()),
            "root": root,
        }
        (self.folder / ENTRY).write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")

    def _tile(self, node: Node) -> tuple[dict[str, Any], Floats, Floats]:
        """Write a tile and those below; its entry, and the corners of its box."""
        own = self.buildings.only(node.rows)
        mesh = extrude(own, self.frame, self.base_m)
        low, high = mesh.position.min(axis=0) - SLACK_M, mesh.position.max(axis=0) + SLACK_M
        # A centre in whole metres is the same number in 32 and in 64 bits.
        content = write_glb(mesh, own, np.round((low + high) / 2), self.attribution)
        (self.folder / f"{node.name}.glb").write_bytes(content)
        self.report.tiles += 1
        self.report.triangles += len(mesh.triangle)
        self.report.size += len(content)
        children = []
        for child in node.children:
            entry, child_low, child_high = self._tile(child)
            low, high = np.minimum(low, child_low), np.maximum(high, child_high)
            children.append(entry)
        tile: dict[str, Any] = {
            "boundingVolume": {"box": _box(low, high)},
            "geometricError": node.error_m,
            "content": {"uri": f"{node.name}.glb"},
        }
        if children:
            tile["children"] = children
        return tile, low, high


def _box(low: Floats, high: Floats) -> list[float]:
    """Centre and three half axes."""
    return [*((low + high) / 2).tolist(), *np.diag((high - low) / 2).ravel().tolist()]


def write_tileset(folder: Path, buildings: Buildings, *, base_m: float = 0.0, attribution: str = "") -> TilesetReport:
    """Write a tileset, replacing one that is there; nobody ever finds a half-written one.

    Parameters
    ----------
    folder : Path
        Becomes a folder with ``tileset.json`` and one ``.glb`` for each tile.
    buildings : Buildings
    base_m : float
        Height of the ground above the ellipsoid in metres.
    attribution : str
        Where the data come from; stands in every file.

    Raises
    ------
    VectorFileError
        No building, or the folder holds something else than a tileset.
    """
    if not len(buildings):
        raise VectorFileError(_("没有可用的建筑，未写瓦片"))
    if folder.exists() and not (folder / ENTRY).is_file() and any(folder.iterdir()):
        raise VectorFileError(_("%(folder)s 不是瓦片文件夹，不予覆盖") % {"folder": folder})
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A dot keeps unfinished work out of sight: no tileset's name begins with one.
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        writer = _Writer(fresh, buildings, base_m, attribution)
        writer.write()
        fresh.chmod(0o755)
        if folder.exists():
            gone = Path(tempfile.mkdtemp(prefix=".old-", dir=folder.parent))
            folder.rename(gone / folder.name)
            fresh.rename(folder)
            shutil.rmtree(gone)
        else:
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return writer.report
