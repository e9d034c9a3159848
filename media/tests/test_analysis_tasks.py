"""Cameras looked at by tasks, and files by request: what begins, lasts and ends, and what cannot be seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from prometheus_client import REGISTRY

from media.analysis import analyses as at_work
from media.analysis import lane as lanes
from media.analysis import seeing
from media.analysis.interface import Box
from media.analysis.models import AnalysisFinding, AnalysisModel, AnalysisTask, AnalysisUpload
from media.analysis.store import load_analysers
from media.exceptions import NoReplyError, OfflineError
from media.models import Channel
from media.tests.analysing import Here, looked, quick, until, working  # noqa: F401 (a fixture of all)
from media.tests.analysis import Shown, drawn, film, png
from media.tests.recordings import channel
from twin.models import Asset, State

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("quick")]
RECT = (40, 24, 32, 24)


def test_what_is_seen_is_one_finding_while_it_lasts_with_its_key_frame():
    camera, shown = channel(), Shown(RECT)
    AnalysisTask.objects.create(channel=camera, analyser="tests.red", every_s=1)
    AnalysisTask.objects.create(channel=camera, analyser="tests.red", every_s=1, left=0.7)  # looks elsewhere

    async def work():
        async with working(shown.join) as analyses:
            await until(AnalysisFinding.objects.exists)
            assert len(shown.sinks) == 1  # both tasks share one place
            before = looked()
            analyses._watched[next(iter(analyses._watched))].due = 0
            shown.show(RECT)
            await until(lambda: looked() > before)
            answer = await analyses.handlers["analysis_look"](
                {"channel": camera.pk, "analyser": "tests.red", "confidence": 0.1}
            )
            assert [each["label"] for each in answer["findings"]] == ["红", "不确定"]
            assert (await analyses.handlers["analysis_frame"]({"channel": camera.pk}))["width"] == 160
        assert shown.sinks == []
        # The process comes back: what lasts is known.
        before = looked()
        async with working(shown.join) as analyses:
            await until(lambda: looked() >= before + 2)

    async_to_sync(work)()
    (finding,) = AnalysisFinding.objects.all()
    assert (finding.label, finding.channel, finding.ended_at, finding.verdict) == ("红", camera, None, "open")
    assert finding.boxes[0][:2] == pytest.approx([0.25, 0.25], abs=0.03)
    with default_storage.open(finding.picture) as file:
        assert file.read(3) == b"\xff\xd8\xff"


def test_an_analyser_that_fails_ends_nothing_and_is_told_of(monkeypatch):
    camera, shown = channel(), Shown(RECT)
    AnalysisTask.objects.create(channel=camera, analyser="tests.red", every_s=1)
    monkeypatch.setattr("media.analysis.judging.QUIET_US", 0)
    monkeypatch.setattr("media.analysis.judging.MISSES", 0)

    async def work():
        async with working(shown.join) as analyses:
            await until(AnalysisFinding.objects.exists)
            monkeypatch.setattr(Here, "ill", "its process ended (-11)")
            (watched,) = analyses._watched.values()
            watched.due = 0
            shown.show(())  # nothing red any more, but nobody can tell
            await until(lambda: analyses._lanes["tests.red"].failed)
            state = (await analyses.handlers["analysis_state"]({}))["analysers"]["tests.red"]
            assert state == {"waiting": 0, "failed": True, "why": "its process ended (-11)"}
            assert REGISTRY.get_sample_value("sandtable_analysis_failed", {"analyser": "tests.red"}) == 1
            assert await sync_to_async(AnalysisFinding.objects.filter(ended_at=None).exists)()
            with pytest.raises(NoReplyError, match="-11"):  # and nobody waits for what will not come
                await analyses.handlers["analysis_look"](
                    {"channel": camera.pk, "analyser": "tests.red", "confidence": 0.5}
                )
            monkeypatch.setattr(Here, "ill", "")
            monkeypatch.setattr(lanes, "WELL_AFTER_S", 0.0)
            watched.due = 0
            shown.show(())
            await until(AnalysisFinding.objects.exclude(ended_at=None).exists)
            assert not analyses._lanes["tests.red"].failed

    async_to_sync(work)()


def test_a_camera_that_is_away_is_tried_again_and_its_task_is_blind(monkeypatch):
    AnalysisTask.objects.create(channel=channel(), analyser="tests.red", every_s=1)
    AnalysisTask.objects.create(channel=channel("31010100001310000002"), analyser="tests.red", enabled=False)
    monkeypatch.setattr(at_work, "BLIND_S", -3.0)
    monkeypatch.setattr("media.analysis.eye.BACK_OFF_S", (0.0,))
    tries = []

    async def join(key, _sink):
        tries.append(key)
        raise OfflineError("gone")

    async def work():
        async with working(join):
            await until(lambda: len(tries) > 2)
            await until(lambda: REGISTRY.get_sample_value("sandtable_analysis_blind") == 1)

    async_to_sync(work)()
    assert len(set(tries)) == 1


def test_what_nobody_looks_for_any_more_ends():
    camera, now = channel(), datetime.now(UTC)
    task = AnalysisTask.objects.create(channel=camera, analyser="tests.red", enabled=False)
    seen = {"channel": camera, "analyser": "tests.red", "label": "红", "confidence": 0.9, "boxes": [], "grade": 3,
            "taken_at": now, "last_at": now, "picture": "", "width": 1, "height": 1}  # fmt: skip
    AnalysisFinding.objects.create(task=task, **seen)
    AnalysisFinding.objects.create(**seen)

    async def work():
        async with working(Shown().join):
            await until(lambda: not AnalysisFinding.objects.filter(ended_at=None).exists())

    async_to_sync(work)()


def test_uploads_are_looked_at_and_raise_nothing():
    name = default_storage.save("analysis/uploads/a.png", ContentFile(png(drawn(RECT))))
    upload = AnalysisUpload.objects.create(analyser="tests.red", file=name, name="现场.png", every_s=1, confidence=0.1)
    bad = AnalysisUpload.objects.create(
        analyser="tests.red", file=default_storage.save("b.mp4", ContentFile(b"no film")), name="b.mp4"
    )

    async def work():
        async with working(Shown().join):  # what was left waiting is taken up
            await until(lambda: AnalysisUpload.objects.filter(state__in=("done", "failed")).count() == 2)

    async_to_sync(work)()
    upload.refresh_from_db()
    bad.refresh_from_db()
    assert (upload.state, upload.looked) == ("done", 1)
    assert (bad.state, bool(bad.why)) == ("failed", True)
    found = AnalysisFinding.objects.filter(upload=upload, task=None)
    assert sorted(found.values_list("label", flat=True)) == ["不确定", "红"]
    assert not found.filter(ended_at=None).exists()


def test_however_many_uploads_were_left_they_go_on_where_they_were(monkeypatch):
    monkeypatch.setattr("media.analysis.uploads.MOST_WAITING", 1)
    film(default_storage.path("a.mp4"), [RECT] * 6, rate=1)
    left = [
        AnalysisUpload.objects.create(analyser="tests.red", file="a.mp4", name="a.mp4", every_s=2, state="running",
                                      looked=looked)
        for looked in (2, 2)
    ]  # fmt: skip
    monkeypatch.setattr("media.analysis.uploads.micros", Mock(side_effect=[RuntimeError("broken"), 0]))

    async def work():
        async with working(Shown().join):
            await until(lambda: AnalysisUpload.objects.filter(state__in=("done", "failed")).count() == 2)

    async_to_sync(work)()
    states = AnalysisUpload.objects.order_by("pk").values_list("state", "why", "looked")
    assert list(states) == [("failed", "RuntimeError", 2), ("done", "", 3)]
    assert AnalysisFinding.objects.filter(upload=left[1]).count() == 1


def test_a_task_that_is_another_cameras_now_begins_anew():
    cameras, shown = [channel(), channel("31010100001310000002")], Shown(RECT)
    drone = Asset.objects.create(kind="drone", code="D-1", name="D-1")
    now = datetime.now(UTC)
    State.objects.create(asset=drone, ts=now, received_at=now, lon=121.6, lat=31.3, status=1)
    Channel.objects.filter(pk=cameras[1].pk).update(carrier=drone, lon=121.1, lat=31.1)
    task = AnalysisTask.objects.create(channel=cameras[0], analyser="tests.red", every_s=1)

    async def work():
        async with working(shown.join) as analyses:
            await until(AnalysisFinding.objects.exists)
            task.channel = cameras[1]
            await sync_to_async(task.save)()
            analyses.learn()
            await until(lambda: AnalysisFinding.objects.filter(channel=cameras[1]).exists())

    async_to_sync(work)()
    first, second = AnalysisFinding.objects.order_by("pk")
    assert first.ended_at is not None
    assert second.ended_at is None
    assert (second.lon, second.lat) == (121.6, 31.3)  # where what carries the camera is


def test_findings_are_kept_for_their_time():
    now = datetime.now(UTC)
    names = {}
    for days, verdict in ((10, "open"), (100, "open"), (100, "confirmed"), (400, "confirmed")):
        at = now - timedelta(days=days)
        names[days, verdict] = default_storage.save("analysis/x.jpg", ContentFile(b"x"))
        AnalysisFinding.objects.create(
            analyser="a.b", label="x", confidence=1, boxes=[], grade=3, taken_at=at, last_at=at, ended_at=at,
            picture=names[days, verdict], width=1, height=1, verdict=verdict,
        )  # fmt: skip
    assert seeing.expire(now) == 2
    assert {key for key, name in names.items() if default_storage.exists(name)} == {(10, "open"), (100, "confirmed")}


def test_models_of_the_desk_are_analysers(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    row = AnalysisModel.objects.create(
        key="helmet", name="安全帽", file="h/m.onnx", labels="h/l.txt", sha256="0" * 64, layout="boxes"
    )
    kind = load_analysers()["onnx.helmet"]
    assert (str(kind.title), kind.settings["file"]) == ("安全帽", str(tmp_path / "models/h/m.onnx"))
    row.enabled = False
    row.save()
    assert "onnx.helmet" not in load_analysers()
    assert Box(0.5, 0, 0.5, 1).within(Box(0, 0.5, 0.5, 0.5)) == (0.25, 0.5, 0.25, 0.5)
