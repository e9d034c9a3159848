"""Which GEOS and GDAL GeoDjango loads.

The wheels of shapely and pyogrio carry newer ones than Debian 12 does, so nothing has to be installed beside them;
inside a conda environment, where those packages link the environment's own libraries, Django finds them by itself.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def bundled_library(package: str, pattern: str) -> str | None:
    """Path of the shared library that ``package``'s wheel carries, or None where it carries none."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).resolve().parent.parent / f"{package}.libs"
    return next((str(path) for path in sorted(folder.glob(pattern))), None)
