"""Roles × places × things, by every form in which a scope is asked."""

import numpy as np
import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection, transaction

from access.models import AuditRecord, Grant, Organization, User
from access.roles import ROLE_PERMISSIONS, Permission, Role, roles_with
from access.scope import (
    NOWHERE,
    WHOLE_CITY,
    Scope,
    ScopePaths,
    allowed_organizations,
    allowed_regions,
    permissions_of,
    reading_grants,
    scope_of,
)

EVERY = {"group", "plant", "shop", "bureau"}
SEEN = [
    (Role.CITY, None, EVERY),
    (Role.CITY, "310115", {"plant", "shop"}),
    (Role.DISTRICT, "310115", {"plant", "shop"}),
    (Role.DISTRICT, "310104", {"group"}),
    (Role.DISTRICT, "310000", EVERY),
    (Role.DISTRICT, "310115001", {"shop"}),
    (Role.ENTERPRISE, "group", {"group", "plant"}),
    (Role.ENTERPRISE, "plant", {"plant"}),
    (Role.DISPATCHER, None, EVERY),
    (Role.DISPATCHER, "310104", {"group"}),
    (Role.DISPATCHER, "shop", {"shop"}),
    (Role.PLANNER, "310115", {"plant", "shop"}),
    (Role.PLANNER, None, EVERY),
    (Role.ADMINISTRATOR, "plant", {"plant"}),
    (Role.ADMINISTRATOR, None, EVERY),
    (None, None, set()),
]


@pytest.mark.parametrize(("role", "where", "expected"), SEEN)
def test_who_sees_whose_things_by_queryset_sql_value_and_table(city, role, where, expected):
    scope = scope_of(city.user(role, where))
    assert {o.name for o in Organization.objects.within(scope)} == expected

    condition, params = scope.sql(organization="o.path", regions=("r.path",))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT o.name FROM access_organization o JOIN geo_region r ON r.id = o.region_id WHERE {condition}",  # noqa: S608
            params,
        )
        assert {name for (name,) in cursor.fetchall()} == expected

    rows = Organization.objects.select_related("region")
    assert {o.name for o in rows if scope.allows(o.path, [o.region.path, None])} == expected
    ids = allowed_organizations(scope)
    assert ids.dtype == np.int64
    assert {o.name for o in rows if o.pk in ids} == expected
    assert {o.name for o in rows if o.inside(scope)} == expected


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("permission", list(Permission))
def test_a_permission_holds_only_where_a_role_carries_it(city, role, permission):
    where = {Role.ENTERPRISE: "plant", Role.DISTRICT: "310115"}.get(role)
    user = city.user(role, where)
    carried = permission in ROLE_PERMISSIONS[role]
    assert (not scope_of(user, permission).empty) == carried
    assert (permission in permissions_of(user)) == carried
    assert (role in roles_with(permission)) == carried


def test_the_scope_is_the_union_of_the_grants_that_carry_the_permission(city):
    user = city.user(Role.PLANNER, "310104")
    Grant.objects.create(user=user, role=Role.DISPATCHER, organization=city.organizations["shop"])
    assert {o.name for o in Organization.objects.within(scope_of(user))} == {"group", "shop"}
    assert {o.name for o in Organization.objects.within(scope_of(user, "dispatch"))} == {"shop"}
    assert {o.name for o in Organization.objects.within(scope_of(user, Permission.PLAN))} == {"group"}


def test_nobody_and_the_switched_off_see_nothing(city):
    assert scope_of(AnonymousUser()) == NOWHERE
    user = city.user(Role.CITY)
    assert scope_of(user) == WHOLE_CITY
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert scope_of(user) == NOWHERE, "an instance read before must not keep the scope"


def test_a_withdrawn_grant_is_gone_at_the_next_question(city):
    user = city.user(Role.CITY)
    assert scope_of(user).everything
    user.grants.all().delete()
    assert scope_of(user).empty
    assert not user.is_staff
    assert not user.has_perm("access.view_user")


def test_a_misspelt_permission_is_an_error(city):
    with pytest.raises(ValueError, match="veiw"):
        scope_of(city.user(Role.CITY), "veiw")


def test_regions_of_a_scope(city):
    codes = {r.pk: code for code, r in city.regions.items()}
    ids = allowed_regions(scope_of(city.user(Role.DISTRICT, "310115")))
    assert {codes[i] for i in ids} == {"310115", "310115001"}
    assert allowed_regions(scope_of(city.user(Role.ENTERPRISE, "plant"))).size == 0
    assert allowed_regions(WHOLE_CITY).size == 4


def test_a_scoped_queryset_can_be_worked_with(city):
    for name in ("group", "plant", "shop", "bureau"):
        city.user(organization=city.organizations[name], display_name=name)
    user = city.user(Role.ENTERPRISE, "group")
    Grant.objects.create(user=user, role=Role.DISTRICT, region=city.regions["310115"])
    people = User.objects.within(scope_of(user))
    assert people.count() == 3
    assert [u.display_name for u in people.order_by("-display_name")[:2]] == ["shop", "plant"]
    assert people.filter(display_name="plant").exists()
    assert not people.exclude(organization__name="shop").filter(display_name="shop").exists()
    assert people.filter(pk__in=people.values("pk")).count() == 3
    with transaction.atomic():
        assert len(people.select_for_update(of=("self",))) == 3
    assert people.update(display_name="x") == 3
    assert User.objects.filter(display_name="x").count() == 3


def test_the_scope_of_a_subtree_uses_the_path_index(city):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO access_organization (name, uscc, kind, region_id) "
            "SELECT 'o' || i, 'X' || i, 'enterprise', %s FROM generate_series(1, 5000) i",
            [city.regions["310104"].pk],
        )
        cursor.execute("ANALYZE access_organization")
    scope = scope_of(city.user(Role.ENTERPRISE, "plant"))
    assert "access_organization_path" in Organization.objects.within(scope).order_by().explain()
    condition, params = scope.sql(organization="path")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN SELECT 1 FROM access_organization WHERE {condition}", params)  # noqa: S608
        assert "access_organization_path" in str(cursor.fetchall())


def test_scope_values_have_one_normal_form():
    a = Scope(region_paths=("/2/", "/1/", "/1/5/", "/1/"))
    assert a.region_paths == ("/1/", "/2/")
    assert a == Scope(region_paths=("/2/", "/1/"))
    assert a.key == Scope(region_paths=("/2/", "/1/")).key
    assert a.key != Scope(organization_paths=("/2/", "/1/")).key
    assert (WHOLE_CITY.key, NOWHERE.key) == ("all", "none")
    assert (a | WHOLE_CITY) == WHOLE_CITY
    assert not Scope(region_paths=("/1/",)).allows(None, ["/12/"])


@pytest.mark.parametrize("path", ["", "/", "1/2/", "/1", "/%/", "/1'--/"])
def test_a_path_of_another_shape_is_refused(path):
    with pytest.raises(ValueError, match="not a path"):
        Scope(region_paths=(path,))


def test_an_underscore_in_a_region_code_is_no_wildcard(db):
    condition, params = Scope(region_paths=("/a_c/",)).sql(regions=("v.path",))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT path FROM (VALUES ('/a_c/d/'), ('/abc/d/')) v (path) WHERE {condition}", params)  # noqa: S608
        assert cursor.fetchall() == [("/a_c/d/",)]


def test_paths_must_name_a_path():
    with pytest.raises(ValueError, match="owner"):
        ScopePaths(organization="owner")
    with pytest.raises(ValueError, match="no path"):
        ScopePaths()


@pytest.mark.parametrize(
    ("role", "places"),
    [
        (Role.DISTRICT, []),
        (Role.DISTRICT, ["plant"]),
        (Role.ENTERPRISE, []),
        (Role.ENTERPRISE, ["310115"]),
        (Role.CITY, ["310115", "plant"]),
    ],
)
def test_grants_without_their_place_are_refused_by_form_and_database(city, role, places):
    grant = Grant(user=city.user(), role=role, **{k: v for p in places for k, v in city.place(p).items()})
    with pytest.raises(Exception, match=r"授权|角色"):
        grant.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        grant.save()


def test_a_place_with_grants_cannot_be_deleted(city):
    """Otherwise the grant would lose its place and hold for the whole city."""
    city.user(Role.ENTERPRISE, "plant")
    with pytest.raises(IntegrityError), transaction.atomic():
        city.organizations["plant"].delete()


def test_the_same_grant_is_given_once(city):
    user = city.user(Role.CITY)
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.create(user=user, role=Role.CITY)


def test_the_ledger_is_scoped_by_whose_doing_it_was(city):
    ours = city.user(organization=city.organizations["plant"])
    AuditRecord.objects.create(actor=ours, action="change", label="ours")
    AuditRecord.objects.create(actor=None, action="change", label="system")
    scope = scope_of(city.user(Role.ADMINISTRATOR, "310115"), "administer")
    assert [r.label for r in AuditRecord.objects.within(scope)] == ["ours"]


def test_grants_of_many_are_read_by_one_query_and_only_while_asked(city, django_assert_num_queries):
    users = [city.user(Role.DISTRICT, code) for code in ("310115", "310104")]
    expected = [scope_of(user) for user in users]
    with django_assert_num_queries(1), reading_grants(users):
        assert [scope_of(user) for user in users] == expected
    stranger = city.user(Role.CITY, None)
    with reading_grants(users):
        assert scope_of(stranger) == WHOLE_CITY
        Grant.objects.filter(user=users[0]).delete()
    assert scope_of(users[0]) == NOWHERE
