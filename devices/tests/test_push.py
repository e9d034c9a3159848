"""The HTTP push: signed, stored before it is answered, the same again without harm, whatever is hostile turned away."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import json
import secrets
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import uvicorn
from django.db import connection
from django.utils import timezone

from devices.models import Device, Refusal, RefusalCount
from devices.platforms import Platform, PushKey, PushNonce
from devices.protocols import http_push, push_ledger, push_request
from devices.protocols.http_push import PushDoor
from devices.protocols.push_request import PATH, signature
from devices.push_keys import issue_push_key, revoke_push_keys, secret_of
from devices.tasks import forget_old_pushes
from devices.tests.broker import wait_for
from devices.tests.road import Road
from twin.models import Asset, State

pytestmark = pytest.mark.slow
PAGE = Path(__file__).resolve().parents[2] / "docs/protocols/push.md"


class Served:
    """The door behind a real web server on a free port."""

    def __init__(self):
        self.door = PushDoor()

        async def application(scope, receive, send):
            if scope["type"] == "lifespan":
                await receive()
                await send({"type": "lifespan.startup.complete"})
                await receive()
                await self.door.stop()
                await send({"type": "lifespan.shutdown.complete"})
            else:
                await self.door(scope, receive, send)

        config = uvicorn.Config(application, port=0, log_level="warning", lifespan="on", ws="none")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        wait_for(lambda: self.server.started)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}{PATH}"

    def stop(self):
        self.server.should_exit = True
        self.thread.join(10)
        assert not self.thread.is_alive()

    def send(self, body, headers, method="POST", url=""):
        request = urllib.request.Request(url or self.url, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read()), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read()), error.headers


class Pusher:
    """A platform that signs what it sends."""

    def __init__(self, served, platform):
        self.served, self.platform = served, platform
        self.key = issue_push_key(platform)

    def __call__(self, body, packed=False, at=None, nonce=None, **headers):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        body = gzip.compress(body) if packed else body
        stamp, nonce = str(int(at or time.time())), nonce or secrets.token_urlsafe(16)
        return self.served.send(
            body,
            {
                "Content-Type": "application/json",
                **({"Content-Encoding": "gzip"} if packed else {}),
                "Sandtable-Key": self.key.key_id,
                "Sandtable-Timestamp": stamp,
                "Sandtable-Nonce": nonce,
                "Sandtable-Signature": signature(self.key.secret.encode(), stamp, nonce, body),
                **headers,
            },
        )


def row(device, seconds_ago=0.0, **fields):
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return {"device": device, "time": at.isoformat(), "lon": 121.5, "lat": 31.2, **fields}


def chip(identifier, platform, **fields):
    asset = Asset.objects.create(kind="machine", code=identifier, name="焊机")
    return Device.objects.create(identifier=identifier, kind="machine", asset=asset, platform=platform, **fields)


def tracks():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.code, t.seq, t.lon FROM twin_track t JOIN twin_asset a ON a.id = t.asset_id ORDER BY a.code, t.ts"
        )
        return cursor.fetchall()


def reasons():
    return dict(RefusalCount.objects.values_list("reason", "count"))


@pytest.fixture
def served(transactional_db):
    served = Served()
    yield served
    served.stop()


@pytest.fixture
def road(tmp_path, settings, transactional_db):
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE twin_track")
    road = Road(tmp_path)
    settings.MQTT_URL = f"mqtt://platform:road@127.0.0.1:{road.broker.port}"
    yield road
    road.stop()


@pytest.fixture
def town(road, served):
    """A platform with two chips, another's chip, and a worker that knows them."""
    platform = Platform.objects.create(name="芯片平台甲")
    other = Platform.objects.create(name="芯片平台乙")
    for name, whose in (("C-1", platform), ("C-2", platform), ("C-9", other)):
        chip(name, whose, numbered=name == "C-1")
    worker = road.ingest()
    wait_for(lambda: len(worker._devices) == 3)
    wait_for(worker._pushes._client.is_connected)
    return SimpleNamespace(push=Pusher(served, platform), platform=platform, other=other, road=road, worker=worker)


def test_rows_are_stored_before_the_answer(town):
    rows = [row("C-1", 2), row("C-1", 1), row("C-2", 1, lon=121.6, working=True, attrs={"current_a": 120})]
    status, answer, _ = town.push({"batch": "b-1", "rows": rows})
    assert (status, answer) == (200, {"batch": "b-1", "rows": 3, "accepted": 3, "refused": []})
    # Numbering or not: nothing on this road is numbered.
    assert tracks() == [("C-1", 0, 121.5), ("C-1", 0, 121.5), ("C-2", 0, 121.6)]
    state = State.objects.get(asset__code="C-2")
    assert (state.lon, state.status, state.attrs) == (121.6, 1, {"current_a": 120})


def test_the_same_batch_again_stores_nothing_twice(town):
    body = {"batch": "b-2", "rows": [row("C-1", 3), row("C-2", 2, lon=200)]}
    first = town.push(body, packed=True)[:2]
    assert first[0] == 200
    # Packed differently, it is the same batch: the answer is the receipt, and no refusal is counted again.
    assert town.push(body)[:2] == first
    # Without a name for the batch the rows themselves are recognised.
    assert town.push({"rows": body["rows"]})[1]["accepted"] == 1
    assert len(tracks()) == 1
    assert reasons() == {"out_of_range_lon": 2}
    assert town.push({"batch": "b-2", "rows": []})[:2] == (
        409,
        {"error": "batch_reused", "detail": "this batch name was used for another body"},
    )


def test_bad_rows_are_listed_and_the_others_stored(town):
    revoked = chip("C-3", town.platform, revoked_at=timezone.now())
    bare = Device.objects.create(identifier="C-4", kind="machine", platform=town.platform)
    wait_for(lambda: {revoked.identifier, bare.identifier} <= set(town.worker._devices))
    rows = [
        row("C-9"),
        row("C-0"),
        row("C-3"),
        row("C-4"),
        row("C-1", lat="31"),
        row("C-1", colour=1),
        {"time": 1, "lon": 1, "lat": 1},
        row("C-1", -999),
        row("C-1", 86_400 * 400),
        row("C-1", attrs={"x": "y" * 5000}),
        row("C-2"),
        7,
    ]
    status, answer, _ = town.push({"rows": rows})
    assert (status, answer["rows"], answer["accepted"]) == (200, 12, 1)
    assert [(r["row"], r["reason"]) for r in answer["refused"]] == [
        (0, "foreign_device"),
        (1, "unknown_device"),
        (2, "revoked_device"),
        (3, "no_asset"),
        (4, "wrong_type"),
        (5, "unknown_field"),
        (6, "missing_field"),
        (7, "time_in_future"),
        (8, "time_too_old"),
        (9, "out_of_range_attrs"),
        (11, "wrong_type"),
    ]
    assert len(tracks()) == 1
    assert reasons()["wrong_type"] == 2
    assert sum(reasons().values()) == 11
    assert Refusal.objects.filter(device="C-9", reason="foreign_device").exists()


def test_two_workers_take_their_own_rows(town):
    for number in range(40):
        chip(f"D-{number}", town.platform)
    second = town.road.ingest("u")
    wait_for(lambda: len(second._leases.tokens) == len(town.worker._leases.tokens) == 32)
    wait_for(lambda: all(len(w._devices) == 43 for w in (town.worker, second)))
    wait_for(second._pushes._client.is_connected)
    status, answer, _ = town.push({"rows": [row(f"D-{number}") for number in range(40)] + [row("nobody")]})
    assert (status, answer["accepted"]) == (200, 40)
    assert answer["refused"] == [{"row": 40, "reason": "unknown_device", "detail": "nobody"}]
    assert len(tracks()) == 40
    assert reasons() == {"unknown_device": 1}


def test_a_datum_is_converted_as_on_any_road(town):
    chip("G-1", town.platform, datum="gcj02")
    wait_for(lambda: "G-1" in town.worker._devices)
    assert town.push({"rows": [row("G-1"), row("G-1", 5, lon=180.0, lat=89.9999)]})[0] == 200
    edge, stored = [lon for code, _seq, lon in tracks() if code == "G-1"]
    assert 0.001 < abs(stored - 121.5) < 0.01
    assert edge == 180.0  # GCJ-02 shifts nothing out there


def test_without_a_worker_nothing_is_promised(road, served, monkeypatch):
    monkeypatch.setattr(http_push.Road.forward, "__defaults__", (0.3,))
    platform = Platform.objects.create(name="芯片平台")
    chip("C-1", platform)
    push = Pusher(served, platform)
    status, answer, headers = push({"batch": "b-1", "rows": [row("C-1")]})
    assert (status, answer["error"], headers["Retry-After"]) == (503, "not_stored", "5")
    assert tracks() == []


def test_more_at_once_than_memory_has_room_for_is_sent_again(town, monkeypatch):
    monkeypatch.setattr(http_push, "MOST_BYTES_AT_ONCE", 1000)
    status, answer, headers = town.push({"rows": [row("C-1")]}, packed=True)  # may hold anything
    assert (status, answer["error"], headers["Retry-After"]) == (503, "busy", "5")
    for seconds in range(10):  # one after the other there is room for each
        assert town.push({"rows": [row("C-1", seconds)]})[0] == 200
    assert len(tracks()) == 10


def test_who_does_not_sign_is_turned_away(served):
    platform = Platform.objects.create(name="芯片平台")
    push = Pusher(served, platform)
    body = {"rows": []}
    assert served.send(b"{}", {})[0] == 400
    assert push(body, **{"Sandtable-Key": "pk_nobody"})[1]["error"] == "not_authorised"
    assert push(body, **{"Sandtable-Signature": "0" * 64})[0] == 401
    assert push(body, **{"Sandtable-Signature": "é"})[0] == 401
    assert push(body, at=time.time() - 301)[1]["error"] == "clock_skew"
    assert push(body, at=time.time() + 301)[1]["error"] == "clock_skew"
    assert push(body, nonce="short")[0] == 400
    assert push(body, **{"Content-Length": "99999999"})[0] == 413
    assert served.send(b"", {}, "GET")[0] == 405
    assert served.send(b"", {}, url=served.url + "?a=1")[0] == 400
    wait_for(lambda: reasons() == {"not_authorised": 3, "clock_skew": 2, "payload_too_large": 1})
    assert "pk_nobody" in Refusal.objects.values_list("device", flat=True)
    assert PushNonce.objects.count() == 0


def test_a_nonce_serves_once(served):
    push = Pusher(served, Platform.objects.create(name="芯片平台"))
    nonce = secrets.token_urlsafe(16)
    assert push({"rows": []}, nonce=nonce)[0] == 200
    assert push({"rows": []}, nonce=nonce)[:2] == (
        409,
        {"error": "replayed", "detail": "this nonce was used before"},
    )
    another = Served()  # another web worker
    push.served = another
    assert push({"rows": []}, nonce=nonce)[0] == 409
    another.stop()
    PushNonce.objects.update(at=timezone.now() - timedelta(minutes=16))
    forget_old_pushes(0)
    assert PushNonce.objects.count() == 0


BODIES = {
    "nonsense": (b"{nonsense", 400, "not_json"),
    "NaN": (b'{"rows":[{"lon":NaN}]}', 400, "not_json"),
    "deep": (b'{"rows":' + b"[" * 100_000, 400, "not_json"),
    "array": (b"[]", 400, "wrong_type"),
    "empty": (b"{}", 400, "wrong_type"),
    "name": (b'{"rows":[],"batch":"b 1"}', 400, "wrong_type"),
    "more": (b'{"rows":[],"more":1}', 400, "wrong_type"),
    "rows": (b'{"rows":[' + b"1," * 5000 + b"1]}", 413, "batch_too_long"),
}
PACKED = gzip.compress(b'{"rows":[]}')
PACKED_BODIES = {
    "bomb": (gzip.compress(b" " * (50 << 20), 1), 413, "payload_too_large"),
    "more behind it": (PACKED + b"more", 400, "bad_gzip"),
    "two": (PACKED + PACKED, 400, "bad_gzip"),
    **{f"cut at {n}": (PACKED[:n], 400, "bad_gzip") for n in (0, 1, 8, 12, 20, len(PACKED) - 1)},
}


def test_bodies_that_cannot_be_read(served):
    push = Pusher(served, Platform.objects.create(name="芯片平台"))
    for name, (body, status, error) in (BODIES | PACKED_BODIES).items():
        headers = {"Content-Encoding": "gzip"} if name in PACKED_BODIES else {}
        answered, answer, _ = push(body, **headers)
        assert (answered, answer["error"]) == (status, error), name
    assert push(PACKED, **{"Content-Encoding": "br"})[0] == 415
    assert push(b'{"rows":[]}')[0] == push(PACKED, **{"Content-Encoding": "gzip"})[0] == 200


def test_a_body_that_grows_beyond_what_it_may():
    async def receive():
        return {"type": "http.request", "body": b" " * (1 << 20), "more_body": True}

    with pytest.raises(push_request.TurnedDown) as refusal:
        asyncio.run(push_request.read_stream(receive))
    assert refusal.value.status == 413


def test_a_body_that_does_not_come_to_its_end(served, monkeypatch):
    monkeypatch.setattr(push_request, "READ_S", 0.2)
    push = Pusher(served, Platform.objects.create(name="芯片平台"))
    assert push(b'{"rows":[', **{"Content-Length": "100"})[1]["error"] == "slow"


def test_keys_are_sealed_rotate_and_end(db):
    platform = Platform.objects.create(name="芯片平台")
    first = issue_push_key(platform)
    stored = PushKey.objects.get()
    assert first.secret.encode() not in bytes(stored.sealed)
    assert secret_of(stored.key_id, stored.provider, bytes(stored.sealed)) == first.secret.encode()
    issue_push_key(platform)
    old, new = PushKey.objects.order_by("id")
    assert timedelta(hours=23) < old.ends_at - timezone.now() <= timedelta(hours=24)
    assert new.ends_at is None
    assert revoke_push_keys(platform) == 2
    assert revoke_push_keys(platform) == 0


def test_an_ended_key_is_refused_within_a_second_and_a_rotated_one_is_not(served):
    platform = Platform.objects.create(name="芯片平台")
    old = Pusher(served, platform)
    new = Pusher(served, platform)
    assert old({"rows": []})[0] == new({"rows": []})[0] == 200
    revoke_push_keys(platform)
    wait_for(lambda: old({"rows": []})[0] == new({"rows": []})[0] == 401, 5)
    issued = Pusher(served, platform)
    assert issued({"rows": []})[0] == 200
    Platform.objects.update(active=False)
    wait_for(lambda: issued({"rows": []})[0] == 401, 5)


def test_what_is_signed():
    """The words of docs/protocols/push.md, spelt out: a change here breaks every platform."""
    digest = hashlib.sha256(b'{"rows":[]}').hexdigest()
    text = f"POST\n/api/v1/push/positions\n1767225600\n0123456789abcdef\n{digest}"
    expected = hmac.new(b"secret", text.encode(), "sha256").hexdigest()
    assert signature(b"secret", "1767225600", "0123456789abcdef", b'{"rows":[]}') == expected


def test_the_example_of_the_page(town, tmp_path):
    """What a reader copies runs as it stands."""
    asset = Asset.objects.create(kind="machine", code="C-0001", name="焊机")
    Device.objects.create(identifier="C-0001", kind="machine", asset=asset, platform=town.platform)
    wait_for(lambda: "C-0001" in town.worker._devices)
    script = tmp_path / "push.py"
    script.write_text(PAGE.read_text().split("```python\n")[1].split("```")[0])
    base = town.push.served.url.removesuffix(PATH)
    done = subprocess.run(
        [sys.executable, script, base, *town.push.key], capture_output=True, text=True, timeout=30, check=True
    )
    assert json.loads(done.stdout)["accepted"] == 1
    assert len(tracks()) == 1


def test_a_door_that_was_never_used_stops():
    asyncio.run(PushDoor().stop())


def test_one_nonce_twice_in_one_statement_is_taken_once(db):
    platform = Platform.objects.create(name="芯片平台")
    key = PushKey.objects.get(key_id=issue_push_key(platform).key_id)
    known = push_ledger.Key(key.pk, platform.pk, b"")
    ask = [push_ledger.Request(known, nonce, batch, "d") for nonce, batch in (("n1", "b"), ("n1", "b"), ("n2", None))]
    assert [fresh for fresh, _digest, _answer in push_ledger._admit(ask)] == [True, False, True]
    push_ledger._remember([push_ledger.Receipt(platform.pk, "b", "d", "{}")] * 2)
    ask = [push_ledger.Request(known, nonce, batch, "d") for nonce, batch in (("n3", "b"), ("n2", "b"), ("n4", "c"))]
    assert push_ledger._admit(ask) == [(True, "d", "{}"), (False, "d", "{}"), (True, None, None)]
