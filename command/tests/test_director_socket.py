"""Walls and tablets on the live socket, in two web processes that hear each other over the broker's topic."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from access.models import Grant
from command.director import store
from command.director.models import Wall
from command.director.push import WALL_TOPICS, WallFeed, WallTeller
from twin.live.conversation import Conversation
from twin.live.database import close_connection, in_database
from twin.live.feeds import Feed
from twin.live.hub import Hub
from twin.live.line import Leave

pytestmark = pytest.mark.django_db(transaction=True)

VIEW = {"lon": 121.5, "lat": 31.2, "zoom": 11.0, "pitch": 0.0, "bearing": 0.0}


class Page:
    """One browser on one web process."""

    def __init__(self, hub, client):
        self.inbox = asyncio.Queue()
        self.heard = []
        talk = Conversation(hub, client.session.session_key, "zh-hans", self.inbox.get, self._take)
        self.talk = asyncio.create_task(self._converse(talk))

    async def _converse(self, talk):
        try:
            await talk.run()
        except Leave as leave:
            await talk.bye(leave)

    async def _take(self, event):
        if event.get("text"):
            self.heard.append(json.loads(event["text"]))

    async def say(self, **message):
        await self.inbox.put({"type": "websocket.receive", "text": json.dumps(message)})

    async def hears(self, kind, condition=lambda message: True):
        async with asyncio.timeout(10):
            while True:
                for message in self.heard:
                    if message["type"] == kind and condition(message):
                        return message
                await asyncio.sleep(0.01)

    async def leave(self):
        await self.inbox.put({"type": "websocket.disconnect"})
        await asyncio.wait_for(self.talk, 10)


@pytest.fixture
def town_for_good(rulebook, transactional_db):
    from command.tests.people import Town

    return Town()


@asynccontextmanager
async def processes(count=2):
    """Web processes; what one publishes the others take in, as the broker would bring it."""
    hubs = [Hub() for _number in range(count)]

    def bring(origin):
        def publish(topic, payload):
            assert topic.startswith(WALL_TOPICS.rstrip("+"))
            for hub in hubs:
                if hub is not origin:
                    hub.feeds[0].take(hub.feeds[0].source.read(payload))

        return publish

    for hub in hubs:
        hub.feeds = [Feed(WallFeed(), WallTeller)]
        hub.feeds[0].replace([], 0)
        hub.feeds[0].publish = bring(hub)
        hub.ready = True
    try:
        yield hubs
    finally:
        await close_connection()


def wall_state(**more):
    return {"type": "wall_state", "state": {"view": VIEW, "layers": ["a.b"]}, "done": 0, **more}


def test_from_tablet_to_wall_and_back(town_for_good):
    town = town_for_good
    clients = {name: town.client(name) for name in ("city", "west", "east")}

    async def story():
        async with processes() as (here, there):
            wall, tablet, foreign = (
                Page(here, clients["west"]),
                Page(there, clients["city"]),
                Page(there, clients["east"]),
            )
            for page in (tablet, foreign):
                await page.say(type="director")
                await page.hears("walls")
            await wall.say(type="wall", key=str(uuid4()), name="大厅")
            welcome = await wall.hears("wall")
            assert (welcome["named"], welcome["run"]) == ("大厅", None)
            await wall.say(**wall_state())
            told = await tablet.hears("wall_now", lambda m: m["wall"]["state"])
            assert (told["wall"]["name"], told["wall"]["state"]["layers"]) == ("大厅", ["a.b"])
            assert not {"sees", "orders"} & set(told["wall"])

            def give(deed):
                given = store.give(welcome["id"], {"do": deed}, town.users["city"])
                return store.record_of(given)

            for deed in ("home", "close"):
                record = await in_database(give, deed)
                there.feeds[0].take(there.feeds[0].source.read(json.dumps(record).encode()))
                there.feeds[0].publish("st/walls/web", json.dumps(record).encode())
            order = await wall.hears("order", lambda m: m["number"] == 2)
            assert order["driver"] == "city"
            assert [m["do"] for m in wall.heard if m["type"] == "order"] == ["home", "close"]
            await wall.say(**wall_state(done=2))
            await tablet.hears("wall_now", lambda m: m["wall"]["done"] == 2)
            await wall.leave()
            gone = await tablet.hears("wall_now", lambda m: m["wall"]["left_at"] is not None)
            assert gone["wall"]["id"] == welcome["id"]
            assert [m for m in foreign.heard if m["type"] == "wall_now"] == []
            assert (await foreign.hears("walls"))["walls"] == []
            await tablet.leave()
            await foreign.leave()

    asyncio.run(story())


def test_a_second_page_is_another_wall_and_a_stale_one_is_told(town_for_good):
    client = town_for_good.client("west")
    key = str(uuid4())

    async def story():
        async with processes(1) as (hub,):
            first, second = Page(hub, client), Page(hub, client)
            await first.say(type="wall", key=key)
            await first.hears("wall")
            await second.say(type="wall", key=key)
            await second.hears("wall_taken")
            await second.say(type="wall", key=key, again=True)
            await second.hears("wall")
            await first.say(**wall_state())
            await first.hears("wall_taken")
            await first.leave()
            await second.say(**wall_state())
            await second.leave()

    asyncio.run(story())
    assert Wall.objects.count() == 1


def test_nonsense_is_answered_and_changes_nothing(town_for_good):
    client = town_for_good.client("west")

    async def story():
        async with processes(1) as (hub,):
            page = Page(hub, client)
            await page.say(type="wall", key="no key")
            await page.hears("error", lambda m: "key" in m["text"])
            await page.say(**wall_state())
            await page.hears("wall_taken")
            await page.say(type="wall_state", state={"view": {"lon": 999}})
            await page.hears("error", lambda m: "lon" in m["text"])
            await page.leave()

    asyncio.run(story())
    assert not Wall.objects.exists()


def test_what_a_tablet_sees_follows_its_rights(town_for_good):
    town = town_for_good
    clients = {name: town.client(name) for name in ("west", "east")}

    async def story():
        async with processes(1) as (hub,):
            wall, tablet = Page(hub, clients["west"]), Page(hub, clients["east"])
            await tablet.say(type="director")
            assert (await tablet.hears("walls"))["walls"] == []
            await wall.say(type="wall", key=str(uuid4()))
            await wall.hears("wall")
            await in_database(lambda: Grant.objects.create(user=town.users["east"], role="dispatcher"))
            hub.sight_version += 1
            await tablet.hears("walls", lambda m: len(m["walls"]) == 1)
            await wall.leave()
            await tablet.leave()

    asyncio.run(story())


def test_tablets_are_told_that_scenes_changed(town_for_good):
    client = town_for_good.client("west")

    async def story():
        async with processes(1) as (hub,):
            tablet = Page(hub, client)
            await tablet.say(type="director")
            await tablet.hears("walls")
            tablet.heard.clear()
            hub._noticed(frozenset({"scenes"}))
            await tablet.hears("walls")
            await tablet.leave()

    asyncio.run(story())
