"""Platforms above on the desk, in the database, and who may see them; recordings and announcements over HTTP."""

from __future__ import annotations

import base64

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from access.audit import Action
from access.models import AuditRecord
from media import past_api
from media.cascade.models import SharedChannel, Superior, Uplink
from media.cascade.store import load_uppers, note_uplink
from media.exceptions import NotOfferedError, OfflineError
from media.models import Channel
from media.passwords import password_of
from media.tests.films import film_of
from media.tests.test_doors import CODES, signed_in, town  # noqa: F401 (a fixture)
from media.tests.test_gb28181_voice import wav

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

FORM = {
    "name": "市局", "code": "31000000002000000001", "domain": "3100000000", "host": "10.0.0.9", "port": 5060,
    "transport": "udp", "expires_s": 3600, "keepalive_s": 60, "misses": 3, "charset": "gb18030", "active": "on",
    "past": "on", "password": "upwards-1", "shared-TOTAL_FORMS": 0, "shared-INITIAL_FORMS": 0,
}  # fmt: skip


def test_an_administrator_keeps_platforms_above(town):  # noqa: F811
    client = signed_in("administrator")
    west = Channel.objects.get(device__code=CODES["west"])
    taken = client.post("/admin/media/superior/add/", {**FORM, "of_owner": town["west"].pk}, follow=True)
    assert "加入了 1 路摄像机" in taken.content.decode()
    row = Superior.objects.get()
    assert password_of(row.code, row.provider, row.sealed) == "upwards-1"
    assert "upwards-1" not in client.get(f"/admin/media/superior/{row.pk}/change/").content.decode()
    assert "upwards-1" not in str(AuditRecord.objects.filter(model="media.Superior").values_list("changes", flat=True))
    again = {**FORM, "of_device": west.device_id, "password": "", "own_code": "31000000002000000009",
             "shared-TOTAL_FORMS": 1, "shared-INITIAL_FORMS": 1, "shared-0-id": row.shared.get().pk,
             "shared-0-superior": row.pk, "shared-0-channel": west.pk,
             "shared-0-code": "31010100001320000009"}  # fmt: skip
    taken = client.post(f"/admin/media/superior/{row.pk}/change/", again, follow=True)
    assert "加入了 0 路摄像机" in taken.content.decode()
    (upper,) = load_uppers()
    assert (upper.own, upper.username, upper.host, upper.controls, upper.past) == (
        "31000000002000000009", "31000000002000000009", "10.0.0.9", False, True,
    )  # fmt: skip
    (shared,) = upper.shared.values()
    assert (shared.code, shared.channel, shared.device) == ("31010100001320000009", west.code, CODES["west"])
    for online, why in ((False, "403 Forbidden"), (True, ""), (True, "")):
        note_uplink(row.pk, online, why)
    assert (Uplink.objects.get().online, Uplink.objects.get().fault) == (True, "")
    note_uplink(row.pk + 1, True, "")  # deleted meanwhile
    page = client.get("/admin/media/superior/?online=yes").content.decode()
    assert "10.0.0.9" in page
    Channel.objects.update(listed=False)  # no longer in its device's catalogue
    assert load_uppers()[0].shared == {}
    Superior.objects.update(active=False)
    assert load_uppers() == []


def test_nobody_else_sees_platforms_above(town):  # noqa: F811
    row = Superior.objects.create(name="市局", code=FORM["code"], domain="3100000000", host="10.0.0.9")
    SharedChannel.objects.create(superior=row, channel=Channel.objects.first())
    for client in (signed_in("enterprise", organization=town["west"]), signed_in("city"), Client()):
        for address in ("/admin/media/superior/", f"/admin/media/superior/{row.pk}/change/"):
            assert client.get(address).status_code in (302, 403)
        assert client.post("/admin/media/superior/add/", FORM).status_code in (302, 403)
    assert Superior.objects.count() == 1


@pytest.fixture
def asked(monkeypatch):
    """What the process is asked; it answers with the last of the list, or raises it."""
    questions, answers = [], [{"recordings": [], "whole": True}]

    def ask(name, timeout_s=15.0, **args):
        questions.append((name, args))
        if isinstance(answers[-1], Exception):
            raise answers[-1]
        return answers[-1]

    monkeypatch.setattr(past_api, "ask", ask)
    return questions, answers


def test_recordings_are_listed_and_played_in_scope_only(town, asked, settings, tmp_path):  # noqa: F811
    questions, answers = asked
    west, east = (Channel.objects.get(device__code=code) for code in CODES.values())
    client = signed_in("district", region=town["west"].region)
    times = {"begins": "2026-11-20T10:00:00+08:00", "ends": "2026-11-20T11:00:00+08:00"}
    assert client.get(f"/api/v1/video/channels/{west.pk}/recordings", times).json()["whole"]
    played = client.post(f"/api/v1/video/channels/{west.pk}/playbacks", times, content_type="application/json")
    assert played.status_code == 200
    names = {"device": west.device.code, "channel": west.code}
    assert questions[0] == ("recordings", {**names, **times})
    assert questions[1][1].items() >= (names | times).items()
    user = questions[1][1]["user"]
    order = {"action": "seek", "value": 30}
    client.post("/api/v1/video/playbacks/281474976710656", order, content_type="application/json")
    client.get("/api/v1/video/playbacks/281474976710656")
    assert [(name, args["user"]) for name, args in questions[2:]] == [
        ("playback_order", user),
        ("playback_state", user),
    ]
    # A download is asked for, followed, and its file fetched; that it was asked for is on the record.
    answers.append({"key": "k", "state": "done", "channel": west.pk, "why": "device hung up"})
    assert (
        client.post(f"/api/v1/video/channels/{west.pk}/downloads", times, content_type="application/json").json()["key"]
        == "k"
    )
    assert AuditRecord.objects.get(action="export").object_id == str(west.pk)
    state = client.get("/api/v1/video/downloads/k").json()
    assert (state["state"], state["why"]) == ("done", "设备挂断了。")
    fetched = "/api/v1/video/downloads/k/video.mp4"
    settings.VAR_DIR = tmp_path
    assert client.get(fetched).status_code == 404  # it was given up
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads/k.mp4").write_bytes(b"film")
    assert film_of(client.get(fetched)) == b"film"
    for other in ({"channel": east.pk}, {"state": "loading"}):
        answers.append(answers[-1] | other)
        assert client.get(fetched).status_code == 404
    assert {args["user"] for _name, args in questions[2:]} == {user}
    assert Client().get(fetched).status_code == 401
    answers.append({})
    # Of another district, or of nobody: not there.
    questions.clear()
    for other, status in ((client, 404), (Client(), 401)):
        assert other.get(f"/api/v1/video/channels/{east.pk}/recordings", times).status_code == status
        for tail, body in (("playbacks", times), ("downloads", times), ("announcements", {})):
            address = f"/api/v1/video/channels/{east.pk}/{tail}"
            answer = other.post(address, body, content_type="application/json")
            assert answer.status_code in (status, 422)
    assert Client().get("/api/v1/video/playbacks/1").status_code == 401
    assert questions == []
    bad = {"begins": "2026-11-20T10:00:00", "ends": "x"}
    assert client.get(f"/api/v1/video/channels/{west.pk}/recordings", bad).status_code == 422
    for error, status in ((OfflineError("x"), 503), (NotOfferedError("x"), 422)):
        answers.append(error)
        assert client.get(f"/api/v1/video/channels/{west.pk}/recordings", times).status_code == status


def test_only_who_dispatches_speaks_and_it_is_on_the_record(town, asked):  # noqa: F811
    questions, answers = asked
    answers.append(None)
    west = Channel.objects.get(device__code=CODES["west"])
    address = f"/api/v1/video/channels/{west.pk}/announcements"

    def file():
        return {"file": SimpleUploadedFile("通知.wav", wav(0.25))}

    assert signed_in("enterprise", organization=town["west"]).post(address, file()).status_code == 404
    assert Client().post(address, file()).status_code == 401
    client = signed_in("dispatcher")
    assert client.post(address, {"file": SimpleUploadedFile("x.wav", b"no")}).status_code == 422
    assert questions == []
    assert client.post(address, file()).json() == {"seconds": 0.2}
    ((name, args),) = questions
    assert (name, args["channel"], len(base64.b64decode(args["sound"]))) == ("announce", west.code, 2000)
    line = AuditRecord.objects.filter(action=Action.CHANGE, model="media.Channel").latest("pk")
    assert line.detail == {"announcement_s": 0.2, "file": "通知.wav"}
    answers.append(OfflineError("x"))
    assert client.post(address, file()).status_code == 503
