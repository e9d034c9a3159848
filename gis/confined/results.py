"""The answer to the platform: an Arrow file of rows, and a summary."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from gis.confined.columns import typed_array
from gis.confined.crsname import describe
from gis.confined.raw import RawLayer

SAMPLES = 5
MOST_SAMPLE_TEXT = 80


def summary(layer: RawLayer) -> dict[str, Any]:
    """What an import dialog shows of a layer."""
    bounds = shapely.total_bounds(layer.shapes) if len(layer.shapes) else np.full(4, np.nan)
    types = Counter(shape.geom_type for shape in layer.shapes if shape is not None)
    types.update(p.fixed.geom_type for p in layer.problems.values() if p.fixed is not None)
    return {
        "name": layer.name,
        "count": len(layer.shapes),
        "types": dict(types),
        "vertices": int(shapely.count_coordinates(layer.shapes)),
        "bounds": [float(v) for v in bounds] if np.isfinite(bounds).all() else None,
        "crs": describe(layer.crs) if layer.crs else None,
        "crs_by_standard": layer.crs_by_standard,
        "encoding": layer.encoding,
        "encoding_declared": layer.encoding_declared,
        "columns": [_column(name, values) for name, values in layer.fields.items()],
        "geometry_columns": layer.geometry_columns,
        "notes": layer.notes,
        "problems": dict(Counter(problem.reason for problem in layer.problems.values())),
    }


def _column(name: str, values: Any) -> dict[str, Any]:
    filled = [value for value in values if value is not None and value != ""]
    kinds = {type(value) for value in filled}
    if kinds <= {bool} and kinds:
        kind = "boolean"
    elif kinds <= {int} and kinds:
        kind = "integer"
    elif kinds <= {int, float} and kinds:
        kind = "number"
    else:
        kind = "text"
    samples = list(dict.fromkeys(str(value)[:MOST_SAMPLE_TEXT] for value in filled[:2000]))[:SAMPLES]
    return {"name": name, "kind": kind, "filled": len(filled), "samples": samples}


def write_rows(layer: RawLayer, path: Path) -> None:
    """The rows with their problems as an Arrow file.

    Columns ``row``, ``shape`` (WKB or nothing), ``reason``, ``detail`` (JSON), ``fixed`` (WKB), ``fixes``; then
    ``f0``, ``f1``, … whose names stand in the schema's fields as ``name``.
    """
    count = len(layer.shapes)
    reasons: list[str | None] = [None] * count
    details: list[str | None] = [None] * count
    fixed: list[bytes | None] = [None] * count
    fixes: list[str | None] = [None] * count
    for i, problem in layer.problems.items():
        reasons[i] = problem.reason
        details[i] = json.dumps(problem.detail, ensure_ascii=False)
        if problem.fixed is not None and problem.fixes:
            fixed[i] = shapely.to_wkb(problem.fixed)
            fixes[i] = " ".join(problem.fixes)
    encoded = [None if shape is None else shapely.to_wkb(shape) for shape in layer.shapes]
    arrays = [
        pa.array(layer.rows, pa.int64()),
        pa.array(encoded, pa.large_binary()),
        pa.array(reasons, pa.string()),
        pa.array(details, pa.string()),
        pa.array(fixed, pa.large_binary()),
        pa.array(fixes, pa.string()),
    ]
    names = ["row", "shape", "reason", "detail", "fixed", "fixes"]
    fields = [pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)]
    for i, (name, values) in enumerate(layer.fields.items()):
        array = typed_array(list(values))
        arrays.append(array)
        fields.append(pa.field(f"f{i}", array.type, metadata={"name": name}))
    schema = pa.schema(fields)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        writer.write_table(pa.table(arrays, schema=schema), max_chunksize=65536)
