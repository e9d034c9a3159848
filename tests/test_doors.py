"""Scope, door by door: an officer of one district receives nothing of another's outside the stated policy."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.test import Client
from django.utils import timezone

from access.identifiers import make_uscc
from access.models import Grant, Organization, User
from devices.models import Device, DeviceEvent
from gis.maplayers import REGIONS
from gis.models import Region
from gis.rendering import render_tile
from twin.live import socket as live
from twin.live.database import close_connection
from twin.live.frames import ASSETS, ASSETS_BATCH, ASSETS_SCHEMA
from twin.live.hub import Hub
from twin.live.world import World
from twin.maplayers import AREAS
from twin.models import Area, AreaEvent, Asset, State
from twin.present import read_current

pytestmark = pytest.mark.django_db
in_several_threads = pytest.mark.django_db(transaction=True)
"""Live sockets read in threads of their own, and see only what is committed."""

WEST, EAST = (121.0, 31.0, 121.5, 31.5), (121.5, 31.0, 122.0, 31.5)


def box(bounds):
    return MultiPolygon(Polygon.from_bbox(bounds), srid=4326)


@dataclass
class Town:
    """Two districts, a firm in each, a machine of each firm in each district."""

    assets: dict[str, Asset]
    areas: dict[str, Area]
    users: dict[str, User]


VISIBLE = {
    # Machines are named home-now: a firm of the west, working in the east, is "west-east".
    "west": {"west-west", "west-east", "east-west"},
    "east": {"east-east", "west-east", "east-west"},
    "firm": {"west-west", "west-east"},
    "city": {"west-west", "west-east", "east-west", "east-east"},
    "nobody": set(),
}
VISIBLE_AREAS = {"west": {"west"}, "east": {"east"}, "firm": {"west"}, "city": {"west", "east"}, "nobody": set()}


@pytest.fixture
def town():
    city = Region.objects.create(code="310000", name="上海市", level="city", boundary=box((121.0, 31.0, 122.0, 31.5)))
    regions, firms, assets, areas = {}, {}, {}, {}
    for i, (name, bounds) in enumerate({"west": WEST, "east": EAST}.items()):
        regions[name] = Region.objects.create(
            code=f"31010{i}", name=name, level="district", parent=city, boundary=box(bounds)
        )
        firms[name] = Organization.objects.create(
            name=f"firm of the {name}", uscc=make_uscc(Random(i)), kind="enterprise", region=regions[name]
        )
        areas[name] = Area.objects.create(
            name=name, kind="fence", boundary=box(bounds), owner=firms[name], region=regions[name]
        )
    for home, firm in firms.items():
        for now, region in regions.items():
            asset = Asset.objects.create(kind="machine", code=f"{home}-{now}", name="焊机", owner=firm)
            lon = 121.25 if now == "west" else 121.75
            State.objects.create(
                asset=asset, ts=timezone.now(), received_at=timezone.now(), lon=lon, lat=31.2, status=1, region=region
            )
            assets[asset.code] = asset
            device = Device.objects.create(identifier=asset.code, kind="machine", asset=asset)
            DeviceEvent.objects.create(
                device=device, channel="event", ts=timezone.now(), received_at=timezone.now(), body={"code": "x"}
            )
            AreaEvent.objects.create(
                asset=asset, area=areas[now], area_version=1, entered=True, ts=timezone.now(), lon=lon, lat=31.2
            )
    users = {name: User.objects.create_user(name) for name in VISIBLE}
    Grant.objects.create(user=users["west"], role="district", region=regions["west"])
    Grant.objects.create(user=users["east"], role="district", region=regions["east"])
    Grant.objects.create(user=users["firm"], role="enterprise", organization=firms["west"])
    Grant.objects.create(user=users["city"], role="city")
    return Town(assets, areas, users)


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("who", VISIBLE)
def test_api(town, who):
    client = signed_in(town.users[who])
    for address in ("/api/v1/assets/{}", "/api/v1/assets/{}/track"):
        open_to = {code for code, a in town.assets.items() if client.get(address.format(a.pk)).status_code == 200}
        assert open_to == VISIBLE[who]


def test_api_does_not_tell_forbidden_from_missing(town):
    client = signed_in(town.users["firm"])
    hidden = client.get(f"/api/v1/assets/{town.assets['east-east'].pk}")
    missing = client.get("/api/v1/assets/999999")
    assert (
        (hidden.status_code, hidden.json()) == (missing.status_code, missing.json()) == (404, {"detail": "Not Found"})
    )


def test_nobody_signed_in_sees_nothing(town):
    asset = f"/api/v1/assets/{town.assets['west-west'].pk}"
    for address in (asset, "/tiles/areas/10/857/418.mvt", "/tiles/regions,areas/10/857/418.mvt"):
        assert Client().get(address).status_code == 401
    assert Client().get("/").status_code == 302
    assert Client().get("/admin/").status_code == 302


@pytest.mark.parametrize("who", VISIBLE)
def test_tiles(town, who):
    from access.scope import scope_of

    answer = signed_in(town.users[who]).get("/tiles/areas/9/428/209.mvt")
    assert answer.status_code in (200, 204)
    found = {name for name in town.areas if name.encode() in answer.content}
    assert found == VISIBLE_AREAS[who]
    own = render_tile(AREAS, 9, 428, 209, AREAS.scope_clause(scope_of(town.users[who])))
    assert answer.content == own
    # Nor does a layer that is open to all open the door for another.
    together = signed_in(town.users[who]).get("/tiles/regions,areas/9/428/209.mvt")
    assert together.content == render_tile(REGIONS, 9, 428, 209, REGIONS.scope_clause(None)) + own


@pytest.mark.parametrize("who", VISIBLE)
@pytest.mark.parametrize("model", ["twin/asset", "devices/device", "devices/deviceevent", "twin/areaevent"])
def test_admin_lists(town, who, model):
    page = signed_in(town.users[who]).get(f"/admin/{model}/")
    if page.status_code != 200:
        assert page.status_code in (302, 403)
        return
    text = page.content.decode()
    assert {code for code in town.assets if code in text} <= VISIBLE[who]


def test_admin_pages_of_single_things(town):
    client = signed_in(town.users["firm"])
    assert client.get(f"/admin/twin/asset/{town.assets['west-west'].pk}/change/").status_code == 200
    for verb in ("change", "delete", "history"):
        answer = client.get(f"/admin/twin/asset/{town.assets['east-east'].pk}/{verb}/")
        assert answer.status_code in (302, 403, 404)
        assert b"east-east" not in answer.content


def test_refused_messages_are_for_administrators_of_the_whole_city(town):
    for user in town.users.values():
        assert signed_in(user).get("/admin/devices/refusal/").status_code in (302, 403)


async def converse(session_key, hub, frames=1, origin="http://testserver", **more):
    """Open a live socket, look at everything, and return what came until ``frames`` asset batches or the end."""
    sent: list[dict] = []
    enough = asyncio.Event()
    inbox: asyncio.Queue[dict] = asyncio.Queue()
    await inbox.put({"type": "websocket.connect"})
    view = {"type": "view", "bbox": [120, 30, 123, 32], "zoom": 12, **more}
    await inbox.put({"type": "websocket.receive", "text": json.dumps(view)})

    async def send(event):
        sent.append(event)
        batches = sum(1 for e in sent if (e.get("bytes") or b"\0")[0] == ASSETS_BATCH)
        if batches >= frames or event["type"] == "websocket.close":
            enough.set()

    headers = [(b"host", b"testserver"), (b"origin", origin.encode()), (b"cookie", f"sessionid={session_key}".encode())]
    scope = {"type": "websocket", "path": "/live", "headers": headers}
    original, live.hub = live.hub, hub
    try:
        talk = asyncio.create_task(live.live_socket(scope, inbox.get, send))
        await asyncio.wait_for(enough.wait(), 10)
        await inbox.put({"type": "websocket.disconnect"})
        await asyncio.wait_for(talk, 10)
        await close_connection()
    finally:
        live.hub = original
    return sent


def codes_in(sent, town):
    by_id = {asset.pk: code for code, asset in town.assets.items()}
    schema = next((e["bytes"][1:] for e in sent if (e.get("bytes") or b"\0")[0] == ASSETS_SCHEMA), None)
    found: set[str] = set()
    for event in sent:
        if (event.get("bytes") or b"\0")[0] == ASSETS_BATCH:
            batch = pa.ipc.read_record_batch(event["bytes"][1:], pa.ipc.read_schema(pa.py_buffer(schema)))
            assert batch.schema.equals(ASSETS)
            found |= {by_id[i] for i in batch.column("id").to_pylist()}
    return found


@pytest.fixture
def hub_of_town(town):
    from django.db import connection

    hub = Hub()
    with connection.cursor() as cursor:
        hub.world = World()
        hub.world.replace(read_current(cursor))
    hub.ready = True
    return hub


@in_several_threads
def test_live_frames_of_all_and_of_one_district(town, hub_of_town):
    """A district narrows what the scope allows, and opens nothing."""
    for who in (who for who in VISIBLE if VISIBLE[who]):
        session = signed_in(town.users[who]).session.session_key
        sent = asyncio.run(converse(session, hub_of_town))
        assert codes_in(sent, town) == VISIBLE[who], who
        for code, end in (("310100", "-west"), ("310101", "-east"), ("999999", "-nowhere")):
            sent = asyncio.run(converse(session, hub_of_town, district=code))
            assert codes_in(sent, town) == {name for name in VISIBLE[who] if name.endswith(end)}, who


@in_several_threads
def test_live_socket_turns_away(town, hub_of_town):
    for who, code in (("nobody", 4403), (None, 4401)):
        session = signed_in(town.users[who]).session.session_key if who else "x" * 32
        sent = asyncio.run(converse(session, hub_of_town))
        assert sent[-1] == {"type": "websocket.close", "code": code}
        assert codes_in(sent, town) == set()


@in_several_threads
def test_live_socket_refuses_a_foreign_page(town, hub_of_town):
    session = signed_in(town.users["city"]).session.session_key
    sent = asyncio.run(converse(session, hub_of_town, origin="http://evil.example"))
    assert [event["type"] for event in sent] == ["websocket.close"]


@in_several_threads
def test_the_present_district_decides_not_the_last_one(town, hub_of_town):
    """A machine of the west that drives home from the east disappears from the east officer's map."""
    asset = town.assets["west-east"]
    world = hub_of_town.world
    session = signed_in(town.users["east"]).session.session_key
    assert asset.code in codes_in(asyncio.run(converse(session, hub_of_town)), town)
    slot = np.flatnonzero(world.columns["id"][: len(world)] == asset.pk)
    update = {name: column[slot].copy() for name, column in world.columns.items()}
    update["region"][:] = Region.objects.get(name="west").pk
    update["time_ms"] += 1000
    world.apply(update)
    assert asset.code not in codes_in(asyncio.run(converse(session, hub_of_town)), town)
