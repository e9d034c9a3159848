"""Basemaps of others: files, servers, the key that stays here, and addresses that must not be asked."""

from __future__ import annotations

import gzip
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from access.models import AuditRecord, Grant, User
from twin.basemaps import kept, remote
from twin.basemaps.files import PmTiles, hilbert_number, mbtiles_tile
from twin.basemaps.models import Basemap
from twin.exceptions import BasemapError

pytestmark = pytest.mark.django_db
FIRENZE = Path(__file__).parents[3] / "shared/data/basemap-osm/protomaps_vector_firenze.pmtiles"
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 40
SECRET = "key-of-the-city-42"


class Server(BaseHTTPRequestHandler):
    """Somebody else's tile server."""

    asked: list[str] = []
    status, body, headers = 200, PNG, {}

    def do_GET(self):
        Server.asked.append(self.path)
        self.send_response(Server.status)
        for name, value in Server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(Server.body)))
        self.end_headers()
        self.wfile.write(Server.body)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def server():
    Server.asked, Server.status, Server.body, Server.headers = [], 200, PNG, {}
    running = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    remote._asleep_until.clear()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


@pytest.fixture(autouse=True)
def var(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    (tmp_path / "basemaps").mkdir()
    return tmp_path


def client_of(role="city"):
    user = User.objects.create_user(f"b{User.objects.count()}")
    if role:
        Grant.objects.create(user=user, role=role)
    client = Client()
    client.force_login(user)
    return client


def xyz(server, **fields):
    basemap = Basemap(slug="city", title="一张图", kind="xyz", address=server + "/{z}/{x}/{y}.png?tk={key}", **fields)
    basemap.full_clean()
    basemap.seal(SECRET)
    basemap.save()
    return basemap


def test_the_key_stays_here_and_tiles_are_kept(server, var):
    basemap = xyz(server)
    client = client_of()
    found = client.get("/basemaps/city/3/6/2")
    assert (found.status_code, found["Content-Type"], found.content) == (200, "image/png", PNG)
    assert Server.asked == [f"/3/6/2.png?tk={SECRET}"]
    assert client.get("/basemaps/city/3/6/2").content == PNG and len(Server.asked) == 1, "from our disk"
    catalog = client.get("/basemaps/catalog.json")
    assert catalog.json()["basemaps"][0]["tiles"] == "/basemaps/city/{z}/{x}/{y}"
    for text in (catalog.content.decode(), str(Basemap.objects.values()), str(AuditRecord.objects.values())):
        assert SECRET not in text
    assert SECRET not in catalog.content.decode() and server not in catalog.content.decode()
    assert basemap.secret == SECRET


def test_without_the_server_what_was_kept_serves(server, monkeypatch):
    xyz(server)
    client = client_of()
    client.get("/basemaps/city/1/0/0")
    monkeypatch.setattr(kept, "FRESH_S", -1)
    Server.status = 500
    assert client.get("/basemaps/city/1/0/0").content == PNG
    assert client.get("/basemaps/city/1/1/0").status_code == 502


def test_a_server_that_is_not_there_is_left_alone_for_a_while(caplog):
    basemap = xyz("http://127.0.0.1:9")
    client = client_of()
    answers = [client.get(f"/basemaps/city/2/{x}/0") for x in range(3)]
    assert [answer.status_code for answer in answers] == [502] * 3
    assert "did not answer a moment ago" in caplog.text
    assert SECRET not in caplog.text and SECRET not in answers[0].content.decode()
    remote._asleep_until.clear()
    with pytest.raises(BasemapError, match="not reached"):
        remote.fetch(basemap, 0, 0, 0)


def test_nobody_is_led_elsewhere(server):
    xyz(server)
    client = client_of()
    for code in (301, 302, 307, 308):
        Server.status, Server.headers = code, {"Location": f"{server}/admin"}
        assert client.get(f"/basemaps/city/9/{code}/0").status_code == 502
    assert not any("admin" in path for path in Server.asked)
    Server.status, Server.headers, Server.body = 200, {}, b"<html>secret page of an inner server</html>"
    found = client.get("/basemaps/city/9/1/0")
    assert found.status_code == 502 and b"secret page" not in found.content
    Server.body = PNG + b"x" * (5 << 20)
    assert client.get("/basemaps/city/9/2/0").status_code == 502
    Server.status, Server.body = 404, b""
    assert client.get("/basemaps/city/9/3/0").status_code == 204


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("xyz", "file:///etc/passwd?{z}{x}{y}"),
        ("xyz", "ftp://host/{z}/{x}/{y}"),
        ("xyz", "//host/{z}/{x}/{y}"),
        ("xyz", "http://{x}.host/{z}/{x}/{y}"),
        ("xyz", "http://user:pw@host/{z}/{x}/{y}"),
        ("xyz", "http://host/{z}/{x}"),
        ("xyz", "http://host/{z}/{x}/{y}/{z.__class__}"),
        ("wmts", "http://host/wmts"),
        ("pmtiles", "../../etc/passwd"),
        ("mbtiles", "/etc/passwd"),
    ],
)
def test_addresses_that_are_refused(kind, address):
    with pytest.raises(ValidationError, match="address"):
        Basemap(slug="x", title="x", kind=kind, address=address).full_clean()


def test_wmts_by_its_parameters(server):
    basemap = Basemap(
        slug="w", title="天地图", kind="wmts", address=f"{server}/vec_w/wmts?tk={{key}}", wmts_layer="vec"
    )
    basemap.full_clean()
    basemap.seal(SECRET)
    basemap.save()
    assert client_of().get("/basemaps/w/5/26/12").status_code == 200
    (path,) = Server.asked
    assert path.startswith(f"/vec_w/wmts?tk={SECRET}&SERVICE=WMTS&REQUEST=GetTile")
    assert "&TILEMATRIX=5&TILEROW=12&TILECOL=26" in path


def test_doors(server):
    xyz(server, min_zoom=2, max_zoom=5)
    assert Client().get("/basemaps/city/3/0/0").status_code == 401
    assert Client().get("/basemaps/catalog.json").status_code == 401
    client = client_of()
    for path in ("1/0/0", "6/0/0", "3/8/0", "3/0/8", "99999/0/0"):
        assert client.get(f"/basemaps/city/{path}").status_code == 404
    assert client.get("/basemaps/other/3/0/0").status_code == 404
    Basemap.objects.update(active=False)
    assert client.get("/basemaps/city/3/0/0").status_code == 404
    assert client.get("/basemaps/catalog.json").json() == {"basemaps": []}
    assert Server.asked == []


def test_the_register_is_the_administrators(server):
    register = "/admin/twin/basemap/"
    assert client_of("city").get(register).status_code == 403
    admin = client_of("administrator")
    values = {
        "title": "一张图", "slug": "one", "kind": "xyz", "address": f"{server}/{{z}}/{{x}}/{{y}}?k={{key}}",
        "secret": SECRET, "min_zoom": 0, "max_zoom": 18, "position": 1, "active": "on",
    }  # fmt: skip
    assert admin.post(f"{register}add/", values).status_code == 302
    basemap = Basemap.objects.get()
    page = admin.get(f"{register}{basemap.pk}/change/").content.decode()
    assert SECRET not in page
    admin.post(f"{register}{basemap.pk}/change/", {**values, "secret": "", "title": "二"})
    basemap.refresh_from_db()
    assert (basemap.title, basemap.secret) == ("二", SECRET)
    admin.post(f"{register}{basemap.pk}/change/", {**values, "secret": "", "no_secret": "on"})
    basemap.refresh_from_db()
    assert basemap.secret == ""
    wrong = admin.post(f"{register}add/", {**values, "slug": "file", "kind": "pmtiles", "address": "none.pmtiles"})
    assert wrong.status_code == 200 and "文件无法读取" in wrong.content.decode()


def test_the_disk_is_not_filled(server):
    basemap = xyz(server)
    for x in range(8):
        kept.keep(basemap, 3, x, 0, PNG)
    assert kept.sweep(3 * len(PNG)) == 5
    assert sum(kept.kept(basemap, 3, x, 0) is not None for x in range(8)) == 3
    kept.forget(basemap)
    assert all(kept.kept(basemap, 3, x, 0) is None for x in range(8))


def test_mbtiles(var):
    path = var / "basemaps" / "city.mbtiles"
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE tiles (zoom_level, tile_column, tile_row, tile_data)")
        file.execute("CREATE TABLE metadata (name, value)")
        file.execute('INSERT INTO metadata VALUES (\'json\', \'{"vector_layers": [{"id": "roads"}]}\')')
        file.execute("INSERT INTO tiles VALUES (2, 1, 3, ?)", [gzip.compress(b"\x1a\x00tile")])
    file.close()
    Basemap.objects.create(slug="mb", title="离线", kind="mbtiles", address="city.mbtiles")
    client = client_of()
    found = client.get("/basemaps/mb/2/1/0")
    assert (found["Content-Type"], found.content) == ("application/vnd.mapbox-vector-tile", b"\x1a\x00tile")
    assert client.get("/basemaps/mb/2/1/1").status_code == 204
    assert client.get("/basemaps/catalog.json").json()["basemaps"][0]["vector_layers"] == ["roads"]
    path.write_bytes(b"no database")
    assert client.get("/basemaps/mb/2/1/0").status_code == 502
    with pytest.raises(BasemapError):
        mbtiles_tile(var / "none.mbtiles", 0, 0, 0)


def test_tile_numbers_of_pmtiles():
    """Of the specification's own table: zoom 0 is 0, zoom 1 is 1 to 4, round the corner."""
    assert [hilbert_number(z, x, y) for z, x, y in ((0, 0, 0), (1, 0, 0), (1, 0, 1), (1, 1, 1), (1, 1, 0))] == [
        0,
        1,
        2,
        3,
        4,
    ]
    assert hilbert_number(2, 0, 0) == 5
    assert sorted(hilbert_number(3, x, y) for x in range(8) for y in range(8)) == list(range(21, 85))


@pytest.mark.skipif(not FIRENZE.exists(), reason="the shared data are not here")
def test_pmtiles_of_a_real_city(var):
    (var / "basemaps" / "firenze.pmtiles").write_bytes(FIRENZE.read_bytes())
    Basemap.objects.create(slug="f", title="f", kind="pmtiles", address="firenze.pmtiles")
    archive = PmTiles(FIRENZE)
    assert (archive.min_zoom, archive.max_zoom) == (0, 14)
    client = client_of()
    found = client.get("/basemaps/f/14/8704/5972")
    assert found.status_code == 200 and found["Content-Type"] == "application/vnd.mapbox-vector-tile"
    assert len(found.content) > 10_000 and b"roads" in found.content
    assert client.get("/basemaps/f/14/0/0").status_code == 204
    assert "roads" in client.get("/basemaps/catalog.json").json()["basemaps"][0]["vector_layers"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PMTiles\x02" + b"\0" * 200,
        b"PMTiles\x03" + b"\xff" * 200,
        b"PMTiles\x03" + b"\0" * 89 + b"\0\1" + b"\0" * 200,
    ],
)
def test_broken_pmtiles(var, content):
    path = var / "basemaps" / "x.pmtiles"
    path.write_bytes(content)
    Basemap.objects.create(slug="x", title="x", kind="pmtiles", address="x.pmtiles")
    assert client_of().get("/basemaps/x/3/1/1").status_code in (204, 502)
