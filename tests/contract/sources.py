"""What a module's files say, read without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def python_files(folder: Path, tests: bool = False) -> list[Path]:
    """The Python files below ``folder``; tests only when asked for."""
    return [path for path in sorted(folder.rglob("*.py")) if tests or "tests" not in path.relative_to(folder).parts]


def imports(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, wherever in it; ``from a.b import c`` gives ``a.b.c``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = path.relative_to(ROOT).parts[: -node.level]
                base = ".".join((*package, *([base] if base else [])))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def called(path: Path) -> Iterator[str]:
    """Names of the functions and methods that a file calls."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), path)):
        if isinstance(node, ast.Call):
            target = node.func
            yield target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")


def attributes(path: Path) -> Iterator[str]:
    """Names of the attributes that a file reaches for."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), path)):
        if isinstance(node, ast.Attribute):
            yield node.attr
