"""What the platform is handed of a layer: its rows, as an Arrow file."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import shapely

from gis.confined.columns import typed_array
from gis.confined.raw import RawLayer


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
