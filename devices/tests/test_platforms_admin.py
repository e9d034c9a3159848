"""The desk's pages of platforms, their keys and registration: scoped, and secrets shown once."""

from __future__ import annotations

from random import Random

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.test import Client
from django.utils import timezone

from access.identifiers import make_uscc
from access.models import AuditRecord, Grant, Organization, User
from devices.models import Device
from devices.platforms import Platform, PushKey
from devices.push_keys import issue_push_key
from gis.models import Region
from twin.models import Asset

LIST = "/admin/devices/platform/"
KEYS = "/admin/devices/pushkey/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def firms():
    found = {}
    for number, name in enumerate(("west", "east")):
        box = MultiPolygon(Polygon.from_bbox((121 + number, 31, 122 + number, 32)), srid=4326)
        region = Region.objects.create(code=f"31010{number}", name=name, level="district", boundary=box)
        firm = Organization.objects.create(name=name, uscc=make_uscc(Random(number)), kind="enterprise", region=region)
        platform = Platform.objects.create(name=f"platform of the {name}", owner=firm)
        issue_push_key(platform)
        asset = Asset.objects.create(kind="vehicle", code=name, name="车", owner=firm)
        Device.objects.create(identifier=f"1380000000{number}", kind="vehicle", asset=asset, platform=platform)
        found[name] = firm
    return found


def client_of(role, **place):
    user = User.objects.create_user(f"{role}-{User.objects.count()}")
    Grant.objects.create(user=user, role=role, **place)
    client = Client()
    client.force_login(user)
    return client


def act(client, where, action, *rows):
    body = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(where, body, follow=True).content.decode()


def test_a_key_is_shown_once_and_on_the_ledger_without_its_secret(firms):
    client = client_of("enterprise", organization=firms["west"])
    platform = Platform.objects.get(owner=firms["west"])
    page = act(client, LIST, "issue_keys", platform)
    key = PushKey.objects.order_by("id").last()
    assert f"编号 {key.key_id}，密钥 " in page
    secret = page.split(f"编号 {key.key_id}，密钥 ")[1].split("<")[0].strip()
    assert len(secret) >= 40
    listed = client.get(KEYS).content.decode()
    assert key.key_id in listed
    assert secret not in listed + client.get(LIST).content.decode()
    record = AuditRecord.objects.get(model="devices.PushKey", object_id=str(key.pk), action="create")
    assert secret not in str(record.changes)
    assert "已全部吊销" in act(client, LIST, "revoke_keys", platform)
    assert not PushKey.objects.filter(platform=platform, ends_at=None).exists()


def test_another_firms_platform_is_neither_seen_nor_touched(firms):
    client = client_of("enterprise", organization=firms["west"])
    other = Platform.objects.get(owner=firms["east"])
    Device.objects.filter(asset__owner=firms["west"]).update(platform=Platform.objects.get(owner=firms["west"]))
    for where in (LIST, KEYS, "/admin/devices/device/"):
        assert "platform of the east" not in client.get(where).content.decode()
    assert client.get(f"{LIST}{other.pk}/change/").status_code in (302, 403, 404)
    act(client, LIST, "issue_keys", other)
    act(client, LIST, "revoke_keys", other)
    assert list(PushKey.objects.filter(platform=other).values_list("ends_at")) == [(None,)]
    choices = client.get("/admin/devices/device/add/").content.decode()
    assert "platform of the west" in choices
    assert "platform of the east" not in choices


@pytest.mark.parametrize("role", ["dispatcher", "planner"])
def test_who_keeps_no_devices_sees_no_keys(firms, role):
    client = client_of(role)
    for where in (LIST, KEYS):
        assert client.get(where).status_code in (302, 403)
        assert Client().get(where).status_code == 302


def test_keys_are_not_made_or_changed_by_hand(firms):
    client = client_of("administrator")
    key = PushKey.objects.first()
    assert client.get(f"{KEYS}add/").status_code == 403
    assert client.post(f"{KEYS}{key.pk}/change/", {"ends_at_0": "2099-01-01"}).status_code == 403
    assert client.post(f"{KEYS}{key.pk}/delete/", {"post": "yes"}).status_code == 403
    page = client.get(f"{KEYS}{key.pk}/change/").content.decode()
    assert key.key_id in page
    assert bytes(key.sealed).hex() not in page


def test_registration_is_opened_inside_the_scope_only(firms):
    client = client_of("enterprise", organization=firms["west"])
    own, other = Device.objects.order_by("identifier")
    page = act(client, "/admin/devices/device/", "open_registration", own, other)
    assert "13800000000 可在 30 分钟内注册一次" in page
    own.refresh_from_db()
    other.refresh_from_db()
    assert own.registrable_until > timezone.now()
    assert other.registrable_until is None


def test_the_list_costs_a_fixed_number_of_queries(firms, django_assert_max_num_queries):
    for number in range(5):
        Platform.objects.create(name=f"p{number}", owner=firms["west"])
    client = client_of("administrator")
    with django_assert_max_num_queries(12):
        page = client.get(LIST).content.decode()
    assert "platform of the east" in page
