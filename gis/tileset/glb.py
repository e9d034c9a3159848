"""One tile's content: a binary glTF 2.0 with what is known of each building."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gis.tileset.buildings import Buildings
from gis.tileset.earth import Floats
from gis.tileset.mesh import Mesh

MAGIC, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942
UNSIGNED_SHORT, UNSIGNED_INT, FLOAT = 5123, 5125, 5126
ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER = 34962, 34963
# EXT_structural_metadata wants its columns at multiples of eight bytes, from the file's beginning.
ALIGNMENT = 8
COLOUR = (0.46, 0.53, 0.64, 1.0)
SCHEMA = {
    "id": "sandtable_buildings",
    "classes": {
        "building": {
            "properties": {
                "id": {"type": "STRING"},
                "name": {"type": "STRING"},
                "height_m": {"type": "SCALAR", "componentType": "FLOAT32"},
            }
        }
    },
}


class _Body:
    """The binary chunk while it grows."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def view(self, content: bytes, target: int | None = None) -> int:
        """Append a buffer view."""
        self.data += bytes(-len(self.data) % ALIGNMENT)
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content)}
        self.views.append(view if target is None else {**view, "target": target})
        self.data += content
        return len(self.views) - 1

    def accessor(self, values: NDArray[Any], component: int, kind: str, target: int, *, bounds: bool = False) -> int:
        """Append an accessor of its own view; ``bounds`` also writes its smallest and largest values."""
        accessor: dict[str, Any] = {
            "bufferView": self.view(values.tobytes(), target),
            "componentType": component,
            "count": values.size if kind == "SCALAR" else len(values),
            "type": kind,
        }
        if bounds:
            accessor["min"], accessor["max"] = values.min(axis=0).tolist(), values.max(axis=0).tolist()
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def texts(self, texts: list[str]) -> dict[str, Any]:
        """Append a column of texts."""
        encoded = [text.encode() for text in texts]
        offsets = np.concatenate([[0], np.cumsum([len(text) for text in encoded])]).astype("<u4")
        return {
            # A buffer view may not be empty.
            "values": self.view(b"".join(encoded) or bytes(4)),
            "stringOffsets": self.view(offsets.tobytes()),
            "stringOffsetType": "UINT32",
        }


def write_glb(mesh: Mesh, buildings: Buildings, centre: Floats, attribution: str) -> bytes:
    """Encode a mesh.

    Parameters
    ----------
    mesh : Mesh
        In the tileset's frame (east, north, up).
    buildings : Buildings
        The buildings that ``mesh.feature`` counts.
    centre : array of float64, shape (3,)
        Where the vertices count from: near them, so that 32 bits are exact to a millimetre.
    attribution : str
        Where the data come from.
    """
    body = _Body()
    position = _y_up(mesh.position - centre)
    wide = len(position) > 65_535
    primitive = {
        "attributes": {
            "POSITION": body.accessor(position, FLOAT, "VEC3", ARRAY_BUFFER, bounds=True),
            "NORMAL": body.accessor(_y_up(mesh.normal), FLOAT, "VEC3", ARRAY_BUFFER),
            "_FEATURE_ID_0": body.accessor(mesh.feature.astype("<f4"), FLOAT, "SCALAR", ARRAY_BUFFER),
        },
        "indices": body.accessor(
            mesh.triangle.astype("<u4" if wide else "<u2"),
            UNSIGNED_INT if wide else UNSIGNED_SHORT,
            "SCALAR",
            ELEMENT_ARRAY_BUFFER,
        ),
        "material": 0,
        "extensions": {
            "EXT_mesh_features": {"featureIds": [{"featureCount": len(buildings), "attribute": 0, "propertyTable": 0}]}
        },
    }
    table = {
        "class": "building",
        "count": len(buildings),
        "properties": {
            "id": body.texts(list(buildings.identifier)),
            "name": body.texts(list(buildings.name)),
            "height_m": {"values": body.view(buildings.height_m.astype("<f4").tobytes())},
        },
    }
    document = {
        "asset": {"version": "2.0", "generator": "Sandtable", "copyright": attribution},
        "extensionsUsed": ["EXT_mesh_features", "EXT_structural_metadata"],
        "extensions": {"EXT_structural_metadata": {"schema": SCHEMA, "propertyTables": [table]}},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "translation": _y_up(centre[None])[0].astype(float).tolist()}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [
            {"pbrMetallicRoughness": {"baseColorFactor": COLOUR, "metallicFactor": 0.0, "roughnessFactor": 0.9}}
        ],
        "accessors": body.accessors,
        "bufferViews": body.views,
        "buffers": [{"byteLength": len(body.data)}],
    }
    return _pack(document, bytes(body.data))


def _y_up(vectors: Floats) -> NDArray[np.float32]:
    """East, north, up as glTF has it: x east, y up, z south."""
    return np.column_stack([vectors[:, 0], vectors[:, 2], -vectors[:, 1]]).astype("<f4")


def _pack(document: dict[str, Any], body: bytes) -> bytes:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    # Header and two chunk headings take 28 bytes.
    text += b" " * (-(len(text) + 28) % ALIGNMENT)
    body += bytes(-len(body) % ALIGNMENT)
    return b"".join(
        [
            struct.pack("<III", MAGIC, 2, 28 + len(text) + len(body)),
            struct.pack("<II", len(text), JSON_CHUNK),
            text,
            struct.pack("<II", len(body), BINARY_CHUNK),
            body,
        ]
    )
