"""Recordings: files that players take, a chain that shows tampering, crashes that cost a fragment, deleting."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from io import StringIO
from itertools import pairwise
from pathlib import Path
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
from django.core.management import call_command
from django.utils import timezone

from access.models import AuditRecord
from media.exceptions import MediaError, NotOfferedError
from media.recordings import keeping, places
from media.recordings.bits import read_sps
from media.recordings.cut import plan_cut
from media.recordings.finding import stretches
from media.recordings.keeping import expire, make_room, move_all_away, verify
from media.recordings.ledger import take_up_again
from media.recordings.models import RecordingMark, RecordingRemoval, RecordingSegment
from media.recordings.reading import codecs_of, fragments, header_of, key_points
from media.recordings.ring import Purse, Ring
from media.recordings.segment import SegmentFile
from media.recordings.tracks import sets_of
from media.recordings.wanting import Order, Plan, Want, wanted
from media.rtp.frames import Frame
from media.simulator.clip import drawn, encoded
from media.tests.recordings import FPS, START_US, STEP, channel, pictures, record
from media.tests.sounds import heard, with_tone
from twin.periods import CITY_TIME, read_periods

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SECOND = 1_000_000


@pytest.fixture
def folder(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    return places.folder()


def probe(path, *more):
    """What ffprobe says of a file; its complaints are part of it."""
    words = ["ffprobe", "-v", "warning", "-count_frames", "-of", "json", "-show_streams", "-show_format", *more]
    told = subprocess.run([*words, str(path)], capture_output=True, text=True, check=True)
    assert told.stderr == ""
    return json.loads(told.stdout)


@pytest.mark.django_db
def test_a_minute_becomes_a_file_that_players_take(folder):
    camera = channel()
    record(camera.pk, folder, pictures(130, sound="aac"))
    rows = list(RecordingSegment.objects.order_by("number"))
    assert [row.number for row in rows] == [1, 2, 3]
    assert [row.state for row in rows] == ["kept"] * 3
    assert [(row.ends_at - row.starts_at).total_seconds() for row in rows] == [60, 60, 10]
    assert rows[0].ends_at == rows[1].starts_at
    assert rows[0].codecs == "avc1.42c01e,mp4a.40.2"
    assert (rows[0].width, rows[0].height) == (32, 32)
    told = probe(folder / rows[0].name)
    video, sound = told["streams"]
    assert (video["codec_name"], video["codec_tag_string"], video["nb_read_frames"]) == ("h264", "avc1", "1500")
    assert (sound["codec_name"], sound["sample_rate"]) == ("aac", "8000")
    assert float(told["format"]["duration"]) == pytest.approx(60, abs=0.2)
    with places.opened(rows[0]) as (read, size):
        points, _end = key_points(read, size)
        _header, at = header_of(read, size)
        walked = [(each.parts[1].begins, each.offset) for each in fragments(read, size, at) if each.key]
    assert [tuple(point) for point in points] == walked
    assert len(points) == 60


@pytest.mark.django_db
@pytest.mark.parametrize("codec", ["g711a", "g711u"])
def test_sound_of_g711_is_kept_as_aac_and_says_what_was_said(folder, codec):
    """A tone of 500 Hz that begins in the third second is heard there, and is of 500 Hz."""
    camera = channel()
    record(camera.pk, folder, [*with_tone(6, codec, 500, 2.0)])
    (row,) = RecordingSegment.objects.all()
    assert (row.codecs, row.left_out) == ("avc1.42c01e,mp4a.40.2", "")
    video, sound = probe(folder / row.name)["streams"]
    assert (sound["codec_name"], sound["sample_rate"], sound["channels"]) == ("aac", "8000", 1)
    assert float(sound["duration"]) == pytest.approx(float(video["duration"]), abs=0.3)
    samples, rate = heard(folder / row.name)
    loud = np.abs(samples) > 0.1
    assert np.flatnonzero(loud)[0] / rate == pytest.approx(2.0, abs=0.1)
    assert not loud[: int(1.8 * rate)].any()
    tone = samples[int(3 * rate) : int(5 * rate)]
    assert np.abs(np.fft.rfft(tone)).argmax() * rate / len(tone) == pytest.approx(500, abs=2)


@pytest.mark.django_db
def test_a_cut_is_one_file_that_begins_with_a_key_frame(folder, tmp_path):
    camera = channel()
    record(camera.pk, folder, pictures(70, sound="aac"))
    rows = list(RecordingSegment.objects.order_by("starts_at"))
    cut = plan_cut(rows, START_US + 55_500_000, START_US + 63_200_000)
    assert (cut.starts_us - START_US, cut.ends_us - START_US) == (55 * SECOND, 64 * SECOND)
    data = b"".join(cut.read())
    assert len(data) == cut.size
    (tmp_path / "cut.mp4").write_bytes(data)
    video, sound = probe(tmp_path / "cut.mp4")["streams"]
    assert (video["nb_read_frames"], float(video["duration"])) == (str(9 * FPS), 9)
    assert float(sound["duration"]) == pytest.approx(9, abs=0.3)
    assert cut.sha256() == plan_cut(rows, START_US + 55_500_000, START_US + 63_200_000).sha256()
    with pytest.raises(MediaError):
        plan_cut(rows, START_US - 10 * SECOND, START_US - SECOND)


def test_pictures_that_are_shown_in_another_order_keep_their_times(folder, tmp_path):
    """A group of I, P and B pictures, as an encoder sends them: each shown when it should be."""
    order = [0, 3, 1, 2, 6, 4, 5]
    frames = [
        Frame("h264", picture.data, 9000 + shown * STEP, picture.key)
        for picture, shown in zip(drawn(2, 2, 7), order, strict=False)
    ]
    file = SegmentFile(tmp_path / "b.mp4", "h264", sets_of(frames[0].data, "h264"), START_US, frames)
    file.add(frames, 9000 + 7 * STEP)
    file.close()
    words = ["ffprobe", "-v", "error", "-show_entries", "packet=pts", "-of", "csv=p=0", str(tmp_path / "b.mp4")]
    shown = [int(line) for line in subprocess.run(words, capture_output=True, text=True).stdout.split()]
    assert [each - shown[0] for each in shown] == [each * STEP for each in order]


def test_what_is_wanted_follows_plans_orders_and_the_time():
    night = Plan("schedule", frozenset({1}), 30, periods=read_periods([{"kind": "night"}]))
    plans = [
        night,
        Plan("alert", frozenset({1, 2}), 365, before_s=60),
        Plan("continuous", frozenset({3}), 7, early=True),
    ]
    noon, midnight = (datetime(2026, 11, 21, hour, tzinfo=CITY_TIME).timestamp() * 1e6 for hour in (12, 0))
    by_day = wanted(plans, [], int(noon))
    assert {channel: (sorted(want.reasons), want.ring_s) for channel, want in by_day.items()} == {
        1: ([], 60), 2: ([], 60), 3: (["continuous"], 0),
    }  # fmt: skip
    assert by_day[3].early
    assert wanted(plans, [], int(midnight))[1].reasons == {"schedule"}
    since = int(noon) - 60 * SECOND
    asked = [Order(2, "alert", since, int(noon) + SECOND, 365), Order(3, "hand", since, None, 30),
             Order(1, "hand", since, int(noon), 30)]  # fmt: skip
    told = wanted(plans, asked, int(noon))
    assert (told[2].reasons, told[2].since_us, told[2].days) == ({"alert"}, since, 365)
    assert (told[3].reasons, told[3].days, told[3].early) == ({"continuous", "hand"}, 30, False)
    assert told[1].reasons == set()


def test_a_ring_remembers_a_minute_within_bounds():
    purse = Purse(1 << 30)
    ring = Ring(10, purse)
    for frame, at_us in pictures(30):
        ring.push(frame, at_us)
    held = [at_us for _frame, at_us in ring.since(0)]
    assert (held[0] - START_US) / SECOND == 19
    assert (held[-1] - START_US) / SECOND == 29.96
    assert next(at_us for _frame, at_us in ring.since(START_US + 25_500_000)) == START_US + 25 * SECOND
    assert purse.held == sum(len(frame.data) for frame, _at in ring.since(0))
    purse.most = 1
    for frame, at_us in pictures(1):
        ring.push(frame, at_us)
    assert purse.held <= 1


@pytest.mark.django_db
def test_a_camera_whose_clock_jumps_or_that_stops_leaves_a_gap_and_no_overlap(folder):
    camera = channel()
    frames = list(pictures(90))
    jumped = [(frame._replace(pts=frame.pts + (i > 500) * 900_000), at_us) for i, (frame, at_us) in enumerate(frames)]
    del jumped[1000:1100]
    record(camera.pk, folder, jumped)
    rows = list(RecordingSegment.objects.order_by("number"))
    assert len(rows) >= 3
    assert all(before.ends_at <= after.starts_at for before, after in pairwise(rows))
    assert stretches(camera.pk, rows[0].starts_at, rows[-1].ends_at)[0][0] == rows[0].starts_at
    assert list(verify(camera)) == []


@pytest.mark.django_db
def test_the_chain_says_what_was_done_to_it(folder):
    camera = channel()
    record(camera.pk, folder, pictures(200))
    _first, second, third, _fourth = RecordingSegment.objects.order_by("number")
    assert list(verify(camera)) == []
    path = folder / second.name
    good = path.read_bytes()
    path.write_bytes(good[:-9] + bytes([good[-9] ^ 1]) + good[-8:])
    assert [(fault.number, fault.what) for fault in verify(camera)] == [(2, "file_changed")]
    path.unlink()
    assert [(fault.number, fault.what) for fault in verify(camera)] == [(2, "file_missing")]
    path.write_bytes(good)
    rows = RecordingSegment.objects
    rows.filter(pk=third.pk).update(starts_at=third.starts_at + timedelta(seconds=1))
    assert [(fault.number, fault.what) for fault in verify(camera)] == [(3, "changed")]
    rows.filter(pk=third.pk).update(starts_at=third.starts_at)
    # Two swapped, files and all: neither fits where it stands.
    rows.filter(pk=second.pk).update(number=99)
    rows.filter(pk=third.pk).update(number=2)
    rows.filter(pk=second.pk).update(number=3)
    assert {(2, "changed"), (3, "changed"), (3, "order")} <= {(f.number, f.what) for f in verify(camera)}
    rows.filter(pk=third.pk).update(number=99)
    rows.filter(pk=second.pk).update(number=2)
    rows.filter(pk=third.pk).update(number=3)
    assert list(verify(camera)) == []
    rows.filter(pk=second.pk).delete()
    with pytest.raises(SystemExit):
        call_command("recordings", "verify", stdout=(told := StringIO()))
    assert "第 2 段" in told.getvalue()
    # What is deleted in good order leaves the chain whole.
    other = channel("31010100001310000002")
    record(other.pk, folder, pictures(130))
    rows.filter(channel=other, number__lte=2).update(expires_at=timezone.now())
    assert expire(timezone.now()) == 2
    assert list(verify(other)) == []
    assert RecordingRemoval.objects.get(channel=other).last == 2
    record(other.pk, folder, [(frame, at_us + 600 * SECOND) for frame, at_us in pictures(2)])
    assert [row.number for row in rows.filter(channel=other).order_by("number")] == [3, 4]
    assert list(verify(other)) == []


@pytest.mark.django_db
def test_what_is_held_is_never_deleted(folder, monkeypatch):
    camera = channel()
    record(camera.pk, folder, pictures(200), Want({"continuous"}, days=7, early=True))
    rows = RecordingSegment.objects.order_by("number")
    second = rows[1]
    mark = RecordingMark.objects.create(
        channel=camera, kind="case", number="沪A-1", starts_at=second.starts_at + timedelta(seconds=5),
        ends_at=second.ends_at - timedelta(seconds=5),
    )  # fmt: skip
    note = RecordingMark.objects.create(channel=camera, starts_at=rows[0].starts_at, ends_at=rows[0].ends_at)
    late = timezone.now() + timedelta(days=4000)
    monkeypatch.setattr(keeping.shutil, "disk_usage", lambda _path: SimpleNamespace(total=1000, used=950, free=50))
    assert make_room() == 1  # one is enough for 50 bytes
    assert expire(late) == 2
    assert [row.pk for row in rows] == [second.pk]
    assert (folder / second.name).exists()
    assert sorted(path.name for path in folder.rglob("*.mp4")) == [second.name.split("/")[-1]]
    assert [(row.first, row.last, row.why) for row in RecordingRemoval.objects.order_by("first")] == [
        (1, 1, "pressure"), (3, 4, "expired"),
    ]  # fmt: skip
    assert list(verify(camera)) == []
    assert AuditRecord.objects.filter(action="delete", detail__why="pressure").count() == 1
    assert note.holds is False
    mark.released_at = timezone.now()
    mark.save()
    assert expire(late) == 1
    assert list(verify(camera)) == []
    # What may not go early stays, however full the disk is.
    record(camera.pk, folder, [(frame, at_us + 900 * SECOND) for frame, at_us in pictures(2)])
    assert make_room() == 0


WRITES = """
import sys, time
from pathlib import Path
from media.recordings.recorder import Recorder
from media.recordings.wanting import Want
from media.recordings.writer import Writer
from media.tests.recordings import pictures
writer = Writer()
recorder = Recorder(int(sys.argv[2]), Path(sys.argv[1]), writer)
for frame, at_us in pictures(3600):
    recorder.take(frame, at_us, Want({"hand"}, days=30))
    if frame.pts > 75 * 90_000:
        while writer.waiting: time.sleep(0.01)
        print(at_us, flush=True)
        time.sleep(0.001)
"""


@pytest.mark.slow
@pytest.mark.django_db
def test_a_killed_process_costs_a_fragment_at_most(folder):
    camera = channel()
    words = [sys.executable, "-c", "import django, os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings'\n"
             "django.setup()\n" + WRITES, str(folder), str(camera.pk)]  # fmt: skip
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    given_us = [int(process.stdout.readline()) for _ in range(60)][-1]
    process.send_signal(signal.SIGKILL)
    given_us = max([given_us, *map(int, process.communicate()[0].split())])
    assert process.returncode == -signal.SIGKILL
    cut_off = max(folder.rglob("*.mp4"), key=lambda path: path.stem)
    cut_off.write_bytes(cut_off.read_bytes() + b"\0\0\1\0moof half a fragment")
    assert take_up_again(folder) == 2
    rows = list(RecordingSegment.objects.order_by("number"))
    assert [row.state for row in rows] == ["kept", "kept"]
    assert given_us - rows[-1].ends_at.timestamp() * 1e6 <= 2.1 * SECOND  # a fragment of a second, and its last picture
    assert list(verify(camera)) == []
    assert probe(folder / rows[-1].name)["streams"][0]["codec_name"] == "h264"
    assert take_up_again(folder) == 0
    # A row whose file is gone, and a file that is nothing: told, and nothing invented.
    RecordingSegment.objects.filter(pk=rows[-1].pk).update(state="writing", link="")
    (folder / rows[-1].name).write_bytes(b"nothing")
    assert take_up_again(folder) == 1
    assert RecordingSegment.objects.get(pk=rows[-1].pk).state == "lost"
    assert list(verify(camera)) == []


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_what_an_encoder_gives_is_decoded_whole(codec, tmp_path):
    try:
        clip = encoded("176x144", 200, codec, seconds=1)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"no encoder of {codec}")
    frames = [Frame(codec, picture.data, 7 + i * STEP, picture.key) for i, picture in enumerate(clip)]
    file = SegmentFile(tmp_path / "a.mp4", codec, sets_of(frames[0].data, codec), START_US, frames)
    file.add(frames, 7 + len(frames) * STEP)
    sha256 = file.close()
    assert hashlib.sha256((tmp_path / "a.mp4").read_bytes()).hexdigest() == sha256
    (video,) = probe(tmp_path / "a.mp4")["streams"]
    assert (video["width"], video["height"], video["nb_read_frames"]) == (176, 144, str(len(frames)))
    data = (tmp_path / "a.mp4").read_bytes()
    assert codecs_of(header_of(lambda at, count: data[at : at + count], len(data))[0]) == file.codecs


@pytest.mark.django_db
def test_files_that_are_gone_after_a_restore_are_said_so_and_are_back_with_them(folder):
    """A backup holds the register: where it is restored without the recordings, they are missing, not broken."""
    camera = channel()
    record(camera.pk, folder, pictures(130))
    first, second, third = RecordingSegment.objects.order_by("number")
    elsewhere = folder / "elsewhere.mp4"
    (folder / second.name).rename(elsewhere)
    assert take_up_again(folder) == 0
    span = (first.starts_at - timedelta(hours=1), third.ends_at + timedelta(hours=1))
    assert stretches(camera.pk, *span) == [(first.starts_at, first.ends_at), (third.starts_at, third.ends_at)]
    assert stretches(camera.pk, *span, ["missing"]) == [(second.starts_at, second.ends_at)]
    assert [(fault.number, fault.what) for fault in verify(camera)] == [(2, "file_missing")]
    plan_cut([first, third], START_US, START_US + 10 * SECOND)
    # What is recorded from now on goes on behind it; and the file may be put back.
    record(camera.pk, folder, [(frame, at_us + 600 * SECOND) for frame, at_us in pictures(10)])
    assert RecordingSegment.objects.latest("number").number == 4
    elsewhere.rename(folder / second.name)
    assert take_up_again(folder) == 0
    assert len(stretches(camera.pk, *span)) == 2
    assert list(verify(camera)) == []


def test_files_that_are_none_of_ours_are_refused_and_cost_little(tmp_path):
    frames = [frame for frame, _at in pictures(2)]
    file = SegmentFile(tmp_path / "a.mp4", "h264", sets_of(frames[0].data, "h264"), START_US, frames)
    file.add(frames, frames[-1].pts + STEP)
    file.close()
    good = (tmp_path / "a.mp4").read_bytes()
    dice = Random(7)
    for _ in range(300):
        bad = bytearray(good)
        for _ in range(dice.randint(1, 6)):
            bad[dice.randrange(len(bad) if dice.random() < 0.3 else 900)] = dice.randrange(256)
        bad = bytes(bad[: dice.choice([len(bad), dice.randrange(len(bad))])])

        def read(at, count, bad=bad):
            return bad[at : at + count]

        try:
            _points, end = key_points(read, len(bad))
            assert end <= len(bad)
            _header, at = header_of(read, len(bad))
            assert len(list(fragments(read, len(bad), at))) <= 1
        except MediaError:
            pass
    for sps in (b"g", b"\x67\x64\x00\x1e", b"\x67" + bytes(40), b"\x67" + b"\xff" * 40):
        with pytest.raises(MediaError):
            read_sps(sps, "h264")
            raise NotOfferedError("read as something")


@pytest.mark.django_db
def test_what_has_ended_moves_to_its_store_and_is_read_there(folder, settings, tmp_path):
    settings.RECORDINGS_URL = str(tmp_path / "away")
    camera = channel()
    record(camera.pk, folder, pictures(70))
    assert move_all_away() == 2
    assert [row.away for row in RecordingSegment.objects.all()] == [True, True]
    assert list(folder.rglob("*.mp4")) == []
    assert len(list((tmp_path / "away").rglob("*.mp4"))) == 2
    assert list(verify(camera)) == []
    rows = list(RecordingSegment.objects.order_by("starts_at"))
    cut = plan_cut(rows, START_US + 58 * SECOND, START_US + 62 * SECOND)
    assert len(b"".join(cut.read())) == cut.size
    assert take_up_again(folder) == 0
    RecordingSegment.objects.update(expires_at=timezone.now())
    assert expire(timezone.now()) == 2
    assert list((tmp_path / "away").rglob("*.mp4")) == []
    assert move_all_away() == 0
