"""The ledger: every change from every door, nothing secret, never rewritten."""

import json

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.db import InternalError, ProgrammingError, connection, transaction
from django.http import HttpResponse
from django.test import AsyncRequestFactory, RequestFactory

from access import audit
from access import audited as audited_models
from access.audit import acting, request_cache
from access.audited import audited
from access.middleware import AuditMiddleware
from access.models import AuditRecord, Grant, Organization, User
from access.roles import Role
from gis.models import Region


def last(**wanted):
    return AuditRecord.objects.filter(**wanted).latest("id")


def test_saving_records_old_and_new(city):
    shop = city.organizations["shop"]
    created = last(model="access.Organization", object_id=str(shop.pk))
    assert created.action == "create"
    assert created.changes["name"] == {"old": None, "new": "shop"}
    shop.name = "store"
    shop.contact_phone = "13812341234"
    shop.save()
    changed = last(object_id=str(shop.pk), model="access.Organization")
    assert changed.action == "change"
    assert changed.label == "store"
    assert changed.changes == {
        "name": {"old": "shop", "new": "store"},
        "contact_phone": {"old": None, "new": "138****1234"},
    }
    count = AuditRecord.objects.count()
    shop.save()
    assert AuditRecord.objects.count() == count, "nothing changed, nothing recorded"


def test_every_door_of_the_orm_is_recorded(city):
    shop = city.organizations["shop"]
    Organization.objects.filter(name__in=["shop", "plant"]).update(name="same")
    both = AuditRecord.objects.filter(action="change", changes__name__new="same")
    assert {r.changes["name"]["old"] for r in both} == {"shop", "plant"}
    shop.refresh_from_db()
    shop.kind = "agency"
    Organization.objects.bulk_update([shop], ["kind"])
    assert last().changes == {"kind": {"old": "enterprise", "new": "agency"}}
    User.objects.bulk_create([User(username="one"), User(username="two")])
    bulk = last(action="create", model="access.User")
    assert bulk.detail["count"] == 2
    assert sorted(bulk.detail["objects"].values()) == ["one", "two"]
    User.objects.filter(username="one").delete()
    gone = last(action="delete")
    assert (gone.model, gone.label) == ("access.User", "one")
    assert gone.changes["username"] == {"old": "one", "new": None}


def test_grants_and_passwords_are_recorded_without_the_secret(city):
    user = city.user(Role.DISTRICT, "310115")
    assert last(model="access.Grant").changes["role"] == {"old": None, "new": "district"}
    user.grants.update(role="planner")
    assert last(model="access.Grant").changes == {"role": {"old": "district", "new": "planner"}}
    user.set_password("calm-Harbour-43")
    user.save()
    record = last(object_id=str(user.pk), model="access.User")
    assert (record.action, record.changes) == ("password", {"password": {"old": "***", "new": "***"}})
    assert user.password not in json.dumps(list(AuditRecord.objects.values_list("changes", flat=True)))
    user.grants.all().delete()
    assert last(model="access.Grant").action == "delete"


def test_signing_in_is_no_change_of_the_account(city, signed_in):
    user = city.user()
    signed_in(user)
    assert [r.action for r in AuditRecord.objects.filter(model="access.User", object_id=str(user.pk))] == [
        "sign_in",
        "create",
    ]


def test_a_boundary_is_named_not_copied(city):
    shop = city.organizations["shop"]
    shop.site = shop.region.boundary
    shop.save()
    assert last().changes["site"]["new"].startswith("MultiPolygon, 5 points, ")


@pytest.mark.parametrize("statement", ["UPDATE access_auditrecord SET label = ''", "DELETE FROM access_auditrecord"])
def test_the_table_refuses_to_be_rewritten(city, statement):
    with (
        pytest.raises((InternalError, ProgrammingError), match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_without_its_record_a_change_does_not_happen(city, monkeypatch):
    def broken(_rows):
        raise RuntimeError("no room for the ledger")

    monkeypatch.setattr(audit, "write_rows", broken)
    monkeypatch.setattr(audited_models, "write_rows", broken)
    with pytest.raises(RuntimeError), transaction.atomic():
        Organization.objects.filter(name="shop").update(name="store")
    with pytest.raises(RuntimeError), transaction.atomic():
        city.organizations["shop"].delete()
    assert Organization.objects.filter(name="shop").exists()


def test_a_deleted_actor_stays_named(city):
    user = city.user()
    with acting("job:nightly"):
        audit.record(audit.Action.REFUSED, actor=user)
    user.delete()
    assert last(action="refused").actor_name == user.username


def test_jobs_and_commands_sign_with_their_name(city):
    with acting("job:nightly"):
        Organization.objects.filter(name="shop").update(name="store")
    assert last().actor_name == "job:nightly"
    assert last().actor_id is None


def test_the_request_tells_who_and_from_where(city):
    user = city.user()
    seen = {}

    def view(request):
        seen["cache"] = request_cache()
        Organization.objects.filter(kind="enterprise").update(name=request.META["HTTP_X_REQUEST_ID"])
        return HttpResponse()

    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.7", HTTP_X_REQUEST_ID="abc-12345678")
    request.user = user
    response = AuditMiddleware(view)(request)
    assert response["X-Request-ID"] == "abc-12345678"
    assert (last().actor_id, last().ip, last().request_id) == (user.pk, "192.0.2.7", "abc-12345678")
    assert seen["cache"] is not None
    assert request_cache() is None
    bad = RequestFactory().get("/", HTTP_X_REQUEST_ID="<script>")
    bad.user = AnonymousUser()
    assert AuditMiddleware(view)(bad)["X-Request-ID"] != "<script>"
    assert last().actor_name == ""


def test_the_async_stack_has_the_same_context():
    import asyncio

    async def view(request):
        request_cache()["seen"] = request.path
        return HttpResponse(request_cache()["seen"])

    request = AsyncRequestFactory().get("/here", headers={"X-Request-ID": "abcdefgh"})
    response = asyncio.run(AuditMiddleware(view)(request))
    assert (response.content, response["X-Request-ID"]) == (b"/here", "abcdefgh")
    assert request_cache() is None


def test_within_a_request_a_changed_grant_counts_at_once(city):
    from access.scope import scope_of

    user = city.user(Role.CITY)

    def view(request):
        assert scope_of(user).everything
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Grant, "objects", None)
            assert scope_of(user).everything, "read once in a request"
        user.grants.all().delete()
        assert scope_of(user).empty
        return HttpResponse()

    request = RequestFactory().get("/")
    request.user = user
    AuditMiddleware(view)(request)


def test_a_model_whose_bulk_changes_would_escape_cannot_be_registered():
    with pytest.raises(ImproperlyConfigured, match="AuditedQuerySet"):
        audited(Region)
    with pytest.raises(ImproperlyConfigured, match="already"):
        audited(Organization)
    with pytest.raises(ImproperlyConfigured, match="nonsense"):
        audited(AuditRecord, ignore=["nonsense"])
