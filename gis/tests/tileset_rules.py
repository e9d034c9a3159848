"""Whether a tileset is what the standards ask for: rules of OGC 22-025r4 and glTF 2.0, and that its shapes are solid.

Independent of the writer: everything is read back from the bytes on disk.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}


class RuleBrokenError(AssertionError):
    """A rule does not hold; the message says which, and where."""


def need(holds: bool, rule: str, where: object = "") -> None:
    if not holds:
        raise RuleBrokenError(f"{where}: {rule}")


@dataclass
class Tile:
    """A tile read back: vertices in Earth-centred metres, buildings by id."""

    name: str
    depth: int
    error_m: float
    position: np.ndarray
    local: np.ndarray
    normal: np.ndarray
    triangle: np.ndarray
    feature: np.ndarray
    identifiers: list[str]
    names: list[str]
    heights_m: np.ndarray


def check_tileset(folder: Path) -> list[Tile]:
    """Check all of a tileset; its tiles, the root first."""
    document = read_entry(folder / "tileset.json")
    tiles: list[Tile] = []
    check_tile(document["root"], None, np.eye(4), folder, tiles, 0, document["geometricError"])
    return tiles


def read_entry(path: Path) -> dict[str, Any]:
    """Read and check the entry and every tile's own numbers."""
    text = path.read_bytes()
    need(not text.startswith(b"\xef\xbb\xbf"), "no byte-order mark", path.name)
    try:
        document = json.loads(text)
    except ValueError as error:
        raise RuleBrokenError(f"{path.name}: JSON") from error
    need(isinstance(document.get("asset"), dict), "asset", path.name)
    need(document["asset"].get("version") in ("1.0", "1.1"), "version", path.name)
    need(isinstance(document["asset"].get("tilesetVersion", ""), str), "tilesetVersion", path.name)
    need(number(document.get("geometricError")) and document["geometricError"] >= 0, "geometricError", path.name)
    need(isinstance(document.get("root"), dict), "root", path.name)
    need(document["root"].get("refine") in ("ADD", "REPLACE"), "refine of the root", path.name)
    look_at_numbers(document["root"], document["geometricError"])
    return document


def number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)


def look_at_numbers(tile: dict[str, Any], above: float) -> None:
    need(isinstance(tile, dict), "a tile is an object")
    box = tile.get("boundingVolume", {}).get("box")
    need(
        isinstance(box, list) and len(box) == 12 and all(map(number, box)), "box of twelve numbers", tile.get("content")
    )
    error = tile.get("geometricError")
    need(number(error) and 0 <= error <= above, "geometric error does not grow downwards", tile.get("content"))
    need(tile.get("refine", "ADD") in ("ADD", "REPLACE"), "refine", tile.get("content"))
    matrix = tile.get("transform", np.eye(4).ravel().tolist())
    need(isinstance(matrix, list) and len(matrix) == 16 and all(map(number, matrix)), "transform of sixteen numbers")
    square = np.array(matrix, dtype=float).reshape(4, 4).T
    need(bool(np.array_equal(square[3], [0, 0, 0, 1])), "transform is affine")
    need(abs(np.linalg.det(square[:3, :3])) > 1e-9, "transform can be inverted")
    content = tile.get("content", {"uri": ""})
    need(isinstance(content, dict) and isinstance(content.get("uri"), str), "content has an address")
    children = tile.get("children", [None])
    need(isinstance(children, list) and children != [], "children is left out rather than empty")
    for child in tile.get("children", []):
        look_at_numbers(child, error)


def corners(box: list[float]) -> np.ndarray:
    centre, axes = np.array(box[:3]), np.array(box[3:]).reshape(3, 3)
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    return centre + signs @ axes


def within(points: np.ndarray, box: list[float], slack: float = 1e-3) -> bool:
    offset, axes = points - np.array(box[:3]), np.array(box[3:]).reshape(3, 3)
    half = np.linalg.norm(axes, axis=1)
    return bool((np.abs(offset @ (axes / half[:, None]).T) <= half + slack).all())


def check_tile(tile, parent, matrix, folder, tiles, depth, above) -> None:
    matrix = matrix @ np.array(tile.get("transform", np.eye(4).ravel())).reshape(4, 4).T
    box = tile["boundingVolume"]["box"]
    name = tile["content"]["uri"]
    need((folder / name).is_file(), "content exists", name)
    read = check_glb((folder / name).read_bytes(), name)
    need(within(read.local, box), "content lies in the box", name)
    if parent is not None:
        need(within(corners(box), parent["boundingVolume"]["box"]), "a child's box lies in its parent's", name)
        need(tile["geometricError"] <= parent["geometricError"], "geometric error", name)
    need(bool(tile["geometricError"]) == ("children" in tile), "only a leaf is exact", name)
    turn = matrix[:3, :3]
    need(np.allclose(turn @ turn.T, np.eye(3), atol=1e-12) and np.linalg.det(turn) > 0, "transform only turns", name)
    read.position = read.local @ turn.T + matrix[:3, 3]
    read.depth, read.error_m = depth, tile["geometricError"]
    tiles.append(read)
    for child in tile.get("children", []):
        check_tile(child, tile, matrix, folder, tiles, depth + 1, tile["geometricError"])


def check_glb(data: bytes, name: str) -> Tile:
    """Check one binary glTF; its ``local`` vertices are turned from y-up to z-up as 3D Tiles asks."""
    magic, version, length = struct.unpack_from("<4sII", data)
    need((magic, version, length) == (b"glTF", 2, len(data)), "header", name)
    json_length, json_kind = struct.unpack_from("<I4s", data, 12)
    body_length, body_kind = struct.unpack_from("<I4s", data, 20 + json_length)
    need((json_kind, body_kind) == (b"JSON", b"BIN\0"), "chunks", name)
    need(json_length % 4 == body_length % 4 == 0 and 28 + json_length + body_length == length, "chunk lengths", name)
    gltf = json.loads(data[20 : 20 + json_length])
    body_at = 28 + json_length
    body = data[body_at:]
    need(gltf["asset"]["version"] == "2.0", "glTF version", name)
    need(gltf["buffers"][0]["byteLength"] <= body_length, "buffer within its chunk", name)
    for view in gltf["bufferViews"]:
        need(view["byteLength"] > 0, "no empty view", name)
        need(
            view["byteOffset"] + view["byteLength"] <= gltf["buffers"][0]["byteLength"], "view within the buffer", name
        )
        need((body_at + view["byteOffset"]) % 8 == 0, "view at a multiple of eight bytes", name)
    used = set(gltf["extensionsUsed"])
    found = set(gltf["extensions"]) | {e for m in gltf["meshes"] for p in m["primitives"] for e in p["extensions"]}
    need(used == found, "extensions used are those declared", name)

    def raw(index: int) -> bytes:
        view = gltf["bufferViews"][index]
        return body[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]

    def values(index: int) -> np.ndarray:
        accessor = gltf["accessors"][index]
        kind, width = np.dtype(TYPES[accessor["componentType"]]), WIDTHS[accessor["type"]]
        content = raw(accessor["bufferView"])
        need(accessor["count"] * kind.itemsize * width <= len(content), "accessor within its view", name)
        read = np.frombuffer(content, kind, accessor["count"] * width).reshape(-1, width)
        if "min" in accessor:
            need(np.array_equal(read.min(axis=0), np.array(accessor["min"], kind)), "min", name)
            need(np.array_equal(read.max(axis=0), np.array(accessor["max"], kind)), "max", name)
        return read

    (primitive,) = gltf["meshes"][0]["primitives"]
    attributes = primitive["attributes"]
    need("min" in gltf["accessors"][attributes["POSITION"]], "POSITION has bounds", name)
    position, normal = (values(attributes[key]).astype(float) for key in ("POSITION", "NORMAL"))
    feature = values(attributes["_FEATURE_ID_0"])[:, 0]
    need(len(position) == len(normal) == len(feature), "attributes of one length", name)
    triangle = values(primitive["indices"])[:, 0].astype(np.int64)
    need(len(triangle) % 3 == 0 and triangle.max() < len(position), "indices", name)
    triangle = triangle.reshape(-1, 3)
    need(
        np.isfinite(position).all() and np.allclose(np.linalg.norm(normal, axis=1), 1, atol=1e-5), "unit normals", name
    )
    a, b, c = (position[triangle[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    facing = np.einsum("ij,ij->i", face, normal[triangle[:, 0]])
    size = np.linalg.norm(face, axis=1)
    need((facing[size > 1e-3] > 0).all(), "counter-clockwise seen from where the normal points", name)
    need((feature[triangle] == feature[triangle[:, :1]]).all(), "a triangle belongs to one building", name)

    (table,) = gltf["extensions"]["EXT_structural_metadata"]["propertyTables"]
    schema = gltf["extensions"]["EXT_structural_metadata"]["schema"]
    need(set(table["properties"]) <= set(schema["classes"][table["class"]]["properties"]), "schema", name)
    (ids,) = primitive["extensions"]["EXT_mesh_features"]["featureIds"]
    need(ids["featureCount"] == table["count"] == len(np.unique(feature)), "every building is in the mesh", name)
    need(feature.min() >= 0 and feature.max() < table["count"], "feature ids", name)

    def texts(key: str) -> list[str]:
        column = table["properties"][key]
        ends = np.frombuffer(raw(column["stringOffsets"]), np.uint32)
        need(len(ends) == table["count"] + 1 and (np.diff(ends.astype(int)) >= 0).all(), "string offsets", name)
        content = raw(column["values"])
        return [content[x:y].decode() for x, y in pairwise(ends)]

    local = position + gltf["nodes"][0]["translation"]
    z_up = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=float)
    return Tile(
        name, 0, 0.0, local, local @ z_up.T, normal @ z_up.T, triangle, feature.astype(int),
        texts("id"), texts("name"), np.frombuffer(raw(table["properties"]["height_m"]["values"]), np.float32),
    )  # fmt: skip
