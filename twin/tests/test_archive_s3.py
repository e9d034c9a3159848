"""The archive on S3-compatible storage, over HTTP: kept, read, restored, and what a line that breaks half way does."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from io import StringIO

import pyarrow.fs as pafs
import pytest
from django.core.management import call_command
from django.db import connection

from access.models import Grant, User
from twin.archive import files
from twin.archive.keeping import archive_due, check, expire, restore, sweep
from twin.archive.models import ArchivedDay
from twin.archive.stores import archive_store
from twin.kinds import MACHINE
from twin.tests.old_days import DAY, EVE, START_US, archive_everything, make_history, table, track

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("s3")]
KEYS = {"AWS_ACCESS_KEY_ID": "sandtable", "AWS_SECRET_ACCESS_KEY": "sandtable", "AWS_EC2_METADATA_DISABLED": "true"}


class Line:
    """A line to the storage that can be cut: for good, or after so many bytes towards the storage or back."""

    def __init__(self, port):
        self._port = port
        self.left = {"there": None, "back": None}
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def mend(self):
        self.left = {"there": None, "back": None}

    def _accept(self):
        with suppress(OSError):
            while True:
                near, _address = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                for way, source, sink in (("there", near, far), ("back", far, near)):
                    threading.Thread(target=self._carry, args=(way, source, sink), daemon=True).start()

    def _carry(self, way, source, sink):
        with suppress(OSError):
            while data := source.recv(16_384):
                if (left := self.left[way]) is not None:
                    self.left[way] = max(0, left - len(data))
                    sink.sendall(data[:left])
                    if left < len(data):
                        break
                else:
                    sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self):
        self._listening.close()


@pytest.fixture(scope="module")
def server():
    """An S3 server of its own process; its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            break
        time.sleep(0.05)
    yield port
    process.kill()
    process.wait()


@pytest.fixture
def line(server, settings, monkeypatch, tmp_path):
    """The archive of this installation is a bucket at the other end of the line."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    line = Line(server)
    options = f"endpoint_override=127.0.0.1:{line.port}&scheme=http&allow_bucket_creation=true"
    settings.ARCHIVE_URL = f"s3://history-{tmp_path.name.replace('_', '-')}/days?{options}"
    settings.VAR_DIR = tmp_path
    yield line
    line.close()


@pytest.fixture
def history(db):
    return make_history()


def test_days_are_kept_on_s3_read_there_and_come_back(line, history, client):
    before, tracks = table(), {asset: track(asset) for asset in history}
    store = archive_store()
    assert isinstance(store.fs, pafs.S3FileSystem)
    archive_everything(store)
    assert table() == []
    names = set(ArchivedDay.objects.values_list("name", flat=True))
    assert set(store.files()) == names and len(names) == 2
    assert {asset: track(asset) for asset in history} == tracks
    user = User.objects.create_user("city")
    Grant.objects.create(user=user, role="city")
    client.force_login(user)
    square = [[120, 30], [123, 30], [123, 33], [120, 33], [120, 30]]
    asked = {
        "polygon": {"type": "Polygon", "coordinates": [square]},
        "from": START_US // 1000,
        "to": START_US // 1000 + 86_399_999,
    }
    told = client.post("/api/v1/past/within", asked, "application/json").json()
    assert told["count"] == sum(any(moment >= START_US for moment in moments) for moments in tracks.values())
    call_command("archive", "verify", stdout=(said := StringIO()))
    assert "2" in said.getvalue()
    for day in (EVE, DAY):
        restore(store, MACHINE, day)
    assert table() == before
    expire(store, DAY.replace(year=DAY.year + 1))
    assert store.files() == {}


def test_a_line_that_breaks_while_a_day_is_put_loses_nothing(line, history, monkeypatch):
    before = table()
    store = archive_store()
    store.files()  # the bucket is reached
    line.left["there"] = 6_000
    done, failed = archive_due(store, DAY.replace(year=DAY.year + 1))
    assert not done
    assert {day for _kind, day, _reason in failed} >= {EVE, DAY}
    assert table() == before and not ArchivedDay.objects.exists()
    line.mend()
    done, failed = archive_due(store, DAY.replace(year=DAY.year + 1))
    assert [archived.day for archived in done] == [EVE, DAY] and not failed
    for archived in done:
        check(store, archived)
    monkeypatch.setattr("twin.archive.keeping.SWEEP_AFTER_S", -3600)
    sweep(store)
    assert set(store.files()) == {archived.name for archived in done}


def test_a_line_that_breaks_while_a_day_is_read_is_told_and_mended(line, history, client):
    archive_everything(archive_store())
    user = User.objects.create_user("city")
    Grant.objects.create(user=user, role="city")
    client.force_login(user)
    address = f"/api/v1/past/assets/{history[1]}/track?at={START_US // 1000 + 86_000_000}&minutes=1440"
    files._footer.cache_clear()
    line.left["back"] = 4_000
    broken = client.get(address)
    assert broken.status_code == 503 and "归档文件" in broken.json()["detail"]
    line.mend()
    mended = client.get(address)
    assert mended.status_code == 200 and mended.json()["points"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM twin_track")
        assert cursor.fetchone() == (0,)
