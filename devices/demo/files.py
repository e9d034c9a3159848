"""The demo's two files: devices with their keys for the simulator, accounts with their passwords for people."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def read_secrets(path: Path) -> dict[str, Any] | None:
    """Content of a file written by :func:`write_secrets`; None where there is none or it is broken."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write_secrets(path: Path, content: dict[str, Any]) -> bool:
    """Write ``content`` as JSON, readable by its owner alone, whole or not at all; False where it said so already."""
    text = json.dumps(content, ensure_ascii=False, indent=1)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)
    return True
