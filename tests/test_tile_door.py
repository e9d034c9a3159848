"""Tiles answered from memory: the same as the view's, for the same eyes, and no longer than stated."""

from __future__ import annotations

import asyncio

import pytest
from django.contrib.auth import get_user_model

from config.tile_door import serve
from gis import tile_memory
from gis.regions import load_city

pytestmark = pytest.mark.django_db
PATH = "/tiles/regions/8/214/104.mvt"


@pytest.fixture
def client(client):
    load_city("310000")
    tile_memory.clear()
    client.force_login(get_user_model().objects.create_user(username="officer", password="a-long-password-1"))
    yield client
    tile_memory.clear()


def ask(cookie, path=PATH, method="GET", query=b"", **headers):
    """What the door says, or None."""
    told = []

    async def send(event):
        told.append(event)

    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    if cookie:
        given.append((b"cookie", f"django_language=en; sessionid={cookie}".encode()))
    scope = {"method": method, "path": path, "query_string": query, "headers": given}
    if not asyncio.run(serve(scope, send)):
        return None
    return told[0]["status"], dict(told[0]["headers"]), told[1]["body"]


def test_the_door_repeats_what_the_view_said(client):
    session = client.session.session_key
    assert ask(session) is None, "nobody has asked the view yet"
    view = client.get(PATH)
    status, headers, body = ask(session)
    assert (status, body) == (200, view.content)
    assert headers[b"etag"].decode() == view["ETag"]
    assert headers[b"content-type"].decode() == view["Content-Type"]
    assert headers[b"cache-control"].decode() == view["Cache-Control"] == "private, no-cache"
    assert ask(session, if_none_match=view["ETag"])[::2] == (304, b"")


def test_what_the_door_leaves_to_the_view(client):
    session = client.session.session_key
    client.get(PATH)
    assert ask(session) is not None
    assert ask("") is None and ask("another") is None
    assert ask(session, authorization="Bearer x") is None
    assert ask(session, method="HEAD") is None
    assert ask(session, query=b"x=1") is None
    assert ask(session, origin="https://elsewhere.example") is None
    assert ask(session, "/tiles/regions/8/214/105.mvt") is None
    tile_memory.versions.clear()
    assert ask(session) is None, "the version may have changed"
    client.get(PATH)
    tile_memory.seats.clear()
    assert ask(session) is None, "the session may have ended"


def test_notes_end_and_memory_is_bounded(monkeypatch):
    notes = tile_memory.Notes(0.0)
    notes.put("a", 1)
    assert notes.get("a") is None
    monkeypatch.setattr(tile_memory, "MOST_NOTES", 2)
    lasting = tile_memory.Notes(60)
    for name in "abc":
        lasting.put(name, 1)
    assert (lasting.get("a"), lasting.get("c")) == (None, 1)
    monkeypatch.setattr(tile_memory, "MOST_BYTES", 10)
    kept = tile_memory.Contents()
    kept.put("a", b"12345")
    kept.put("b", b"12345")
    assert kept.get("a") == b"12345"
    kept.put("c", b"1")
    assert kept.get("b") is None and kept.get("a") and kept.get("c")
