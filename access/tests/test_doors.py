"""Door by door: nobody without a session, nobody beyond their scope, in the pages and in the admin."""

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from access.admin import may_manage
from access.models import AuditRecord, Grant, Organization, User
from access.roles import Role

PUBLIC = {"sign-in", "language", "healthz", "readyz", "admin/login/"}


def views(patterns, prefix=""):
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern


def address(route):
    """Fill a route's places with something of the right form."""
    samples = {"int": "1", "str": "x", "slug": "x", "uuid": "0" * 8 + "-0000-0000-0000-" + "0" * 12, "path": "x"}
    route = re.sub(r"<(?:(\w+):)?\w+>", lambda match: samples.get(match[1] or "str", "1"), route)
    route = re.sub(r"\(\?P<\w+>[^()]*\)", "x", route)
    return "/" + re.sub(r"[\^$\\]|\(\?:.*?\)", "", route)


def test_every_address_asks_for_a_session_unless_it_says_otherwise(db):
    client = Client()
    opened = set()
    found = list(views(get_resolver().url_patterns))
    assert len(found) > 20
    for route, pattern in found:
        response = client.get(address(route))
        if response.status_code == 401 or (
            response.status_code == 302 and response["Location"].startswith((reverse("sign-in"), "/admin/login/"))
        ):
            continue
        opened.add(pattern.name or route)
    assert opened <= PUBLIC, opened - PUBLIC


def test_programs_get_401_and_people_the_sign_in_page(db):
    page = Client().get(reverse("directory"))
    assert page.status_code == 302
    assert page["Location"].startswith(reverse("sign-in"))
    assert Client().get(reverse("directory"), headers={"accept": "application/json"}).status_code == 401
    assert Client().get("/admin/login/?next=/admin/")["Location"] == f"{reverse('sign-in')}?next=/admin/"


@pytest.mark.parametrize(
    ("role", "where", "names"),
    [
        (Role.DISTRICT, "310115", {"plant", "shop"}),
        (Role.ENTERPRISE, "group", {"group", "plant"}),
        (Role.PLANNER, None, {"group", "plant", "shop", "bureau"}),
        (None, None, set()),
    ],
)
def test_the_directory_shows_what_is_inside_the_scope(city, signed_in, role, where, names):
    for name, organization in city.organizations.items():
        city.user(organization=organization, display_name=f"{name}-person", telephone="13812341234")
    page = signed_in(city.user(role, where)).get(reverse("directory"))
    text = page.content.decode()
    for name in city.organizations:
        assert (f">{name}</th>" in text) == (name in names)
        assert (f">{name}-person</th>" in text) == (name in names)
    assert "13812341234" not in text
    assert ("138****1234" in text) == bool(names)


def test_the_directory_finds_by_whole_number_and_costs_a_fixed_number_of_queries(
    city, signed_in, django_assert_max_num_queries
):
    for name in ("plant", "shop"):
        for digit in range(4):
            telephone = f"1990000{name == 'plant':d}00{digit}"
            city.user(organization=city.organizations[name], display_name=f"{name}{digit}", telephone=telephone)
    client = signed_in(city.user(Role.CITY))
    with django_assert_max_num_queries(6):
        client.get(reverse("directory"))
    text = client.get(reverse("directory"), {"q": "199 0000 1003"}).content.decode()
    assert ">plant</th>" in text
    assert ">shop</th>" not in text
    assert ">plant</th>" not in client.get(reverse("directory"), {"q": "19900001"}).content.decode()


def test_seeing_a_number_through_the_page(city, signed_in):
    person = city.user(organization=city.organizations["plant"], telephone="13812341234")
    where = reverse("reveal", args=["access.user", person.pk, "telephone"])
    boss = signed_in(city.user(Role.DISTRICT, "310115"))
    page = boss.get(where)
    assert "138****1234" in page.content.decode()
    assert "13812341234" not in page.content.decode()
    assert "13812341234" not in boss.post(where, {"reason": ""}).content.decode()
    shown = boss.post(where, {"reason": "现场处置"})
    assert "13812341234" in shown.content.decode()
    assert "no-store" in shown["Cache-Control"]
    assert AuditRecord.objects.filter(action="reveal").count() == 1
    planner = signed_in(city.user(Role.PLANNER, "310115"))
    assert planner.post(where, {"reason": "想看"}).status_code == 403
    assert AuditRecord.objects.filter(action="refused").count() == 1
    outsider = signed_in(city.user(Role.DISTRICT, "310104"))
    assert outsider.post(where, {"reason": "想看"}).status_code == 404
    for model, field in (("access.user", "password"), ("access.user", "x"), ("nothing.here", "x"), ("x", "x")):
        assert boss.post(reverse("reveal", args=[model, person.pk, field]), {"reason": "现场"}).status_code == 404


ADMIN_USERS = "/admin/access/user/"
ADMIN_ORGANIZATIONS = "/admin/access/organization/"
ADMIN_AUDIT = "/admin/access/auditrecord/"


@pytest.mark.parametrize(
    ("role", "where", "status"),
    [
        (Role.ADMINISTRATOR, None, 200),
        (Role.ADMINISTRATOR, "310115", 200),
        (Role.CITY, None, 403),
        (Role.DISPATCHER, None, 403),
        (Role.ENTERPRISE, "plant", 403),
        (None, None, 302),
    ],
)
def test_who_enters_the_desk(city, signed_in, role, where, status):
    client = signed_in(city.user(role, where))
    assert client.get(ADMIN_USERS).status_code == status
    assert client.get(ADMIN_AUDIT).status_code == status


@pytest.fixture
def scoped(city, signed_in):
    """A client of the administrator of one district."""
    return signed_in(city.user(Role.ADMINISTRATOR, "310115", organization=city.organizations["shop"]))


def test_a_scoped_administrator_sees_and_changes_only_what_is_inside(city, scoped):
    o = city.organizations
    text = scoped.get(ADMIN_ORGANIZATIONS).content.decode()
    assert o["plant"].uscc in text
    assert o["group"].uscc not in text
    assert scoped.get(f"{ADMIN_ORGANIZATIONS}{o['plant'].pk}/change/").status_code == 200
    for page in ("change", "delete", "history"):
        assert scoped.get(f"{ADMIN_ORGANIZATIONS}{o['group'].pk}/{page}/").status_code == 302
    outside = f"{ADMIN_ORGANIZATIONS}{o['group'].pk}/change/"
    scoped.post(outside, {"name": "taken"})
    assert not Organization.objects.filter(name="taken").exists()
    action = {"action": "delete_selected", "_selected_action": [o["group"].pk], "post": "yes"}
    scoped.post(ADMIN_ORGANIZATIONS, action)
    assert Organization.objects.filter(name="group").exists()


def test_choices_and_filters_name_nothing_outside(city, scoped):
    page = scoped.get(f"{ADMIN_ORGANIZATIONS}{city.organizations['shop'].pk}/change/").content.decode()
    assert ">plant</option>" in page
    assert ">group</option>" not in page
    assert ">bureau</option>" not in page
    assert ">310104</option>" not in page
    users = scoped.get(ADMIN_USERS).content.decode()
    assert "group" not in users


def test_a_thing_cannot_be_moved_out_of_the_scope_or_made_outside(city, scoped):
    plant, home = city.organizations["plant"], city.regions["310104"]
    data = {"name": "plant", "uscc": plant.uscc, "kind": "enterprise", "parent": "", "region": home.pk}
    response = scoped.post(f"{ADMIN_ORGANIZATIONS}{plant.pk}/change/", data)
    assert response.status_code == 200
    plant.refresh_from_db()
    assert plant.region.code == "310115"
    before = User.objects.count()
    new = {"username": "loose", "display_name": "", "organization": "", "usable_password": "true"}
    new |= {"password1": "calm-Harbour-42", "password2": "calm-Harbour-42", **management()}
    assert scoped.post(f"{ADMIN_USERS}add/", new).status_code == 403
    assert User.objects.count() == before


def management(initial=0, total=0, **rows):
    prefix = "grants-"
    return {f"{prefix}TOTAL_FORMS": total, f"{prefix}INITIAL_FORMS": initial, **rows}


def edit(user, **extra):
    fields = {"username": user.username, "is_active": "on", "display_name": "changed", "email": ""}
    return {**fields, "organization": user.organization_id or "", **extra}


def grant_row(user, role, region="", organization=""):
    row = {"user": user.pk, "role": role, "region": region, "organization": organization, "id": ""}
    return {f"grants-0-{name}": value for name, value in row.items()}


def test_a_scoped_administrator_grants_only_inside_the_scope(city, scoped):
    clerk = city.user(organization=city.organizations["plant"])
    where = f"{ADMIN_USERS}{clerk.pk}/change/"
    inside, outside = city.regions["310115001"].pk, city.regions["310104"].pk
    for row in (
        grant_row(clerk, "administrator"),
        grant_row(clerk, "city"),
        grant_row(clerk, "district", region=outside),
        grant_row(clerk, "enterprise", organization=city.organizations["group"].pk),
    ):
        assert scoped.post(where, edit(clerk, **management(total=1), **row)).status_code == 200
        assert not clerk.grants.exists()
    good = edit(clerk, **management(total=1), **grant_row(clerk, "district", region=inside))
    assert scoped.post(where, good).status_code == 302
    assert [g.role for g in clerk.grants.all()] == ["district"]
    assert AuditRecord.objects.filter(model="access.Grant", action="create", actor__organization__name="shop").exists()


def test_a_scoped_administrator_cannot_take_over_a_mightier_account(city, scoped):
    mighty = city.user(Role.CITY, organization=city.organizations["plant"])
    password = mighty.password
    assert scoped.get(f"{ADMIN_USERS}{mighty.pk}/change/").status_code == 200, "may be looked at"
    assert scoped.get(f"{ADMIN_USERS}{mighty.pk}/password/").status_code == 403
    new = {"password1": "calm-Harbour-42", "password2": "calm-Harbour-42", "usable_password": "true"}
    assert scoped.post(f"{ADMIN_USERS}{mighty.pk}/password/", new).status_code == 403
    assert scoped.post(f"{ADMIN_USERS}{mighty.pk}/change/", edit(mighty, **management())).status_code == 403
    assert scoped.post(f"{ADMIN_USERS}{mighty.pk}/delete/", {"post": "yes"}).status_code == 403
    mighty.refresh_from_db()
    assert (mighty.password, mighty.display_name) == (password, "")


def test_the_administrator_of_the_whole_city_manages_everybody(city, signed_in):
    root = city.user(Role.ADMINISTRATOR)
    client = signed_in(root)
    user = city.user(Role.CITY, telephone="13812341234")
    page = client.get(f"{ADMIN_USERS}{user.pk}/change/")
    assert page.status_code == 200
    assert "13812341234" not in page.content.decode()
    assert "138****1234" in page.content.decode()
    grant = user.grants.get()
    row = {**grant_row(user, "planner"), "grants-0-id": grant.pk}
    data = edit(user, telephone="", **management(initial=1, total=1), **row)
    assert client.post(f"{ADMIN_USERS}{user.pk}/change/", data).status_code == 302
    user.refresh_from_db()
    assert (user.display_name, user.grants.get().role) == ("changed", "planner")
    assert user.telephone == User(telephone="13812341234").telephone
    assert may_manage(root, root)
    assert client.post(f"{ADMIN_USERS}{root.pk}/delete/", {"post": "yes"}).status_code == 403
    found = client.get(ADMIN_USERS, {"q": "13812341234"}).content.decode()
    assert user.username in found
    assert root.username not in re.sub(r'id="user-tools".*?</div>', "", found, flags=re.S).split("result_list")[1]


def test_the_ledger_is_read_only_even_for_the_administrator(city, signed_in):
    client = signed_in(city.user(Role.ADMINISTRATOR))
    record = AuditRecord.objects.latest("id")
    assert client.get(ADMIN_AUDIT).status_code == 200
    assert client.get(f"{ADMIN_AUDIT}{record.pk}/change/").status_code == 200
    assert client.post(f"{ADMIN_AUDIT}{record.pk}/change/", {"label": "x"}).status_code == 403
    assert client.get(f"{ADMIN_AUDIT}add/").status_code == 403
    assert client.post(f"{ADMIN_AUDIT}{record.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_site_boundary_loads_nothing_from_outside(city, signed_in):
    shop = city.organizations["shop"]
    shop.site = shop.region.boundary
    shop.save()
    page = signed_in(city.user(Role.ADMINISTRATOR)).get(f"{ADMIN_ORGANIZATIONS}{shop.pk}/change/").content.decode()
    assert "121.00000–121.50000" in page
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


def test_every_admin_of_ours_is_scoped():
    """A model that says where it belongs must not be shown by an admin that does not ask."""
    from access.admin_scope import ScopedAdminMixin

    for model, shown in admin.site._registry.items():
        if hasattr(model, "scope_paths"):
            assert isinstance(shown, ScopedAdminMixin), model


def test_no_flag_of_djangos_opens_anything(city, signed_in):
    user = city.user()
    for flag in ("is_superuser", "is_staff"):
        with pytest.raises(AttributeError):
            setattr(user, flag, True)
    assert not user.has_perm("access.view_organization")
    root = User.objects.create_superuser("root", password="calm-Harbour-42")
    assert root.is_superuser
    assert root.has_module_perms("access")
    assert [(g.role, g.region, g.organization) for g in root.grants.all()] == [("administrator", None, None)]
    Grant.objects.filter(user=root).update(region=city.regions["310115"])
    assert not root.is_superuser
