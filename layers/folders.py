"""Which modules there are: folders of ``layers/`` that hold a ``layer.py``. Needs no Django, for the settings ask."""

from __future__ import annotations

import re
from pathlib import Path

LAYERS = Path(__file__).resolve().parent
KEY = re.compile(r"[a-z][a-z0-9_]{1,30}")
"""Form of a module's key: the folder's name, the app's label, the beginning of its ids."""


def module_keys(folder: Path = LAYERS) -> list[str]:
    """Keys of the modules in ``folder``, in alphabetical order."""
    return sorted(found.parent.name for found in folder.glob("*/layer.py"))


def module_apps() -> list[str]:
    """Their Django apps, for ``INSTALLED_APPS``."""
    return [f"layers.{key}" for key in module_keys()]
