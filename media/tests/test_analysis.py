"""Cameras looked at by tasks: what is seen begins, lasts and ends; what cannot be seen ends nothing."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from prometheus_client import REGISTRY

from media.analysis import analyses as at_work
from media.analysis import lane as lanes
from media.analysis import questions, registered, seeing
from media.analysis.analyses import Analyses
from media.analysis.child import ChildError
from media.analysis.eye import Eye, shot_of
from media.analysis.interface import Box, Seen
from media.analysis.judging import QUIET_US, Following, Task, counted
from media.analysis.lane import Lane
from media.analysis.models import AnalysisFinding, AnalysisModel, AnalysisTask, AnalysisUpload
from media.analysis.registered import AnalyserKind, register_analyser
from media.analysis.store import load_analysers
from media.analysis.wire import Hello, Job, Reply
from media.analysis.worker import Worker
from media.exceptions import NoReplyError, OfflineError
from media.models import Channel
from media.rtp.frames import Frame
from media.tests.analysis import Shown, drawn, film, png, sent
from media.tests.recordings import channel
from twin.models import Asset, State

RECT = (40, 24, 32, 24)
SECOND = 1_000_000


class Here:
    """An analyser's process that is none: quick, and as ill as it is told to be."""

    ill, busy = "", None

    def __init__(self, hello):
        self._worker, self.asked = Worker(hello), []

    async def ask(self, job, within_s=0.0):
        if self.busy is not None:
            await self.busy.wait()
        if self.ill:
            raise ChildError(self.ill)
        self.asked.append(job)
        return self._worker.do(job)

    async def stop(self):
        return None


class Database:
    """The test's own connection, from a loop."""

    async def do(self, work, *args):
        return await sync_to_async(work)(*args)


@pytest.fixture
def quick(monkeypatch, settings, tmp_path):
    """Analysers without processes, at once."""
    monkeypatch.setattr(lanes, "Child", Here)
    monkeypatch.setattr(questions, "Child", Here)
    monkeypatch.setattr(at_work, "TURN_S", 0.002)
    monkeypatch.setattr(lanes, "BACK_OFF_S", (0.001,))
    monkeypatch.setattr(registered, "_kinds", dict(registered._kinds))
    register_analyser(AnalyserKind("tests.red", "红色", "media.tests.analysers:red"))
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path},
        },
    }


@contextlib.asynccontextmanager
async def working(join):
    analyses = Analyses(Database(), join)
    running = asyncio.create_task(analyses.run())
    try:
        yield analyses
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(true):
    async with asyncio.timeout(10):
        while not await sync_to_async(true)():
            await asyncio.sleep(0.005)


def looked():
    return REGISTRY.get_sample_value("sandtable_analysis_looked_total", {"analyser": "tests.red"}) or 0


# Pure


def test_a_cause_begins_once_lasts_and_ends_when_it_was_looked_for_and_not_there():
    following, red = Following(), {"红": [Seen("红", 0.9)]}
    assert list(following.looked(red, 0, 5).began) == ["红"]
    steps = following.looked(red, 5 * SECOND, 5)
    assert (steps.began, steps.went_on, steps.ended) == ({}, ["红"], {})
    # Hidden for a moment, or looked for only once after a long while: it is still the same.
    assert not following.looked({}, 10 * SECOND, 5).ended
    assert not following.looked(red, 20 * SECOND, 5).began
    assert not following.looked({}, 20 * SECOND + QUIET_US, 5).ended
    assert list(following.looked({}, 25 * SECOND + QUIET_US, 5).ended) == ["红"]
    assert list(following.looked(red, 30 * SECOND + QUIET_US, 5).began) == ["红"]


def test_what_counts_is_sure_enough_and_asked_for():
    found = [Seen("车", 0.6), Seen("人", 0.9), Seen("车", 0.8), Seen("火", 0.3)]
    assert {label: [seen.confidence for seen in each] for label, each in counted(found, 0.5).items()} == {
        "人": [0.9], "车": [0.8, 0.6],
    }  # fmt: skip
    assert list(counted(found, 0.5, frozenset({"车"}))) == ["车"]


def test_analysers_are_named_once_and_well(monkeypatch):
    monkeypatch.setattr(registered, "_kinds", {})
    register_analyser(AnalyserKind("a.b", "x", "m:n"))
    with pytest.raises(ValueError, match="already"):
        register_analyser(AnalyserKind("a.b", "y", "m:n"))
    for key, entry in (("b", "m:n"), ("A.b", "m:n"), ("a.b", "m"), ("a.b", "os; x:y")):
        with pytest.raises(ValueError, match="analyser"):
            AnalyserKind(key, "x", entry)


# The stream


def test_the_picture_of_now_is_decoded_from_the_last_key_frame_on():
    async def work():
        shown = Shown()
        frames = sent((), (), RECT)

        class Stream:
            async def join(self, _channel, sink):
                for at, data in enumerate(frames):
                    sink.frame(Frame("h264", data, at * 3600, at == 0))
                return await shown.join(0, Sink())

        class Sink:
            def frame(self, frame):
                pass

        shot = await shot_of(5, Stream().join)
        assert shot.frames == list(frames)
        assert shown.sinks == []  # and its place is given up
        assert Worker(Hello("media.tests.analysers:red", {})).do(Job(1, shot.codec, shot.frames)).seen

        async def nothing(_channel, _sink):
            return await shown.join(0, Sink())

        with pytest.raises(NoReplyError):
            await shot_of(5, nothing, 0.01)

    asyncio.run(work())


def test_damaged_key_frames_and_endless_groups_are_not_kept():
    eye = Eye(1, None, whole=True)
    eye.frame(Frame("h264", b"bad", 0, True, True))
    eye.frame(Frame("h264", b"p", 1, False))
    assert eye.newest() is None
    eye.frame(Frame("h264", b"key", 2, True))
    for at in range(400):
        eye.frame(Frame("h264", b"p", 3 + at, False))
    assert eye.newest().frames == [b"key"]


# The queue


def test_the_newest_picture_of_each_task_waits_and_others_are_counted(monkeypatch):
    monkeypatch.setattr(lanes, "Child", Here)
    monkeypatch.setattr(lanes, "MOST_WAITING", 2)

    async def work():
        monkeypatch.setattr(Here, "busy", asyncio.Event())
        lane, done = Lane("tests.slow", Hello("media.tests.analysers:red", {})), []

        async def give(task, mark):
            async def heard(reply):
                done.append((mark, reply is not None))

            await lane.give(task, Job(0, "h264", sent(())), heard)

        await give("a", "a1")
        while lane.waiting:  # it is being looked at
            await asyncio.sleep(0)
        await give("a", "a2")
        await give("b", "b1")
        await give("a", "a3")
        assert done == [("a2", False)]
        await give("c", "c1")  # no room: who waits longest gives way
        assert done == [("a2", False), ("a3", False)]
        Here.busy.set()
        async with asyncio.timeout(5):
            while len(done) < 5:
                await asyncio.sleep(0.001)
        assert done[2:] == [("a1", True), ("b1", True), ("c1", True)]
        await lane.stop()

    asyncio.run(work())
    assert REGISTRY.get_sample_value("sandtable_analysis_skipped_total", {"analyser": "tests.slow"}) == 2


def test_who_waits_for_a_picture_that_is_looked_at_hears_that_the_analyser_is_stopped(monkeypatch):
    monkeypatch.setattr(lanes, "Child", Here)

    async def work():
        monkeypatch.setattr(Here, "busy", asyncio.Event())
        lane = Lane("tests.stopped", Hello("", {}))
        asked = [asyncio.create_task(lanes.looked_at(lane, Job(0))) for _ in range(2)]
        while lane.waiting != 1:  # the first is being looked at
            await asyncio.sleep(0)
        await lane.stop()
        async with asyncio.timeout(10):
            answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(answer) for answer in answers] == [NoReplyError] * 2

    asyncio.run(work())


def test_what_could_not_be_written_down_begins_and_ends_with_the_next_look(monkeypatch):
    monkeypatch.setattr("media.analysis.judging.QUIET_US", 0)
    monkeypatch.setattr("media.analysis.judging.MISSES", 1)
    task, broken, told = Task(1, 5, "tests.red", 1, 0.5), [], []

    def begin(_task, began, _reply, _at_us):
        if broken:
            raise OSError("the disk is full")
        told.append(("began", *began))

    def tell(_task, went_on, ended):
        told.extend([("went on", *went_on)] * bool(went_on) + [("ended", *ended)] * bool(ended))
        return set(went_on)  # all of it was stored as ended meanwhile

    monkeypatch.setattr(at_work.store, "begin_findings", begin)
    monkeypatch.setattr(at_work.store, "tell_findings", tell)

    async def work():
        analyses = Analyses(Database(), None)
        watched = analyses._watched[1] = at_work._Watched(task, Following())

        async def look(label, second):
            reply = Reply(0, seen=[(label, 0.9, (0.0, 0.0, 1.0, 1.0))])
            await analyses._looked(watched, task, reply, second * SECOND)

        await look("车", 0)
        broken.append(True)
        with pytest.raises(OSError, match="full"):
            await look("人", 10)
        broken.clear()
        await look("人", 20)
        assert told == [("began", "车"), ("began", "人"), ("ended", "车")]
        await look("人", 40)
        await look("人", 41)  # what is stored as ended begins anew
        assert told[3:] == [("went on", "人"), ("began", "人")]
        # It is another camera's task now, or none's: a picture given before says nothing any more.
        watched.task = Task(1, 6, "tests.red", 1, 0.5)
        await look("火", 50)
        assert len(told) == 5

    asyncio.run(work())


# All of it


@pytest.mark.django_db
def test_what_is_seen_is_one_finding_while_it_lasts_with_its_key_frame(quick):
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


@pytest.mark.django_db
def test_an_analyser_that_fails_ends_nothing_and_is_told_of(quick, monkeypatch):
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


@pytest.mark.django_db
def test_a_camera_that_is_away_is_tried_again_and_its_task_is_blind(quick, monkeypatch):
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


@pytest.mark.django_db
def test_what_nobody_looks_for_any_more_ends(quick):
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


@pytest.mark.django_db
def test_uploads_are_looked_at_and_raise_nothing(quick):
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


@pytest.mark.django_db
def test_however_many_uploads_were_left_they_go_on_where_they_were(quick, monkeypatch):
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


@pytest.mark.django_db
def test_a_task_that_is_another_cameras_now_begins_anew(quick):
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


@pytest.mark.django_db
def test_findings_are_kept_for_their_time(quick):
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


@pytest.mark.django_db
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
