"""Static files are answered before Django, as browsers may ask for them."""

from __future__ import annotations

import gzip

import pytest
from asgiref.sync import async_to_sync

from config.static_door import StaticDoor

STYLE = b"body { color: #fff } " * 20


@pytest.fixture
def ask(tmp_path, settings):
    """Asks for something; what the door says, or None where Django has to."""
    settings.STATIC_ROOT = tmp_path
    (tmp_path / "web/assets").mkdir(parents=True)
    (tmp_path / "web/assets/app-1a2b.css").write_bytes(STYLE)
    (tmp_path / "web/assets/app-1a2b.css.gz").write_bytes(gzip.compress(STYLE))
    door = StaticDoor()

    def ask_(path, method="GET", **headers):
        told = []

        async def send(event):
            told.append(event)

        given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        if not async_to_sync(door.serve)({"method": method, "path": path, "headers": given}, send):
            return None
        return told[0]["status"], dict(told[0]["headers"]), told[1]["body"]

    return ask_


def test_a_file_is_whole_or_compressed_as_the_browser_takes_it(ask):
    status, headers, body = ask("/static/web/assets/app-1a2b.css")
    assert (status, body) == (200, STYLE)
    assert headers[b"content-type"].startswith(b"text/css")
    assert headers[b"content-length"] == str(len(STYLE)).encode()
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert b"immutable" in headers[b"cache-control"], "its name changes with what is in it"
    status, headers, body = ask("/static/web/assets/app-1a2b.css", accept_encoding="gzip, br")
    assert (status, headers[b"content-encoding"], gzip.decompress(body)) == (200, b"gzip", STYLE)


def test_what_the_browser_has_and_parts_and_heads(ask):
    _status, headers, _body = ask("/static/web/assets/app-1a2b.css")
    again = ask("/static/web/assets/app-1a2b.css", if_none_match=headers[b"etag"].decode())
    assert (again[0], again[2]) == (304, b"")
    part = ask("/static/web/assets/app-1a2b.css", range="bytes=0-3")
    assert (part[0], part[2]) == (206, b"body")
    head = ask("/static/web/assets/app-1a2b.css", method="HEAD")
    assert (head[0], head[2], head[1][b"content-length"]) == (200, b"", str(len(STYLE)).encode())
    assert ask("/static/web/assets/app-1a2b.css", method="POST")[0] == 405


@pytest.mark.parametrize("path", ["/", "/static/web/none.css", "/static/../settings.py", "/static/web/assets/"])
def test_the_rest_is_djangos(ask, path):
    assert ask(path) is None
