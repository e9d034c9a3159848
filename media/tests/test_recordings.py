"""Recordings: files that players take, a register whose chain shows tampering, crashes that cost a fragment, deleting."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from media.exceptions import MediaError
from media.recordings import places
from media.recordings.bits import read_sps
from media.recordings.cut import plan_cut
from media.recordings.ledger import take_up_again
from media.recordings.models import RecordingSegment
from media.recordings.reading import fragments, header_of, key_points
from media.recordings.repair import repair
from media.recordings.wanting import Order, Plan, Want, wanted
from media.tests.recordings import FPS, START_US, channel, pictures, record
from twin.periods import read_periods

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
