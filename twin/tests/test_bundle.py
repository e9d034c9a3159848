"""Which files a page needs, and in which order."""

from __future__ import annotations

import json

import pytest

from twin import bundle


@pytest.fixture
def manifest(tmp_path, monkeypatch):
    """Built by hand: two pages of one style sheet, each with one of its own."""
    built = {
        "_shared.js": {"file": "shared.js", "css": ["shared.css"]},
        "src/wall.ts": {"file": "wall.js", "imports": ["_shared.js"], "css": ["wall.css", "page.css"]},
        "src/desk.ts": {"file": "desk.js", "imports": ["_shared.js"], "css": ["desk.css", "page.css"]},
    }
    folder = tmp_path / ".vite"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(built))
    monkeypatch.setattr(bundle, "DIST", tmp_path)
    bundle.entry.cache_clear()
    yield
    bundle.entry.cache_clear()


@pytest.mark.usefixtures("manifest")
def test_what_a_page_says_of_itself_wins_over_what_it_shares():
    assert bundle.entry("src/wall.ts").styles == ("web/shared.css", "web/page.css", "web/wall.css")
    assert bundle.entry("src/desk.ts").styles == ("web/shared.css", "web/page.css", "web/desk.css")
