"""What the platform is told of a layer."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import shapely

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
