"""What the registers refuse, and how they say it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from access.identifiers import make_identity_number
from access.scope import Scope
from gis.models import Stamp
from layers.hotwork import attributes
from layers.hotwork.models import ControlRecord, ImportantPeriod, KeyArea, Machine, Welder, WorkConfirmation
from layers.tests.little_city import EAST, WEST
from twin.models import Area, Asset

IDENTITY = make_identity_number(Random(5))


def welder(city, **fields) -> Welder:
    plain = {
        "name": "王伟",
        "identity_number": IDENTITY,
        "region": city.districts[WEST],
        "valid_from": date(2024, 5, 1),
        "valid_to": date(2030, 5, 1),
    }
    return Welder(**(plain | fields))


def refusal(row) -> str:
    with pytest.raises(ValidationError) as caught:
        row.full_clean()
    return "".join(caught.value.messages)


class TestWelder:
    def test_the_certificate_s_number_is_shown_masked(self, city):
        row = welder(city)
        row.full_clean()
        row.save()
        row.refresh_from_db()
        assert row.certificate_shown == f"T{IDENTITY[:3]}***********{IDENTITY[-4:]}"
        assert Welder.objects.get(identity_number=IDENTITY) == row

    def test_an_identity_number_is_not_typed_into_the_open(self, city):
        assert "含有公民身份号码" in refusal(welder(city, certificate_number=f"T{IDENTITY}"))
        assert "含有公民身份号码" in refusal(welder(city, certificate="building", certificate_number=IDENTITY.lower()))

    def test_each_certificate_has_a_number(self, city):
        assert "须登记公民身份号码" in refusal(welder(city, identity_number=None))
        assert "请填写证书编号" in refusal(welder(city, certificate="building"))
        welder(city, certificate="building", certificate_number="沪A042024000001", identity_number=None).full_clean()

    @pytest.mark.parametrize("days", [0, -1])
    def test_it_ends_after_it_begins(self, city, days):
        row = welder(city, valid_to=date(2024, 5, 1) + timedelta(days))
        assert "有效期至须晚于有效期自" in refusal(row)
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()


class TestPeriod:
    def period(self, city, **fields) -> ImportantPeriod:
        start = datetime(2026, 10, 1, tzinfo=UTC)
        plain = {"name": "国庆", "starts_at": start, "ends_at": start + timedelta(days=7), "region": city.whole}
        return ImportantPeriod(**(plain | fields))

    def test_add_change_delete(self, city):
        row = self.period(city)
        row.full_clean()
        row.save()
        assert row.place == "示例市"
        row.area = city.key_area
        row.save()
        assert row.place == "油库"
        row.delete()
        assert not ImportantPeriod.objects.exists()

    @pytest.mark.parametrize("seconds", [0, -1])
    def test_the_end_before_the_start_is_refused(self, city, seconds):
        start = datetime(2026, 10, 1, tzinfo=UTC)
        row = self.period(city, ends_at=start + timedelta(seconds=seconds))
        assert "结束时间须晚于开始时间" in refusal(row)
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()


class TestTwins:
    def test_a_machine_is_a_machine_on_a_site(self, city):
        person = Asset.objects.create(kind="person", code="P-1", name="某人")
        firm = city.machines[WEST].firm
        assert "不是设备" in refusal(Machine(asset=person, serial="1", model="x", firm=firm))
        row = city.machines[WEST]
        row.site = city.key_area
        assert "须为电子围栏" in refusal(row)

    def test_a_key_area_is_one(self, city):
        fence = Area.objects.create(name="工地", kind="fence", boundary=city.key_area.boundary)
        assert "不是重点区域" in refusal(KeyArea(area=fence))
        KeyArea(area=city.key_area).full_clean()

    def test_forbidden_hours_must_be_readable(self, city):
        assert "时间写作 08:00" in refusal(
            KeyArea(area=city.key_area, forbidden_periods=[{"kind": "daily", "start": "8", "end": "9"}])
        )


class TestScope:
    def test_a_machine_is_its_owner_s_and_of_the_district_where_it_is(self, city):
        west, east = (Scope(region_paths=(city.districts[code].path,)) for code in (WEST, EAST))
        assert set(Machine.objects.within(west)) == {city.machines[WEST]}
        own = Scope(organization_paths=(city.builders[EAST].path,))
        assert set(Machine.objects.within(own)) == {city.machines[EAST]}
        from twin.models import State

        now = timezone.now()
        State.objects.create(
            asset=city.machines[WEST].asset, ts=now, received_at=now, lon=121.55, lat=31.25, status=0,
            region=city.districts[EAST],
        )  # fmt: skip
        assert set(Machine.objects.within(east)) == set(city.machines.values())


class TestAttributes:
    """What rules are told of the registers."""

    def test_welders_hours_and_nothing_of_the_others(self, city):
        row = welder(city)
        row.save()
        Machine.objects.filter(pk=city.machines[WEST].pk).update(welder=row)
        assert attributes.WELDER.load() == {city.machines[WEST].pk: "王伟"}
        KeyArea.objects.create(area=city.key_area, forbidden_periods=[{"kind": "night"}])
        hours = attributes.FORBIDDEN_PERIODS.load()
        assert set(hours) == {city.key_area.pk}
        assert len(hours[city.key_area.pk]) == 1

    def test_periods_of_a_region_hold_in_what_it_contains(self, city):
        assert attributes.IMPORTANT_PERIODS.load() == {}
        start = datetime(2026, 10, 1, tzinfo=UTC)
        common = {"starts_at": start, "ends_at": start + timedelta(days=7)}
        ImportantPeriod.objects.create(name="全市", region=city.whole, **common)
        ImportantPeriod.objects.create(name="油库", region=city.districts[WEST], area=city.key_area, **common)
        values = attributes.IMPORTANT_PERIODS.load()
        assert set(values) == {machine.pk for machine in city.machines.values()}
        whole, place = values[city.machines[WEST].pk]
        assert (whole.name, whole.area, whole.regions) == (
            "全市", 0, {city.whole.pk, *(d.pk for d in city.districts.values())},
        )  # fmt: skip
        assert (place.name, place.area, place.regions) == ("油库", city.key_area.pk, frozenset())
        assert whole.start_us == int(start.timestamp()) * 1_000_000

    def test_a_confirmation_counts_until_midnight_of_the_city(self, city, monkeypatch):
        late = datetime(2026, 10, 1, 15, 59, 59, tzinfo=UTC)  # 23:59:59 in Shanghai
        monkeypatch.setattr(timezone, "now", lambda: late)
        record = ControlRecord.objects.create(
            asset=city.machines[WEST].asset, area=city.key_area, place_name="油库", started_at=late, lon=121, lat=31
        )
        user = city.client("city").session["_auth_user_id"]
        WorkConfirmation.objects.create(record=record, confirmed_by_id=user)
        until_us, area, place = attributes.CONFIRMED_UNTIL.load()[city.machines[WEST].pk]
        assert until_us == int(late.timestamp() + 1) * 1_000_000
        assert (area, place) == (city.key_area.pk, "油库")
        monkeypatch.setattr(timezone, "now", lambda: late + timedelta(days=2))
        assert attributes.CONFIRMED_UNTIL.load() == {}

    def test_every_change_is_said(self, city):
        def version(topic):
            return getattr(Stamp.objects.filter(name=topic).first(), "version", 0)

        before = version("hotwork")
        welder(city).save()
        assert version("hotwork") > before
        with connection.cursor() as cursor:
            before = version("hotwork")
            cursor.execute("DELETE FROM hotwork_machine")
        assert version("hotwork") > before
