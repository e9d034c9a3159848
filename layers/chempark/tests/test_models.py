"""What the registers refuse, and how they say it; what rules are told of them."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from access.scope import Scope
from gis.models import Stamp
from layers.chempark import attributes
from layers.chempark.models import TagHolder, Zone
from layers.tests.little_city import EAST, WEST
from twin.models import Area, Asset


def refusal(row) -> str:
    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    return "".join(caught.value.messages)


class TestZone:
    @pytest.mark.parametrize(
        ("limits", "fault"),
        [
            ({}, ""),
            ({"least_people": 3, "most_people": 3}, ""),
            ({"least_people": 3}, ""),
            ({"most_people": 0}, ""),
            ({"least_people": 4, "most_people": 3}, "人数下限不能大于上限"),
            ({"post": "值守"}, "须同时填写"),
            ({"post_people": 1}, "须同时填写"),
            ({"post": "值守", "post_people": 1}, ""),
        ],
    )
    def test_limits_that_make_sense(self, city, limits, fault):
        row = city.zones[WEST]
        for name, value in limits.items():
            setattr(row, name, value)
        if not fault:
            row.full_clean()
            row.save()
            return
        assert fault in refusal(row)
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *(("gathering_people", 1), ("most_people", 100_001), ("still_limit_s", 29), ("still_limit_s", 86_401)),
            *(("stay_limit_min", 0), ("stay_limit_min", 10_081), ("post_people", 0)),
        ],
    )
    def test_limits_out_of_range(self, city, name, value):
        row = city.zones[WEST]
        row.post = "值守" if name == "post_people" else ""
        setattr(row, name, value)
        assert "大于或等于" in refusal(row) or "小于或等于" in refusal(row)

    def test_a_zone_is_a_zone(self, city):
        fence = Area.objects.create(name="工地", kind="fence", boundary=city.zones[WEST].area.boundary)
        assert "不是人员区域" in refusal(Zone(area=fence, plant=city.plants[WEST]))


def test_a_tag_holder_is_a_person(city):
    machine = Asset.objects.create(kind="machine", code="W-1", name="焊机")
    assert "不是人员" in refusal(TagHolder(asset=machine, name="某人", plant=city.plants[WEST]))
    holder = city.holders[WEST]
    holder.telephone = "12345"
    assert "手机号码应为 11 位" in refusal(holder)
    holder.telephone = "19900001234"
    holder.full_clean()
    assert str(holder.telephone) == "199****1234"


def test_everybody_sees_their_own(city):
    for scope in (
        Scope(region_paths=(city.districts[WEST].path,)),
        Scope(organization_paths=(city.plants[WEST].organization.path,)),
    ):
        for rows in (city.plants, city.zones, city.holders):
            model = type(rows[WEST])
            assert set(model.objects.within(scope)) == {rows[WEST]}


class TestAttributes:
    def test_limits_are_told_where_there_are_any(self, city):
        Zone.objects.filter(pk=city.zones[WEST].pk).update(most_people=0, post="值守", post_people=2)
        west = city.zones[WEST].pk
        assert attributes.MOST_PEOPLE.load() == {west: 0}
        assert attributes.POST.load() == {west: "值守"}
        assert attributes.POST_PEOPLE.load() == {west: 2}
        for empty in (attributes.LEAST_PEOPLE, attributes.GATHERING_PEOPLE, attributes.STAY_LIMIT_MIN):
            assert empty.load() == {}
        assert attributes.STILL_LIMIT_S.load() == attributes.HOLDER_POST.load() == {}

    def test_who_keeps_to_which_zone_and_works_where(self, city):
        assert attributes.OWN_ZONES.load() == {}
        holder, other = city.holders[WEST], city.holders[EAST]
        holder.zones.add(*city.zones.values())
        TagHolder.objects.filter(pk=holder.pk).update(post="中控")
        assert attributes.OWN_ZONES.load() == {holder.pk: tuple(sorted(zone.pk for zone in city.zones.values()))}
        assert attributes.HOLDER_POST.load() == {holder.pk: "中控"}
        sites = attributes.SITE.load()
        assert set(sites) == {holder.pk, other.pk}
        assert sites[holder.pk].distance_m([121.305], [31.205])[0] == 0
        assert sites[other.pk].distance_m([121.305], [31.205])[0] > 15_000

    def test_what_is_out_of_use_binds_nobody(self, city):
        city.holders[WEST].zones.add(city.zones[WEST])
        Area.objects.filter(pk=city.zones[WEST].pk).update(active=False)
        assert attributes.OWN_ZONES.load() == {}
        assert set(attributes.GROUND.load()) == {city.zones[EAST].pk}

    def test_every_change_is_said(self, city):
        def version():
            return Stamp.objects.get(name="chempark").version

        before = version()
        city.holders[WEST].zones.add(city.zones[WEST])
        assert version() > before
        with connection.cursor() as cursor:
            before = version()
            cursor.execute("UPDATE chempark_zone SET most_people = 3")
        assert version() > before
