"""Pictures out of what cameras send and people upload; analysers in processes that bring nobody else down."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from media.analysis import child as childs
from media.analysis import pictures
from media.analysis.blank import Blank
from media.analysis.child import Child, ChildError
from media.analysis.interface import Box, Picture, Seen, checked
from media.analysis.pictures import UnreadableError, decoded
from media.analysis.wire import Hello, Job
from media.analysis.worker import Worker
from media.tests.analysis import SIZE, drawn, film, png, sent

RED = Hello("media.tests.analysers:red", {})
RECT = (40, 24, 32, 24)
BOX = (40 / 160, 24 / 96, 32 / 160, 24 / 96)
AT_US = 1_795_000_000_123_456


def test_the_last_of_the_pictures_is_looked_at_and_kept_with_time_camera_and_place():
    job = Job(1, "h264", sent((), (), RECT), taken_us=AT_US, camera="310101", place=(121.5, -31.25))
    reply = Worker(RED).do(job)
    assert [label for label, *_rest in reply.seen] == ["红", "不确定"]
    assert np.allclose(reply.seen[0][2], BOX, atol=0.02)
    picture = Image.open(io.BytesIO(reply.jpeg))
    assert picture.size == SIZE == (reply.width, reply.height)
    exif = picture.getexif()
    assert exif[ExifTags.Base.ImageDescription] == "310101"
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == "2026:11:18 11:06:40"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    assert (gps[ExifTags.GPS.GPSLongitudeRef], gps[ExifTags.GPS.GPSLongitude]) == ("E", (121.0, 30.0, 0.0))
    assert (gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLatitude]) == ("S", (31.0, 15.0, 0.0))


def test_nothing_found_keeps_nothing_unless_asked():
    worker = Worker(RED)
    assert worker.do(Job(1, "h264", sent(()))).jpeg == b""
    assert worker.do(Job(2, "h264", sent(()), keep=True)).jpeg


def test_a_part_of_the_picture_is_all_the_analyser_sees_and_boxes_are_of_the_whole():
    worker = Worker(RED)
    inside = worker.do(Job(1, "h264", sent(RECT), part=(0.2, 0.2, 0.4, 0.5)))
    assert np.allclose(inside.seen[0][2], BOX, atol=0.03)
    assert not worker.do(Job(2, "h264", sent(RECT), part=(0.6, 0.0, 0.4, 1.0))).seen


def test_files_are_read_second_by_second_up_to_their_end(tmp_path):
    film(tmp_path / "a.mp4", [()] * 10 + [RECT] * 5)
    (tmp_path / "b.png").write_bytes(png(drawn(RECT)))
    worker = Worker(RED)
    video = [worker.do(Job(at, path=str(tmp_path / "a.mp4"), at_s=at)) for at in range(4)]
    assert [bool(reply.seen) for reply in video] == [False, False, True, False]
    assert [reply.over for reply in video] == [False, False, False, True]
    still = [worker.do(Job(at, path=str(tmp_path / "b.png"), at_s=at)) for at in range(2)]
    assert [(bool(reply.seen), reply.over) for reply in still] == [(True, False), (False, True)]


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.mp4", b"\x00" * 400), ("a.png", b"\x89PNG broken"), ("a.mkv", b"#EXTM3U\nfile:///etc/passwd\n"),
     ("a.jpg", b""), ("a.exe", b"MZ")],
)  # fmt: skip
def test_files_that_are_none_are_refused_in_words(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    reply = Worker(RED).do(Job(1, path=str(tmp_path / name)))
    assert reply.unreadable
    assert not reply.fault


def test_rubbish_from_a_camera_is_not_the_analysers_fault():
    for codec, data in (("h264", os.urandom(4000)), ("h264", sent(())[0][:40]), ("svac", b"x"), ("h265", b"")):
        reply = Worker(RED).do(Job(1, codec, [data]))
        assert (bool(reply.unreadable), reply.fault) == (True, "")


def test_pictures_beyond_reason_are_not_opened(monkeypatch):
    monkeypatch.setattr(pictures, "MOST_PIXELS", 100)
    with pytest.raises(UnreadableError):
        decoded("jpeg", [png(drawn())])
    with pytest.raises(UnreadableError):
        decoded("h264", sent(()))


@pytest.mark.parametrize(
    "found",
    [[Seen("", 0.5)], [Seen("x" * 65, 0.5)], [Seen("x", 1.01)], [Seen("x", float("nan"))], [Seen("x", -0.1)],
     [Seen("x", 0.5, Box(0, 0, 0, 1))], [Seen("x", 0.5, Box(1.5, 0, 1, 1))], [Seen("x", 0.5, Box(0, 0, 1, np.inf))],
     [Seen("x", 0.5)] * 101, [("x", 0.5)], [Seen(None, 0.5)], [Seen("a\0b", 0.5)]],
)  # fmt: skip
def test_what_no_analyser_may_say(found):
    with pytest.raises((ValueError, TypeError)):
        checked(found, Box(0, 0, 1, 1))


def test_a_picture_that_shows_nothing_is_told_from_one_that_does():
    flat = np.full((96, 160, 3), 14, np.uint8)
    (seen,) = Blank().look(Picture(flat, 0, ""))
    assert seen.confidence > 0.9
    assert not Blank().look(Picture(drawn(), 0, ""))


def test_processes_of_analysers_die_alone_and_are_begun_anew(monkeypatch):
    async def work():
        well = Child(RED)
        job = Job(0, "h264", sent(RECT))
        try:
            assert (await well.ask(job)).seen
            first = well.pid
            assert (await well.ask(job)).seen
            assert well.pid == first
            os.kill(first, 9)
            with pytest.raises(ChildError, match="-9"):
                await well.ask(job)
            assert (await well.ask(job)).seen
            assert well.pid != first
            last = well.pid
        finally:
            await well.stop()
        assert not Path(f"/proc/{last}").exists()

    asyncio.run(work())


def test_one_that_hangs_is_killed_one_that_cannot_be_had_says_why(monkeypatch):
    monkeypatch.setattr(childs, "END_S", 0.05)

    async def work():
        job = Job(0, "h264", sent(RECT))
        hangs = Child(Hello("media.tests.analysers:ill", {"how": "hangs"}))
        try:
            with pytest.raises(ChildError, match="no answer"):
                await hangs.ask(job, 0.2)
            assert not hangs.alive
        finally:
            await hangs.stop()
        with pytest.raises(ChildError, match=r"ModuleNotFoundError: .*nowhere"):
            await Child(Hello("media.tests.nowhere:make", {})).ask(job)

    asyncio.run(work())


def test_one_that_dies_or_talks_disturbs_nothing_and_knows_nothing_of_ours(monkeypatch):
    monkeypatch.setenv("SANDTABLE_DATA_KEY", "secret")

    async def work():
        job = Job(0, "h264", sent(RECT))
        dies = Child(Hello("media.tests.analysers:ill", {"how": "dies"}))
        with pytest.raises(ChildError, match="-6"):
            await dies.ask(job)
        talks = Child(Hello("media.tests.analysers:ill", {"how": "talks"}))
        try:
            reply = await talks.ask(job)
            assert "SANDTABLE" not in reply.seen[0][0]
            assert "OMP_NUM_THREADS" in reply.seen[0][0]
        finally:
            await talks.stop()

    asyncio.run(work())
