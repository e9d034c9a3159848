"""Attribute columns on their way between the platform and the process."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa


def typed_array(values: list[Any]) -> pa.Array:
    """Values as Arrow: booleans, whole numbers or numbers where all are, else texts."""
    kinds = {type(value) for value in values if value is not None}
    try:
        if kinds <= {bool}:
            return pa.array(values, pa.bool_())
        if kinds <= {int}:
            return pa.array(values, pa.int64())
        if kinds <= {int, float}:
            return pa.array([_finite(value) for value in values], pa.float64())
    except OverflowError:
        pass
    return pa.array([_text(value) for value in values], pa.large_string())


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _text(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    # Half a character, which broken encodings leave behind, has no UTF-8.
    return str(value).encode("utf-8", "replace").decode()
