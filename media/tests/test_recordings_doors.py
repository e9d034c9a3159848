"""Recordings over HTTP: nobody of another district gets anything of them; what is asked wrongly is refused."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from access.models import AuditRecord, Grant, User
from media.recordings import places
from media.recordings.happened import alert_closed, alert_raised
from media.recordings.models import RecordingMark, RecordingOrder, RecordingPolicy, RecordingSegment
from media.recordings.store import load_orders, load_plans
from media.tests.districts import signed_in, two_firms
from media.tests.films import film_of
from media.tests.recordings import START_US, channel, pictures, record

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
START_MS = START_US // 1000


@pytest.fixture
def west(settings, tmp_path):
    """A recorded camera of the western district, and the district."""
    settings.VAR_DIR = tmp_path
    cache.clear()
    camera = channel(owner=two_firms()[0])
    record(camera.pk, places.folder(), pictures(70, sound="g722"))
    return camera


def doors(camera):
    """Every door of a channel and its segment: method, address, what is sent."""
    segment = RecordingSegment.objects.filter(channel=camera).first()
    note = RecordingMark.objects.create(channel=camera, starts_at=segment.starts_at, ends_at=segment.ends_at)
    base, span = f"/api/v1/recordings/channels/{camera.pk}", f"from={START_MS}&to={START_MS + 20_000}"
    mark = {"from": START_MS, "to": START_MS + 5000, "kind": "case", "number": "案-1", "text": "取证"}
    return [
        ("GET", f"{base}/timeline?{span}", None), ("GET", f"{base}/days?month=2033-05", None),
        ("GET", f"{base}/segments?{span}", None), ("GET", f"{base}/cut?{span}", None),
        ("GET", f"/api/v1/recordings/segments/{segment.pk}/index", None),
        ("GET", f"/api/v1/recordings/segments/{segment.pk}/media.mp4", None), ("POST", f"{base}/replay", None),
        ("POST", f"{base}/marks", mark), ("POST", f"{base}/start", {"reason": "巡查"}), ("POST", f"{base}/stop", None),
        ("DELETE", f"/api/v1/recordings/marks/{note.pk}", None),
    ]  # fmt: skip


def ask(client, method, address, sent):
    return client.generic(method, address, "" if sent is None else json.dumps(sent), "application/json")


def test_every_door_is_shut_for_another_district_and_without_a_session(west):
    stranger, own, enterprise = signed_in("district", "310102"), signed_in("district", "310101"), Client()
    for door in (
        *doors(west),
        ("GET", f"/api/v1/recordings/channels/{west.pk}/cut.mp4?from={START_MS}&to={START_MS + 9}", None),
    ):
        assert ask(stranger, *door).status_code == 404, door
        assert ask(enterprise, *door).status_code in (401, 403), door
    assert stranger.get("/api/v1/recordings/channels").json() == {"channels": []}
    assert Client().get("/video/recordings/").status_code == 302
    for door in doors(west):
        assert ask(own, *door).status_code in (200, 201, 204), door


def test_whoever_only_looks_neither_records_nor_binds(west):
    user = User.objects.create_user("planner")
    Grant.objects.create(user=user, role="planner")
    client = Client()
    client.force_login(user)
    for method, address, sent in doors(west):
        changes = address.endswith(("/marks", "/start", "/stop")) or method == "DELETE"
        assert (ask(client, method, address, sent).status_code == 403) == changes, address
    assert not RecordingOrder.objects.filter(kind="hand").exists()


def test_what_there_is_is_told_and_looking_is_audited(west):
    client = signed_in()
    base = f"/api/v1/recordings/channels/{west.pk}"
    told = client.get(f"{base}/timeline?from={START_MS - 5000}&to={START_MS + 90_000}").json()
    assert told["stretches"] == [[START_MS, START_MS + 70_000]]
    assert client.get(f"{base}/days?month=2033-05").json()["days"] == [{"day": "2033-05-18", "seconds": 70}]
    first, second = client.get(f"{base}/segments?from={START_MS}&to={START_MS + 90_000}").json()["segments"]
    assert (first["to"], first["left_out"], second["left_out"]) == (second["from"], "", "g722")
    index = client.get(f"/api/v1/recordings/segments/{first['id']}/index").json()
    assert [time for time, _offset in index["keys"]] == list(range(60))
    whole = client.get(index["href"])
    assert whole.status_code == 200
    path = places.folder() / RecordingSegment.objects.get(pk=first["id"]).name
    assert whole.content == path.read_bytes()
    piece = client.get(index["href"], headers={"Range": "bytes=100-199"})
    assert (piece.status_code, piece.content) == (206, whole.content[100:200])
    assert piece["Content-Range"] == f"bytes 100-199/{len(whole.content)}"
    looks = AuditRecord.objects.filter(action="watch")
    assert (looks.count(), looks.get().object_id) == (1, str(west.pk))


@pytest.mark.parametrize(
    "wanted",
    ["bytes=-5", "bytes=9-2", "bytes=99999999999999-", "bytes=0-1,4-5", "bytes=" + "9" * 400, "lines=1-2", "bytes=5-"],
)
def test_hostile_ranges_get_an_answer_within_bounds(west, wanted):
    client = signed_in()
    segment = RecordingSegment.objects.earliest("pk")
    answer = client.get(f"/api/v1/recordings/segments/{segment.pk}/media.mp4", headers={"Range": wanted})
    assert answer.status_code in (200, 206, 416)
    assert len(answer.content) <= segment.size_bytes


def test_spans_that_make_no_sense_are_refused(west):
    client = signed_in()
    base = f"/api/v1/recordings/channels/{west.pk}"
    for span in (
        "from=2&to=1",
        "from=1&to=1",
        "from=nan&to=1",
        "from=0&to=inf",
        "from=-1&to=5",
        "from=0&to=4000000000000",
        "from=x&to=1",
        "",
    ):
        for what in ("timeline", "segments", "cut", "cut.mp4"):
            assert client.get(f"{base}/{what}?{span}").status_code in (400, 422), (what, span)
    assert client.get(f"{base}/cut?from={START_MS - 9000}&to={START_MS - 5000}").status_code == 409
    assert client.get(f"{base}/cut?from={START_MS}&to={START_MS + 20 * 3_600_000}").status_code == 400
    for month in ("2033-13", "9999-12", "x", "2033-05-01"):
        assert client.get(f"{base}/days?month={month}").status_code == 400
    for wrong in ({"number": ""}, {"number": "a\0b"}, {"text": "x" * 201}, {"kind": "other"}, {"to": 1}):
        mark = {"from": START_MS, "to": START_MS + 1, "kind": "case", "number": "1", "text": ""} | wrong
        assert ask(client, "POST", f"{base}/marks", mark).status_code in (400, 422), wrong
    places.delete(RecordingSegment.objects.earliest("pk"))
    assert client.get(f"{base}/cut?from={START_MS}&to={START_MS + 9000}").status_code == 404


def test_a_cut_is_downloaded_as_it_was_told_and_audited(west):
    client = signed_in()
    base = f"/api/v1/recordings/channels/{west.pk}"
    told = client.get(f"{base}/cut?from={START_MS + 1500}&to={START_MS + 61_200}").json()
    assert (told["from"], told["to"], told["holes"]) == (START_MS + 1000, START_MS + 62_000, [])
    answer = client.get(told["href"])
    assert answer["Content-Disposition"].startswith("attachment")
    data = film_of(answer)
    assert (len(data), hashlib.sha256(data).hexdigest()) == (told["size"], told["sha256"])
    assert int(answer["Content-Length"]) == told["size"]
    assert AuditRecord.objects.get(action="export").detail["bytes"] == told["size"]


def test_recording_by_hand_has_a_reason_and_an_end(west):
    client = signed_in()
    base = f"/api/v1/recordings/channels/{west.pk}"
    assert ask(client, "POST", f"{base}/start", {"reason": ""}).status_code == 422
    for _ in range(2):
        assert ask(client, "POST", f"{base}/start", {"reason": "巡查"}).status_code == 201
    (order,) = load_orders()
    assert (order.channel, order.kind) == (west.pk, "hand")
    assert client.post(f"{base}/stop").json() == {"ended": 1}
    assert load_orders() == []
    assert RecordingOrder.objects.get().reason == "巡查"


def test_an_alert_has_cameras_near_it_record_and_binds_until_it_is_closed(west):
    west.lon, west.lat = 121.5, 31.2
    west.save()
    far = channel("31010100001310000009")
    far.lon, far.lat = 121.6, 31.2
    far.save()
    policy = RecordingPolicy.objects.create(
        name="重点", mode="alert", before_s=60, after_s=120, near_m=300, retention_days=365
    )
    now = timezone.now()
    assert alert_raised("77", "无人监护", None, (121.502, 31.2), now) == 1
    (order,) = load_orders()
    assert (order.channel, order.kind, order.days) == (west.pk, "alert", 365)
    mark = RecordingMark.objects.get(kind="alert", number="77")
    assert (mark.starts_at, mark.ends_at, mark.holds) == (
        now - timedelta(seconds=60),
        now + timedelta(seconds=120),
        True,
    )
    (plan,) = load_plans()
    assert (plan.channels, plan.before_s) == ({west.pk, far.pk}, 60)
    client = signed_in("district", "310101")
    assert [row["id"] for row in client.get("/api/v1/recordings/channels?alert=77").json()["channels"]] == [west.pk]
    alert_closed("77")
    mark.refresh_from_db()
    assert mark.holds is False
    policy.channels.add(far)
    assert alert_raised("78", "无人监护", None, (121.502, 31.2), now) == 0
    far.asset_id = None
    assert alert_raised("79", "无人监护", None, None, now) == 0


def test_the_desk_shows_recordings_of_the_own_district(west):
    mine, other = signed_in("administrator"), signed_in("district", "310102")
    page = mine.get("/admin/media/recordingsegment/").content.decode()
    assert "北门" in page
    assert "北门" not in other.get("/admin/media/recordingsegment/").content.decode()
    segment = RecordingSegment.objects.earliest("number")
    chosen = {"action": "verify_channels", "_selected_action": [segment.pk]}
    assert "录像完整" in mine.post("/admin/media/recordingsegment/", chosen, follow=True).content.decode()
    places.delete(segment)
    assert "第 1 段：文件不在了" in mine.post("/admin/media/recordingsegment/", chosen, follow=True).content.decode()
    form = {"name": "夜间", "enabled": "on", "mode": "schedule", "periods": "每天 08:00-18:00"}
    form |= {"before_s": 60, "after_s": 60, "near_m": 100, "retention_days": 30}
    assert mine.post("/admin/media/recordingpolicy/add/", form | {"periods": ""}).status_code == 200
    made = mine.post("/admin/media/recordingpolicy/add/", form)
    assert made.status_code == 302, made.context["errors"]
    assert load_plans()[0].periods
