"""What every area was, from when until when: whoever changes it, and however."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import pairwise

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from access.audit import RequestContext, running
from access.models import User
from twin.models import VERSIONED, Area, AreaVersion

pytestmark = pytest.mark.django_db

MIGRATION = import_module("twin.migrations.0009_area_source")


def box(east):
    return MultiPolygon(Polygon.from_bbox((121, 31, east, 32)), srid=4326)


@pytest.fixture
def area():
    return Area.objects.create(name="一区", kind="fence", boundary=box(122))


def kept(area_id):
    """Version, name and easternmost degree, and whether each begins where the one before ended."""
    rows = list(AreaVersion.objects.filter(area=area_id))
    assert all(a.valid_to == b.valid_from for a, b in pairwise(rows))
    return [(row.version, row.name, row.boundary.extent[2]) for row in rows]


def test_every_way_to_change_an_area_leaves_its_versions(area):
    area.boundary = box(123)
    area.save()
    Area.objects.filter(pk=area.pk).update(name="二区")
    area.refresh_from_db()
    area.name = "三区"
    Area.objects.bulk_update([area], ["name"])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE twin_area SET name = '四区' WHERE id = %s", [area.pk])
        cursor.execute("UPDATE twin_area SET name = name, version = 99 WHERE id = %s", [area.pk])
    assert kept(area.pk) == [(1, "一区", 122), (2, "一区", 123), (3, "二区", 123), (4, "三区", 123), (5, "四区", 123)]
    assert Area.objects.get().version == 5
    first, *_rest = AreaVersion.objects.all()
    in_use = AreaVersion.objects.at(first.valid_from).get()
    assert (in_use.version, in_use.active, in_use.kind) == (1, True, "fence")
    assert not AreaVersion.objects.at(first.valid_from - timedelta(milliseconds=1)).exists()
    assert AreaVersion.objects.at(timezone.now()).get().version == 5


def test_an_area_that_is_deleted_has_a_past_and_goes_on_counting_if_put_back(area):
    key = area.pk
    area.delete()
    assert [row.name for row in AreaVersion.objects.all()] == ["一区"]
    assert not AreaVersion.objects.filter(valid_to=None).exists()
    Area.objects.bulk_create([Area(pk=key, name="回来", kind="fence", boundary=box(122))])
    assert Area.objects.get().version == 2
    assert AreaVersion.objects.at(timezone.now()).get().name == "回来"


def test_out_of_use_is_a_version_that_no_moment_shows(area):
    Area.objects.filter(pk=area.pk).update(active=False)
    assert AreaVersion.objects.count() == 2
    assert not AreaVersion.objects.at(timezone.now()).exists()


def test_versions_say_who_made_them(area):
    person = User.objects.create_user("planner")
    request = RequestFactory().get("/")
    request.user = person
    with running(RequestContext(request=request)):
        Area.objects.filter(pk=area.pk).update(name="二区")
        many = Area.objects.bulk_create([Area(name=f"{i}", kind="fence", boundary=box(122)) for i in range(2)])
    Area.objects.filter(pk=area.pk).update(name="三区")
    assert [row.changed_by for row in AreaVersion.objects.filter(area=area)] == [None, person, None]
    assert {row.changed_by for row in AreaVersion.objects.filter(area__in=many)} == {person}


def test_the_columns_kept_are_the_columns_declared():
    names = {field.attname for field in Area._meta.concrete_fields} - {"id", "version"}
    assert names == set(VERSIONED) == {column.strip() for column in MIGRATION.COLUMNS.split(",")}


def test_areas_from_before_this_history_stand_for_their_own_past(area):
    AreaVersion.objects.all().delete()
    old = Area.objects.bulk_create([Area(name="旧", kind="fence", boundary=box(122))])[0]
    AreaVersion.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(MIGRATION.BEGIN_WITH_NOW)
    # The first was seen to be made; of the second nobody knows.
    assert AreaVersion.objects.get(area=area).valid_from is not None
    assert AreaVersion.objects.get(area=old).valid_from is None
    assert AreaVersion.objects.at(datetime(2020, 1, 1, tzinfo=UTC)).get().name == "旧"
