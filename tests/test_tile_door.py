"""Tiles answered before Django: the same as the view's, for the same eyes, and no longer than stated."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth import get_user_model

from config import tile_door
from config.tile_door import serve
from gis import tile_memory, views
from gis.maplayers import REGIONS
from gis.regions import load_city

pytestmark = pytest.mark.django_db
PATH = "/tiles/regions/8/214/104.mvt"


@pytest.fixture
def client(client, monkeypatch):
    # In this thread, whose transaction has the city.
    monkeypatch.setattr(tile_door, "drawing", sync_to_async(tile_door._draw))
    monkeypatch.setattr(tile_door, "close_old_connections", lambda: None)
    # A machine at its limit may take longer over a test than things are remembered.
    for name in ("seats", "versions"):
        monkeypatch.setattr(tile_memory, name, tile_memory.Notes(3600))
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
    if not async_to_sync(serve)(scope, send):
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
    for beyond in ("8/256/0", "15/0/0", "8/0214/104", "8/-1/0", f"8/{'9' * 5000}/1", "8/２/1"):
        assert ask(session, f"/tiles/regions/{beyond}.mvt") is None, beyond
    assert ask(session, "/tiles/areas/9/428/209.mvt") is None, "nobody has asked the view for one of that layer"
    tile_memory.seats.clear()
    assert ask(session) is None, "the session may have ended"


def test_a_tile_that_is_not_in_memory_is_drawn_as_the_view_would(client, monkeypatch):
    session = client.session.session_key
    client.get(PATH)
    there = "/tiles/regions/9/428/209.mvt"
    _status, headers, body = ask(session, there)
    view = client.get(there)
    assert (body, headers[b"etag"].decode()) == (view.content, view["ETag"]) and body
    drawn = []
    monkeypatch.setattr(tile_door, "joined_content", lambda *args, **kwargs: drawn.append(args) or b"")
    assert ask(session, there)[2] == body and not drawn, "it is in memory now"
    tile_memory.versions.clear()
    ask(session, there)
    assert drawn, "the version may have changed, and is read again"


def test_of_other_addresses_the_row_comes_first(client):
    session = client.session.session_key
    address = "/ogc/collections/regions/tiles/WebMercatorQuad/9/{}/{}".format
    view = client.get(address(209, 428))
    assert view.content and ask(session, address(209, 428))[2] == view.content
    assert ask(session, address(428, 209))[2] == client.get(address(428, 209)).content == b""


def test_of_several_layers_each_must_be_in_memory(client, monkeypatch):
    session = client.session.session_key
    together = "/tiles/regions,base.roads/8/214/104.mvt"
    assert ask(session, together) is None
    view = client.get(together)
    drawn = []
    monkeypatch.setattr(tile_door, "drawing", lambda *asked: drawn.append(asked) or drawing(*asked))
    drawing = sync_to_async(tile_door._draw)
    status, headers, body = ask(session, together)
    assert (status, body, headers[b"etag"].decode(), drawn) == (200, view.content, view["ETag"], [])
    tile_memory.versions.clear()
    views.version_now(REGIONS)
    assert ask(session, together)[2] == view.content and drawn, "the roads' version may have changed"
    near = "/tiles/regions,base.roads/15/27440/13390.mvt"
    assert ask(session, near)[2] == client.get(near).content, "regions have no tiles there"
    assert ask(session, "/tiles/regions,base.roads/16/0/0.mvt") is None
    assert ask(session, "/tiles/base.roads,regions/8/214/104.mvt") is None, "nobody has asked the view for these"


def test_a_tile_that_takes_too_long_is_refused_here_too(client, monkeypatch):
    session = client.session.session_key
    client.get(PATH)
    slow = replace(REGIONS, where="pg_sleep(3) IS NOT NULL", timeout_ms=50)
    tile_memory.note_address(PATH, [slow])
    status, headers, body = ask(session, "/tiles/regions/9/428/209.mvt")
    assert (status, headers[b"retry-after"]) == (503, str(views.RETRY_AFTER_S).encode())
    assert "50" in json.loads(body)["detail"]


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
