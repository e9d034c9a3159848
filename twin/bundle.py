"""The built web bundle: which files an entry needs, and the English words it speaks."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

DIST = Path(settings.BASE_DIR) / "web" / "dist"


@dataclass(frozen=True)
class Entry:
    """Files of one page, as static paths."""

    script: str
    styles: tuple[str, ...]


@cache
def entry(source: str) -> Entry:
    """The built files of ``source`` (a path below ``web/``).

    Raises
    ------
    ImproperlyConfigured
        The bundle was not built, or has no such entry.
    """
    try:
        manifest = json.loads((DIST / ".vite" / "manifest.json").read_text())
        built = manifest[source]
    except (OSError, KeyError) as error:
        raise ImproperlyConfigured(f"web bundle: no entry {source} ({error}); run ./sandtable up") from error
    chunks: dict[str, None] = {}
    _gather(manifest, source, chunks)
    uses = Counter(style for each in manifest.values() for style in each.get("css", []))
    # A chunk's own styles stand before shared ones in the manifest, too.
    styles = [
        style for chunk in chunks for style in sorted(manifest[chunk].get("css", []), key=lambda each: uses[each] == 1)
    ]
    return Entry(f"web/{built['file']}", tuple(f"web/{style}" for style in dict.fromkeys(styles)))


def _gather(manifest: dict[str, Any], chunk: str, into: dict[str, None]) -> None:
    """A chunk after those it imports: what a page says of itself wins over what it shares."""
    for imported in manifest[chunk].get("imports", []):
        if imported not in into:
            _gather(manifest, imported, into)
    into[chunk] = None


@cache
def words() -> dict[str, str]:
    """English for every Chinese text of the bundle."""
    return json.loads((Path(settings.BASE_DIR) / "web" / "src" / "words.json").read_text())
