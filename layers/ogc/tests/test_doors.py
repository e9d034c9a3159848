"""Who comes in: by password, by token, from other origins."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from access.models import AccessToken, AuditRecord
from access.tests.tokens import issue
from layers.ogc.tests.conftest import PASSWORD, basic

pytestmark = pytest.mark.django_db
ITEMS = "/ogc/collections/kites.drones/items"


def ask(headers, path=ITEMS):
    return Client().get(path, headers={"accept": "application/json", **headers})


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def test_basic(person):
    for _ in range(2):
        found = ask(basic("gis", PASSWORD))
        assert [each["properties"]["name"] for each in found.json()["features"]] == ["巡检无人机"]
    assert "Authorization" in found["Vary"] and "private" in found["Cache-Control"]
    assert "sessionid" not in found.cookies
    assert AuditRecord.objects.filter(action="sign_in", actor=person, detail__door="basic").count() == 1
    person.set_password("another-Harbour-43")
    person.save()
    assert ask(basic("gis", PASSWORD)).status_code == 401, "remembered only while it is the password"


def test_guessing_is_locked_out_as_on_the_sign_in_page(person):
    answers = [ask(basic("gis", f"guess-{i}")).status_code for i in range(6)]
    assert answers[0] == 401 and answers[-1] == 429
    assert ask(basic("gis", PASSWORD)).status_code == 429
    assert AuditRecord.objects.filter(action="locked_out").exists()
    assert ask(basic("nobody-at-all", "x")).status_code == 401


def test_broken_credentials(person):
    for header in (
        *("Basic", "Basic !!!", "Basic eA==", "Basic /////w==", "Digest x", "Bearer", "Bearer x", "x" * 5000),
        "Basic ADoA",
    ):
        found = ask({"authorization": header})
        assert found.status_code == 401 and found["WWW-Authenticate"]


def test_tokens(person):
    row, token = issue(person, "QGIS", 30)
    assert ask(bearer(token)).json()["numberMatched"] == 1
    assert token not in str(AccessToken.objects.values()) and token.startswith(row.hint)
    assert token not in str(AuditRecord.objects.values())
    row.refresh_from_db()
    assert row.last_used_at is not None
    for change in (
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"expires_at": timezone.now() + timedelta(days=1), "revoked_at": timezone.now()},
    ):
        AccessToken.objects.filter(pk=row.pk).update(**change)
        assert ask(bearer(token)).status_code == 401
    AccessToken.objects.filter(pk=row.pk).update(revoked_at=None)
    person.is_active = False
    person.save()
    assert ask(bearer(token)).status_code == 401
    with pytest.raises(ValueError, match="days"):
        issue(person, "for ever", 4000)


def test_wrong_credentials_are_refused_whatever_session_there_is(door):
    assert door.client.get(ITEMS, headers=bearer("st_wrong")).status_code == 401


def test_credentials_open_nothing_else(person):
    _row, token = issue(person, "QGIS", 30)
    assert ask(bearer(token), "/api/v1/layers").status_code == 401
    assert ask(basic("gis", PASSWORD), "/tiles/catalog.json").status_code == 401
    assert ask(bearer(token), "/ogcx").status_code in (302, 401, 404)


def test_other_origins_only_where_named(person, settings):
    _row, token = issue(person, "web", 30)
    headers = {**bearer(token), "origin": "https://gis.example.cn"}
    assert "Access-Control-Allow-Origin" not in ask(headers)
    settings.OUTSIDE_ORIGINS = ("https://gis.example.cn",)
    found = ask(headers)
    assert found["Access-Control-Allow-Origin"] == "https://gis.example.cn" and "Origin" in found["Vary"]
    assert "Access-Control-Allow-Credentials" not in found
    assert "Access-Control-Allow-Origin" not in ask({**headers, "origin": "https://evil.example"})
    preflight = Client().options(ITEMS, headers={"origin": "https://gis.example.cn"})
    assert preflight.status_code == 204 and "Authorization" in preflight["Access-Control-Allow-Headers"]


def test_a_token_is_issued_and_revoked_on_the_desk(place, person):
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    address = "/admin/access/accesstoken/"
    page = client.post(f"{address}add/", {"name": "规划院", "days": "30"})
    assert page.status_code == 200 and "no-store" in page["Cache-Control"]
    token = page.content.decode().split('class="token">')[1].split("<")[0]
    assert ask(bearer(token)).status_code == 200
    row = AccessToken.objects.get()
    assert token not in client.get(address).content.decode()
    assert client.get(f"{address}{row.pk}/change/").status_code == 200
    assert client.post(f"{address}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    other = place.client("district", region=place.regions["east"])
    assert "规划院" not in other.get(address).content.decode()
    assert other.get(f"{address}{row.pk}/change/").status_code == 302
    client.post(address, {"action": "revoke", "_selected_action": [row.pk]})
    assert ask(bearer(token)).status_code == 401
    assert AuditRecord.objects.filter(model="access.AccessToken").count() >= 2
