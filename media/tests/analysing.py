"""Analysers at work without processes: what tests of tasks, uploads and queues share."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from asgiref.sync import sync_to_async
from prometheus_client import REGISTRY

from media.analysis import analyses as at_work
from media.analysis import lane as lanes
from media.analysis import questions, registered
from media.analysis.analyses import Analyses
from media.analysis.child import ChildError
from media.analysis.registered import AnalyserKind, register_analyser
from media.analysis.worker import Worker


class Here:
    """An analyser's process that is none: quick, and as ill as it is told to be."""

    ill, busy = "", None

    def __init__(self, hello):
        self._worker = Worker(hello)

    async def ask(self, job, within_s=0.0):
        if self.busy is not None:
            await self.busy.wait()
        if self.ill:
            raise ChildError(self.ill)
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
