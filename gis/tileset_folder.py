"""The folder ``var/tilesets``: which tilesets there are, and where their files lie."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from gis.exceptions import UnknownTilesetError

ENTRY = "tileset.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
# What tilesets of other makers consist of, too.
CONTENT_TYPES = {
    ".json": "application/json",
    ".glb": "model/gltf-binary",
    ".gltf": "model/gltf+json",
    ".bin": "application/octet-stream",
    ".subtree": "application/octet-stream",
    ".b3dm": "application/octet-stream",
    ".i3dm": "application/octet-stream",
    ".pnts": "application/octet-stream",
    ".cmpt": "application/octet-stream",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".ktx2": "image/ktx2",
}


def tilesets_folder() -> Path:
    """Where the tilesets are, one folder each."""
    return Path(settings.VAR_DIR) / "tilesets"


def find_file(name: str, path: str) -> tuple[Path, str]:
    """A file of a tileset, and its content type.

    Parameters
    ----------
    name : str
        The tileset's name.
    path : str
        Path within it, as it came from outside.

    Raises
    ------
    UnknownTilesetError
        No such file, a kind of file that no tileset has, or one that lies outside the tileset's folder (by ``..``, by
        an absolute path or by a link).
    """
    unknown = UnknownTilesetError(_("没有三维瓦片 %(name)s/%(path)s") % {"name": name, "path": path})
    kind = CONTENT_TYPES.get(Path(path).suffix.lower())
    if not NAME.fullmatch(name) or kind is None or "\0" in path:
        raise unknown
    home = (tilesets_folder() / name).resolve()
    file = (home / path).resolve()
    if not file.is_relative_to(home) or not file.is_file():
        raise unknown
    return file, kind


def list_tilesets() -> list[dict[str, Any]]:
    """Name, attribution, number of buildings and bounds of each tileset; what another maker did not write is None."""
    found = []
    for entry in sorted(tilesets_folder().glob(f"*/{ENTRY}")):
        if not NAME.fullmatch(entry.parent.name):
            continue
        try:
            extras = json.loads(entry.read_bytes())["asset"].get("extras")
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            continue
        known = extras if isinstance(extras, dict) else {}
        facts = {name: known.get(name) for name in ("attribution", "buildings", "bounds")}
        found.append({"name": entry.parent.name, **facts})
    return found
