"""3D Tiles over HTTP: to whoever is signed in, and nothing but tiles."""

from __future__ import annotations

import os

import numpy as np
import pytest
import shapely
from django.contrib.auth import get_user_model

from gis.tileset import Buildings, write_tileset

# Where the platform's own addresses include them, too; the tests of this floor do not depend on it.
pytestmark = pytest.mark.django_db


@pytest.fixture
def home(tmp_path, settings):
    settings.VAR_DIR = tmp_path / "var"
    tower = np.array([shapely.box(121.5, 31.2, 121.5005, 31.2005)], dtype=object)
    buildings = Buildings(tower, np.array([30.0]), ["1"], [""])
    write_tileset(settings.VAR_DIR / "tilesets" / "town", buildings, attribution="试验")
    return settings.VAR_DIR / "tilesets"


@pytest.fixture
def officer(client):
    client.force_login(get_user_model().objects.create_user(username="officer", password="a-long-password-1"))
    return client


def test_only_the_signed_in_see_tiles(home, client):
    for address in ("/tilesets/catalog.json", "/tilesets/town/tileset.json", "/tilesets/town/r.glb"):
        assert client.get(address, headers={"Accept": "application/json"}).status_code == 401


def test_files_come_with_their_type_and_are_not_sent_twice(home, officer):
    entry = officer.get("/tilesets/town/tileset.json")
    assert entry.status_code == 200 and entry["Content-Type"] == "application/json"
    glb = officer.get("/tilesets/town/r.glb")
    assert glb["Content-Type"] == "model/gltf-binary" and glb.content == (home / "town" / "r.glb").read_bytes()
    assert "private" in glb["Cache-Control"] and "Cookie" in glb["Vary"]
    again = officer.get("/tilesets/town/r.glb", headers={"If-None-Match": glb["ETag"]})
    assert again.status_code == 304 and not again.content and again["ETag"] == glb["ETag"]
    os.utime(home / "town" / "r.glb", (1, 1))
    changed = officer.get("/tilesets/town/r.glb", headers={"If-None-Match": glb["ETag"]})
    assert changed.status_code == 200 and changed["ETag"] != glb["ETag"]
    assert officer.post("/tilesets/town/r.glb").status_code == 405


@pytest.mark.parametrize(
    "address",
    [
        "town/../../secret.json", "town/..%2f..%2fsecret.json", "town/%2e%2e/%2e%2e/secret.json", "../secret.json",
        "town//etc/passwd.json", "%2e%2e/secret.json", "town/link.json", "town/notes.txt", "town/r.glb%00.json",
        "town/..\\..\\secret.json", ".new-x/tileset.json", "town/", "town/nothing.glb", "nowhere/tileset.json",
    ],
)  # fmt: skip
def test_nothing_but_a_tilesets_own_files(home, officer, address):
    secret = home.parent / "secret.json"
    secret.write_text('{"key": "secret"}')
    (home / "town" / "notes.txt").write_text("secret")
    (home / "town" / "link.json").symlink_to(secret)
    (home / ".new-x").mkdir()
    (home / ".new-x" / "tileset.json").write_text('"secret"')
    answer = officer.get(f"/tilesets/{address}")
    assert answer.status_code == 404 and b'"secret"' not in answer.content


def test_the_catalogue_lists_what_is_there(home, officer):
    (home / "broken").mkdir()
    (home / "broken" / "tileset.json").write_text("{")
    (home / "other").mkdir()
    (home / "other" / "tileset.json").write_text('{"asset": {"version": "1.0"}}')
    other, town = officer.get("/tilesets/catalog.json").json()["tilesets"]
    assert town == {
        "name": "town",
        "url": "/tilesets/town/tileset.json",
        "attribution": "试验",
        "buildings": 1,
        "bounds": [121.5, 31.2, 121.5005, 31.2005],
    }
    assert (other["name"], other["bounds"]) == ("other", None)
