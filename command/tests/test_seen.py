"""What machines see becomes an alert, once, with its picture; it ends when that is gone or a person rejects it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import connection
from django.test import Client

from access.identifiers import make_uscc
from access.models import Organization
from command.knowledge import Knowledge
from command.models import Alert
from command.rules import registry
from command.seen import SEEN, SightWatch
from gis.models import Region
from media.analysis.models import AnalysisFinding, AnalysisTask
from media.models import Channel, VideoDevice
from media.tests.districts import signed_in
from twin.models import Asset, State

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.fixture
def camera():
    boundary = MultiPolygon(Polygon.from_bbox((121, 31, 122, 32)), srid=4326)
    region, _east = (
        Region.objects.create(code=code, name=code, level="district", boundary=boundary)
        for code in ("310101", "310102")
    )
    firm = Organization.objects.create(name="厂", uscc=make_uscc(Random(1)), kind="enterprise", region=region)
    asset = Asset.objects.create(kind="camera", code="c1", name="北门", owner=firm)
    State.objects.create(asset=asset, ts=NOW, received_at=NOW, lon=121.5, lat=31.2, status=1, region=region)
    device = VideoDevice.objects.create(code="31010100001180000001", name="录像机", owner=firm)
    return Channel.objects.create(device=device, code="31010100001310000001", name="北门", asset=asset)


def seen(camera, label="明火", **more):
    task, _made = AnalysisTask.objects.get_or_create(channel=camera, analyser="media.blank", grade=1)
    at = datetime.now(UTC)
    return AnalysisFinding.objects.create(
        **{
            "task": task, "channel": camera, "analyser": "media.blank", "label": label, "confidence": 0.876, "grade": 1,
            "boxes": [[0.1, 0.2, 0.3, 0.4, 0.876]], "taken_at": at, "last_at": at, "picture": "x.jpg", "width": 4,
            "height": 2, "lon": 121.5, "lat": 31.2,
        } | more
    )  # fmt: skip


def look():
    """A look of the rules process."""
    knowledge = Knowledge(registry)
    with connection.cursor() as cursor:
        knowledge.load(cursor, {"rules"})
        return SightWatch(knowledge).look(cursor, time.time_ns() // 1000)


def test_a_finding_is_one_alert_with_its_picture_for_those_it_concerns(camera):
    finding = seen(camera)
    assert len(look()) == 1
    assert look() == []
    alert = Alert.objects.get()
    assert (alert.rule, alert.grade, alert.asset, alert.region.code) == (SEEN.id, 1, camera.asset, "310101")
    assert alert.evidence == {
        "label": "明火", "confidence_pct": 87.6, "camera": "北门", "analyser": "画面无内容（遮挡、黑屏）",
    }  # fmt: skip
    told = signed_in("district", "310101").get(f"/api/v1/alerts/{alert.pk}").json()
    assert told["picture"]["url"] == f"/api/v1/video/findings/{finding.pk}/picture"
    assert told["picture"]["boxes"] == [[0.1, 0.2, 0.3, 0.4, 0.876]]
    assert signed_in("district", "310102").get(f"/api/v1/alerts/{alert.pk}").status_code == 404
    assert Client().get(f"/api/v1/alerts/{alert.pk}").status_code == 401


def test_its_cause_ends_when_it_is_gone_and_another_one_is_another_alert(camera):
    finding = seen(camera)
    look()
    finding.ended_at = datetime.now(UTC)
    finding.save()
    assert len(look()) == 1
    assert look() == []
    assert Alert.objects.get().cause_ended_at == finding.ended_at
    seen(camera)
    look()
    assert Alert.objects.count() == 2


def test_what_a_person_rejected_ends_and_is_not_raised_again_while_it_lasts(camera):
    finding = seen(camera)
    look()
    finding.verdict = "rejected"
    finding.save()
    assert len(look()) == 1
    assert look() == []
    assert Alert.objects.get().cause_ended_at is not None


def test_what_came_and_went_while_nobody_judged_is_told_and_uploads_are_not(camera):
    now = datetime.now(UTC)
    seen(camera, ended_at=now)
    seen(camera, "旧", ended_at=now - timedelta(hours=2))
    seen(camera, "送检", task=None, ended_at=now, taken_at=now - timedelta(days=1), verdict="rejected")
    look()
    assert Alert.objects.get().cause_ended_at == now


def test_no_alert_ends_because_many_others_came_after_it(camera, monkeypatch):
    monkeypatch.setattr("media.analysis.lasting.MOST", 1)
    seen(camera)
    look()
    for label in ("a", "b"):
        seen(camera, label)
    ended = seen(camera, "c", ended_at=datetime.now(UTC))
    assert len(look()) == 3
    assert Alert.objects.filter(cause_ended_at=None).count() == 3
    assert Alert.objects.exclude(cause_ended_at=None).get().cause == f"finding:{ended.pk}"
    assert look() == []
