"""What machines see, over HTTP and on the desk: nobody of another district gets anything of it."""

from __future__ import annotations

import base64
import json
import math
from datetime import UTC, datetime
from unittest.mock import Mock

import pytest
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from access.models import AuditRecord, Organization
from media.analysis import api, upload_api
from media.analysis.models import AnalysisFinding, AnalysisModel, AnalysisTask, AnalysisUpload
from media.exceptions import NoReplyError, OfflineError
from media.tests.districts import signed_in, two_firms
from media.tests.recordings import channel

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
SHOT = {"jpeg": base64.b64encode(b"\xff\xd8picture").decode(), "width": 2, "height": 1, "taken_ms": 1_795_000_000_123}


@pytest.fixture
def west(settings, tmp_path, monkeypatch):
    """A camera of the western district with a task and a finding; the process of video answers."""
    settings.VAR_DIR = tmp_path
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    cache.clear()
    camera = channel(owner=two_firms()[0])
    camera.lon, camera.lat = 121.5, 31.25
    camera.save()
    AnalysisTask.objects.create(channel=camera, analyser="media.blank")
    made(camera)
    answer = Mock(return_value={**SHOT, "findings": [], "analysers": {}})
    monkeypatch.setattr(api, "ask", answer)
    monkeypatch.setattr(upload_api, "ask", answer)
    return camera


def made(camera, **more):
    at = datetime.now(UTC)
    name = default_storage.save("analysis/k.jpg", ContentFile(b"\xff\xd8key"))
    return AnalysisFinding.objects.create(
        **{
            "channel": camera, "analyser": "media.blank", "label": "画面无内容", "confidence": 0.9, "grade": 3,
            "boxes": [[0, 0, 1, 1, 0.9]], "taken_at": at, "last_at": at, "picture": name, "width": 4, "height": 2,
        } | more
    )  # fmt: skip


def doors(camera):
    """Every door of a camera: method, address, what is sent."""
    base, finding = "/api/v1/video", AnalysisFinding.objects.filter(channel=camera).earliest("pk")
    sent = f"{base}/uploads?name=a.png&analyser=media.blank&channel={camera.pk}"
    return [
        ("GET", f"{base}/channels/{camera.pk}/frame", None),
        ("POST", f"{base}/channels/{camera.pk}/look", {"analyser": "media.blank"}),
        ("GET", f"{base}/findings/{finding.pk}/picture", None),
        ("POST", f"{base}/findings/{finding.pk}/verdict", {"verdict": "rejected"}),
        ("POST", sent, {"any": "bytes"}),
    ]


def ask(client, method, address, sent):
    answer = client.generic(method, address, "" if sent is None else json.dumps(sent), "application/json")
    if answer.streaming:
        b"".join(answer.streaming_content)  # and the file is closed
    return answer


def test_every_door_is_shut_for_another_district_and_without_a_session(west):
    stranger, own = signed_in("district", "310102"), signed_in("district", "310101")
    lists = ["findings", "tasks", "uploads"]
    for door in doors(west):
        assert ask(stranger, *door).status_code == 404, door
        assert ask(Client(), *door).status_code == 401, door
    assert AnalysisFinding.objects.get().verdict == "open"
    assert not AnalysisUpload.objects.exists()
    assert not AuditRecord.objects.filter(action="watch").exists()
    for door in doors(west):
        assert ask(own, *door).status_code in (200, 201), door
    upload = AnalysisUpload.objects.get()
    for name in lists:
        assert stranger.get(f"/api/v1/video/{name}").json()[name] == [], name
        assert len(own.get(f"/api/v1/video/{name}").json()[name]) == 1, name
        assert Client().get(f"/api/v1/video/{name}").status_code == 401
    assert stranger.get(f"/api/v1/video/uploads/{upload.pk}").status_code == 404
    counted = {one["key"]: one["findings"] for one in stranger.get("/api/v1/video/analysers").json()["analysers"]}
    assert counted["media.blank"] == 0
    assert Client().get("/api/v1/video/analysers").status_code == 401
    assert Client().get("/video/findings/").status_code == 302


def test_tasks_are_kept_by_whoever_keeps_the_device_and_by_nobody_else(west):
    firms = Organization.objects.order_by("pk")
    own, other = (signed_in("enterprise", organization=firm) for firm in firms)
    task = AnalysisTask.objects.get()
    new = {"channel": west.pk, "analyser": "media.blank", "every_s": 10, "left": 0.5, "grade": 2}
    address = f"/api/v1/video/tasks/{task.pk}"
    for client in (other, signed_in("dispatcher")):
        assert ask(client, "POST", "/api/v1/video/tasks", new).status_code == 404
        assert ask(client, "PATCH", address, {"enabled": False}).status_code == 404
        assert ask(client, "DELETE", address, None).status_code == 404
    for method, sent in (("POST", new), ("PATCH", {"enabled": False}), ("DELETE", None)):
        where = "/api/v1/video/tasks" if method == "POST" else address
        assert ask(Client(), method, where, sent).status_code == 401
    assert ask(own, "POST", "/api/v1/video/tasks", new).json()["left"] == 0.5
    assert ask(own, "PATCH", address, {"enabled": False, "confidence": 0.8}).json()["confidence"] == 0.8
    for wrong in ({"analyser": "no.such"}, {"every_s": 0}, {"confidence": 2}, {"confidence": math.nan},
                  {"left": math.nan}, {"right": 0.0}, {"grade": 9},
                  {"periods": [{"kind": "?"}]}):  # fmt: skip
        answer = ask(own, "PATCH", address, wrong)
        assert answer.status_code == 422, wrong
        assert answer.json()["detail"]
    assert ask(own, "DELETE", address, None).status_code == 204
    actions = AuditRecord.objects.filter(model="media.AnalysisTask").values_list("action", flat=True)
    assert {"create", "change", "delete"} <= set(actions)
    page = other.get("/admin/media/analysistask/").content.decode()
    assert west.name not in page
    assert west.name in own.get("/admin/media/analysistask/").content.decode()


def test_models_are_the_citys_and_their_files_have_to_be_there(west, settings):
    administrator, enterprise = signed_in("administrator"), signed_in("enterprise", organization=west.device.owner)
    for client in (enterprise, signed_in("dispatcher")):
        assert client.get("/admin/media/analysismodel/").status_code == 403
        assert client.get("/admin/media/analysismodel/add/").status_code == 403
    folder = settings.VAR_DIR / "models"
    folder.mkdir()
    (folder / "m.onnx").write_bytes(b"x")
    (settings.VAR_DIR / "secret.txt").write_text("x")
    fields = {"key": "m", "name": "模型", "enabled": "on", "file": "m.onnx", "sha256": "a" * 64, "width": 64,
              "height": 64, "layout": "grid", "source": ""}  # fmt: skip
    for labels in ("../secret.txt", "/etc/passwd", "nowhere.txt"):
        page = administrator.post("/admin/media/analysismodel/add/", fields | {"labels": labels})
        assert page.status_code == 200
    assert not AnalysisModel.objects.exists()
    (folder / "m.txt").write_text("x")
    assert administrator.post("/admin/media/analysismodel/add/", fields | {"labels": "m.txt"}).status_code == 302
    page = enterprise.get("/admin/media/analysistask/add/").content.decode()
    assert "onnx.m" in page


def test_a_frame_comes_with_time_camera_and_place_and_is_on_the_record(west, monkeypatch):
    client, address = signed_in(), f"/api/v1/video/channels/{west.pk}/frame"
    answer = client.get(address)
    assert answer.content == b"\xff\xd8picture"
    assert (answer["X-Picture-Time"], answer["X-Picture-Camera"]) == ("2026-11-18T11:06:40.123+00:00", west.code)
    assert answer["X-Picture-Place"] == "121.500000,31.250000"
    (entry,) = AuditRecord.objects.filter(action="watch")
    assert entry.object_id == str(west.pk)
    monkeypatch.setattr(api, "ask", Mock(side_effect=OfflineError("gone")))
    assert client.get(address).status_code == 503
    monkeypatch.setattr(api, "ask", Mock(side_effect=NoReplyError("silent")))
    assert all(one["failed"] is None for one in client.get("/api/v1/video/analysers").json()["analysers"])


def test_pictures_are_looked_at_on_the_record_and_verdicts_are_counted(west):
    client, finding = signed_in(), AnalysisFinding.objects.get()
    address = f"/api/v1/video/findings/{finding.pk}"
    for _ in range(2):
        answer = client.get(f"{address}/picture")
        assert b"".join(answer.streaming_content) == b"\xff\xd8key"
        assert (answer["Content-Type"], answer["Cache-Control"]) == ("image/jpeg", "private, no-store")
    (entry,) = AuditRecord.objects.filter(action="watch")
    assert (entry.object_id, entry.detail["finding"]) == (str(west.pk), finding.pk)
    assert ask(client, "POST", f"{address}/verdict", {"verdict": "open"}).status_code == 422
    planner = signed_in("planner")
    assert planner.get("/api/v1/video/findings").json()["findings"][0]["may_judge"] is False
    assert ask(planner, "POST", f"{address}/verdict", {"verdict": "rejected"}).status_code == 403
    assert ask(client, "POST", f"{address}/verdict", {"verdict": "rejected"}).json()["verdict"] == "rejected"
    other = made(west)
    ask(client, "POST", f"/api/v1/video/findings/{other.pk}/verdict", {"verdict": "confirmed"})
    (blank,) = (one for one in client.get("/api/v1/video/analysers").json()["analysers"] if one["key"] == "media.blank")
    assert (blank["findings"], blank["confirmed"], blank["rejected"], blank["failed"]) == (2, 1, 1, False)
    (listed,) = client.get("/api/v1/video/findings?verdict=rejected").json()["findings"]
    assert (listed["id"], listed["may_judge"], listed["channel"]["id"]) == (finding.pk, True, west.pk)
    assert AuditRecord.objects.filter(action="change", model="media.AnalysisFinding").count() == 2
    default_storage.delete(finding.picture)
    assert client.get(f"{address}/picture").status_code == 404


def test_uploads_without_a_camera_are_their_senders_alone(west, monkeypatch):
    own, other = signed_in("district", "310101"), signed_in("district", "310102")
    send = "/api/v1/video/uploads?analyser=media.blank&name="
    answer = own.generic("POST", f"{send}现场.jpg", b"picture", "application/octet-stream")
    upload = AnalysisUpload.objects.get(pk=answer.json()["id"])
    with default_storage.open(upload.file) as file:
        assert (upload.file.endswith(".jpg"), file.read()) == (True, b"picture")
    finding = made(None, upload=upload, ended_at=datetime.now(UTC))
    picture = f"/api/v1/video/findings/{finding.pk}/picture"
    assert [ask(client, "GET", picture, None).status_code for client in (own, other)] == [200, 404]
    verdict = f"/api/v1/video/findings/{finding.pk}/verdict"
    planner = signed_in("planner")  # sees the whole city, and answers for none of it
    assert planner.get("/api/v1/video/findings?verdict=open").json()["findings"][0]["may_judge"] is False
    assert ask(planner, "POST", verdict, {"verdict": "rejected"}).status_code == 403
    assert own.get(f"/api/v1/video/findings?upload={upload.pk}").json()["findings"][0]["may_judge"] is True
    assert ask(own, "POST", verdict, {"verdict": "rejected"}).status_code == 200
    assert own.get(f"/api/v1/video/uploads/{upload.pk}").json()["state"] == "waiting"
    assert other.get(f"/api/v1/video/uploads/{upload.pk}").status_code == 404
    monkeypatch.setattr(upload_api, "MOST_BYTES", 3)
    for name, body, status in (("a.exe", b"x", 415), ("a.png", b"", 400), ("a.png", b"long", 413), ("a", b"x", 415)):
        answer = own.generic("POST", send + name, body, "application/octet-stream")
        assert answer.status_code == status, name
    assert ask(planner, "POST", f"{send}a.png", {}).status_code == 403
    monkeypatch.setattr(upload_api, "ask", Mock(side_effect=NoReplyError("silent")))
    assert own.generic("POST", f"{send}a.png", b"x", "application/octet-stream").status_code == 504
    assert AnalysisUpload.objects.count() == 1
    monkeypatch.setattr(upload_api, "MOST_WAITING", 1)
    assert own.generic("POST", f"{send}a.png", b"x", "application/octet-stream").status_code == 429


def test_what_was_seen_stays_when_its_camera_is_taken_away_and_is_the_citys(west):
    finding, device = AnalysisFinding.objects.get(), west.device
    own, other = (signed_in("district", code) for code in ("310101", "310102"))
    picture = f"/api/v1/video/findings/{finding.pk}/picture"
    assert ask(own, "GET", picture, None).status_code == 200
    device.delete()
    assert not AnalysisTask.objects.exists()
    city = signed_in()
    (told,) = city.get("/api/v1/video/findings").json()["findings"]
    assert (told["id"], told["channel"], told["may_judge"]) == (finding.pk, None, True)
    assert [ask(client, "GET", picture, None).status_code for client in (city, own, other)] == [200, 404, 404]
