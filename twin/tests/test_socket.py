"""Live conversations on the event loop: what is said, and that a slow listener holds up nobody."""

from __future__ import annotations

import asyncio
import json

import numpy as np
import pyarrow as pa
import pytest
from django.db import OperationalError

from twin.live import doorkeeper, line
from twin.live.conversation import Conversation
from twin.live.frames import ASSETS_BATCH, ASSETS_SCHEMA, decode_update, encode_update
from twin.live.hub import Hub
from twin.live.line import Leave
from twin.live.viewer import Sight
from twin.tests.states import states

EVERYTHING = Sight(True, np.zeros(1, bool), np.zeros(1, bool))
HUGE = '{"type":"view","bbox":[1' + "0" * 400 + ',1,2,2],"zoom":9}'
VIEW = {"type": "websocket.receive", "text": json.dumps({"type": "view", "bbox": [120, 30, 123, 32], "zoom": 12})}


class Browser:
    """The other end: takes what is sent, but only while its gate is open."""

    def __init__(self, hub):
        self.inbox = asyncio.Queue()
        self.events = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.talk = asyncio.create_task(self._converse(hub))

    async def _converse(self, hub):
        conversation = Conversation(hub, "session", "zh-hans", self.inbox.get, self._send)
        try:
            await conversation.run()
        except Leave as leave:
            await conversation.bye(leave)

    async def _send(self, event):
        await self.gate.wait()
        self.events.append(event)

    def texts(self):
        return [json.loads(event["text"]) for event in self.events if event.get("text")]

    def batches(self):
        pieces = [event["bytes"] for event in self.events if event.get("bytes")]
        schema = next((pa.ipc.read_schema(pa.py_buffer(p[1:])) for p in pieces if p[0] == ASSETS_SCHEMA), None)
        return [pa.ipc.read_record_batch(p[1:], schema).to_pydict() for p in pieces if p[0] == ASSETS_BATCH]

    async def leave(self):
        self.gate.set()
        await self.inbox.put({"type": "websocket.disconnect"})
        await asyncio.wait_for(self.talk, 5)


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


def move(hub, lon, time_ms):
    update = decode_update(encode_update(1, states(asset=[1], lon=[lon], time_ms=[time_ms])))
    hub.world.apply(update.columns)
    hub.beat.wake()


@pytest.fixture
def who(monkeypatch):
    """Whoever holds the session; tests change it."""
    holder = {"answer": ("all", EVERYTHING)}

    async def in_database(_work, asked):
        return [holder["answer"] for _question in asked]

    monkeypatch.setattr(doorkeeper, "in_database", in_database)
    return holder


@pytest.fixture
def hub():
    hub = Hub()
    hub.world.replace(states(asset=[1, 2], lon=[121.1, 121.2]))
    hub.ready = True
    return hub


def test_hello_then_reset_schema_and_everything(hub, who):
    async def story():
        browser = Browser(hub)
        await browser.inbox.put(VIEW)
        await until(browser.batches)
        await browser.leave()
        hello, *rest = browser.texts()
        assert hello["type"] == "hello"
        assert {kind["key"] for kind in hello["kinds"]} >= {"machine", "person", "vehicle", "drone"}
        assert [status["key"] for status in hello["statuses"]] == ["idle", "working", "alert", "off"]
        assert [text["type"] for text in rest if text["type"] != "pulse"] == ["reset"]
        assert browser.batches()[0]["id"] == [1, 2]

    asyncio.run(story())


def test_a_slow_browser_holds_up_nobody_and_gets_the_newest(hub, who):
    async def story():
        slow, quick = Browser(hub), Browser(hub)
        for browser in (slow, quick):
            await browser.inbox.put(VIEW)
            await until(browser.batches)
        slow.gate.clear()
        for step in range(1, 4):
            move(hub, 121.1 + step / 100, 2000 + step)
            await until(lambda step=step: len(quick.batches()) > step)
        assert len(slow.batches()) == 1
        slow.gate.set()
        await until(lambda: len(slow.batches()) > 1)
        await asyncio.sleep(0.6)
        told = [lon for batch in slow.batches()[1:] for lon in batch["lon"]]
        # One answer was on its way when the line stopped; the next one holds the newest, nothing between.
        assert told[-1] == pytest.approx(121.13)
        assert len(told) <= 2
        await slow.leave()
        await quick.leave()

    asyncio.run(story())


def test_nonsense_gets_an_error_and_the_talk_goes_on(hub, who):
    async def story():
        browser = Browser(hub)
        for text in ("{", "[]", '{"type":"view","bbox":[1],"zoom":1}', '{"type":"x"}', "9" * 2000, HUGE):
            await browser.inbox.put({"type": "websocket.receive", "text": text})
        await browser.inbox.put({"type": "websocket.receive", "bytes": b"\0"})
        await browser.inbox.put(VIEW)
        await until(browser.batches)
        await browser.leave()
        assert [text["type"] for text in browser.texts()].count("error") == 7

    asyncio.run(story())


def test_the_end_of_a_session_ends_the_talk(hub, who, monkeypatch):
    async def story():
        browser = Browser(hub)
        await browser.inbox.put(VIEW)
        await until(browser.batches)
        who["answer"] = None
        hub.sight_version += 1
        await asyncio.wait_for(browser.talk, 5)
        assert browser.texts()[-1] == {"type": "bye", "reason": "session"}
        assert browser.events[-1] == {"type": "websocket.close", "code": line.CLOSE_SESSION}

    asyncio.run(story())


def test_a_narrowed_scope_is_in_force_on_an_open_socket(hub, who):
    async def story():
        browser = Browser(hub)
        await browser.inbox.put(VIEW)
        await until(browser.batches)
        who["answer"] = ("narrow", Sight(False, np.zeros(1, bool), np.zeros(1, bool)))
        hub.sight_version += 1
        await until(lambda: len(browser.batches()) > 1)
        await browser.leave()
        assert browser.batches()[-1]["left"] == [True, True]

    asyncio.run(story())


def test_a_browser_that_takes_nothing_is_let_go(hub, who, monkeypatch):
    monkeypatch.setattr(line, "SLOWEST_SEND_S", 0.2)

    async def story():
        browser = Browser(hub)
        await browser.inbox.put(VIEW)
        await until(browser.batches)
        browser.gate.clear()
        move(hub, 121.3, 2000)
        await asyncio.wait_for(browser.talk, 5)

    asyncio.run(story())


def test_without_a_database_the_browser_is_sent_away_to_come_back(hub, who, monkeypatch):
    async def away(*_arguments):
        raise OperationalError("server closed the connection")

    async def story():
        browser = Browser(hub)
        await browser.inbox.put(VIEW)
        await until(browser.batches)
        monkeypatch.setattr(doorkeeper, "in_database", away)
        hub.sight_version += 1
        await asyncio.wait_for(browser.talk, 5)
        assert browser.texts()[-1] == {"type": "bye", "reason": "stopping"}
        assert browser.events[-1] == {"type": "websocket.close", "code": line.CLOSE_LATER}

    asyncio.run(story())
