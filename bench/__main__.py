"""``./sandtable bench NAME …``: run one benchmark against the present installation."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import bench


def names() -> list[str]:
    """The benchmarks there are."""
    modules = (info.name for info in pkgutil.iter_modules(bench.__path__))
    return sorted(name for name in modules if name != "__main__" and not name.startswith("_"))


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in names():
        sys.exit(f"用法：./sandtable bench NAME [--json] …\n可用：{'、'.join(names())}")
    sys.exit(importlib.import_module(f"bench.{sys.argv[1]}").main(sys.argv[2:]))
