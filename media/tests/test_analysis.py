"""Of analysers at work the parts: what counts and lasts, the picture of now, the queue."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import REGISTRY

from media.analysis import analyses as at_work
from media.analysis import lane as lanes
from media.analysis import registered
from media.analysis.analyses import Analyses
from media.analysis.eye import Eye, shot_of
from media.analysis.interface import Seen
from media.analysis.judging import QUIET_US, Following, Task, counted
from media.analysis.lane import Lane
from media.analysis.registered import AnalyserKind, register_analyser
from media.analysis.wire import Hello, Job, Reply
from media.analysis.worker import Worker
from media.exceptions import NoReplyError
from media.rtp.frames import Frame
from media.tests.analysing import Database, Here
from media.tests.analysis import Shown, sent

RECT = (40, 24, 32, 24)
SECOND = 1_000_000


# What counts and lasts


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
