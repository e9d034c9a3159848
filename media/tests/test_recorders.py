"""The recorders at work on a stream that runs: an alert gets the time before it, what crashes is taken up again."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

import pytest

from gis.notices import connection_parameters
from media.exceptions import OfflineError
from media.recordings import places
from media.recordings.keeping import verify
from media.recordings.models import RecordingPolicy, RecordingSegment
from media.recordings.recorders import Recorders
from media.recordings.store import end_orders, order
from media.rtp.frames import Frame
from media.simulator.clip import drawn
from media.tests.recordings import FPS, STEP, channel
from twin.database import DatabaseThread

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


class Camera:
    """A stream that can be joined, offline at first; gives a key frame a second, and the last ones at once."""

    def __init__(self):
        self.tries, self.sinks, self.given = 0, [], []

    async def join(self, channel, sink):
        self.tries += 1
        if self.tries == 1:
            raise OfflineError("not there yet")
        for frame in self.given[len(self.given) // FPS * FPS :]:
            sink.frame(frame)
        self.sinks.append(sink)
        return self

    def leave(self):
        self.sinks.clear()

    async def run(self):
        clip = drawn(2, 2, FPS)
        for i in range(1 << 20):
            picture = clip[i % len(clip)]
            self.given.append(Frame("h264", picture.data, i * STEP, picture.key))
            for sink in self.sinks:
                sink.frame(self.given[-1])
            await asyncio.sleep(1 / FPS)


def test_what_was_before_is_recorded_with_what_follows(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    camera = channel()
    policy = RecordingPolicy.objects.create(name="预警", mode="alert", before_s=60)
    rows = RecordingSegment.objects

    async def work():
        stream, database = Camera(), DatabaseThread("test")

        async def until(true):
            async with asyncio.timeout(90):
                while not await database.do(true):
                    await asyncio.sleep(0.05)

        recorders = Recorders(stream.join, list, places.folder(), connection_parameters())
        tasks = [asyncio.create_task(stream.run()), asyncio.create_task(recorders.run())]
        await until(lambda: recorders._purse.held > 0)
        await asyncio.sleep(1.5)
        assert await database.do(rows.count) == 0
        asked_at = (await database.do(order, camera, "试", None)).starts_at
        await until(lambda: rows.filter(state="writing", size_bytes__gt=0).exists())
        await database.do(end_orders, camera)
        await until(lambda: rows.filter(state="kept").exists())
        await database.do(policy.delete)
        await until(lambda: not stream.sinks)
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await database.stop()
        return asked_at

    asked_at = asyncio.run(work())
    row = rows.get()
    assert (row.reasons, row.state, row.retention_days) == ("hand", "kept", 30)
    assert row.starts_at <= asked_at < row.ends_at
    assert asked_at - row.starts_at < timedelta(seconds=62)  # a minute before, and the key frame before that
    assert list(verify(camera)) == []
