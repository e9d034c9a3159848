"""Organizations keep their paths whichever way they are written, and never lie inside themselves."""

from random import Random

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from access.identifiers import make_uscc
from access.models import Organization
from gis.models import Stamp


def paths():
    return {o.name: o.path for o in Organization.objects.all()}


def test_a_new_organization_knows_its_path(city):
    o = city.organizations
    assert o["group"].path == f"/{o['group'].pk}/"
    assert o["plant"].path == f"/{o['group'].pk}/{o['plant'].pk}/"


@pytest.mark.parametrize("door", ["save", "update", "sql"])
def test_moving_takes_the_subtree_along(city, door):
    o = city.organizations
    below = Organization.objects.create(
        name="unit", uscc=make_uscc(Random(9)), kind="enterprise", region=o["plant"].region, parent=o["plant"]
    )
    if door == "save":
        o["group"].parent = o["bureau"]
        o["group"].save()
        assert o["group"].path == f"/{o['bureau'].pk}/{o['group'].pk}/"
    elif door == "update":
        Organization.objects.filter(name="group").update(parent=o["bureau"])
    else:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE access_organization SET parent_id = %s WHERE name = 'group'", [o["bureau"].pk])
    chain = [o["bureau"].pk, o["group"].pk, o["plant"].pk, below.pk]
    assert paths()["unit"] == "/" + "".join(f"{pk}/" for pk in chain)
    assert paths()["plant"] == "/" + "".join(f"{pk}/" for pk in chain[:3])
    assert paths()["shop"] == f"/{o['shop'].pk}/"


def test_a_stale_instance_cannot_spoil_a_path(city):
    stale = Organization.objects.get(name="plant")
    Organization.objects.filter(name="group").update(parent=city.organizations["bureau"])
    stale.name = "works"
    stale.save()
    assert stale.path == paths()["works"] == f"{paths()['group']}{stale.pk}/"
    Organization.objects.filter(pk=stale.pk).update(path="/1/")
    assert paths()["works"] == stale.path


@pytest.mark.parametrize("below", ["group", "plant"])
def test_a_loop_is_refused_by_form_and_database(city, below):
    group = Organization.objects.get(name="group")
    group.parent = city.organizations[below]
    with pytest.raises(ValidationError, match="上级单位"):
        group.full_clean()
    with pytest.raises(IntegrityError), transaction.atomic():
        group.save()


def test_bulk_created_organizations_have_paths(city):
    random = Random(5)
    parent = city.organizations["shop"]
    Organization.objects.bulk_create(
        Organization(name=f"b{i}", uscc=make_uscc(random), kind="enterprise", region=parent.region, parent=parent)
        for i in range(3)
    )
    assert all(paths()[f"b{i}"].startswith(parent.path) for i in range(3))


def test_the_code_is_checked_and_brought_into_its_normal_form(city):
    shop = city.organizations["shop"]
    shop.uscc = "91350100m000100y43"
    shop.full_clean()
    shop.save()
    assert Organization.objects.get(uscc="91350100M000100Y43") == shop
    shop.uscc = "91350100M000100Y44"
    with pytest.raises(ValidationError, match="校验位"):
        shop.full_clean()


def test_changes_touch_their_topics(city):
    def versions():
        return dict(Stamp.objects.values_list("name", "version"))

    before = versions()
    Organization.objects.filter(name="shop").update(name="store")
    middle = versions()
    assert middle["organizations"] > before["organizations"]
    city.user("city")
    assert versions()["access"] > middle.get("access", 0)
    assert versions()["organizations"] == middle["organizations"]
