"""The risk grid of hot work: what it reads, and what its indices make of it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.contrib.gis.geos import Point
from django.utils import timezone

from command.models import Alert
from layers.hotwork import grids
from layers.hotwork.models import Welder
from layers.tests.little_city import EAST, WEST
from twin.models import State


@pytest.fixture
def working(city):
    now = timezone.now()
    for code, status, heard in ((WEST, 1, now), (EAST, 0, now - timedelta(hours=1))):
        machine = city.machines[code]
        lon = 121.35 if code == WEST else 121.55
        State.objects.create(asset=machine.asset, ts=heard, received_at=heard, lon=lon, lat=31.25, status=status)
    return city


def alert(grade, state, at, **where):
    return Alert.objects.create(
        rule="hotwork.key_area",
        rule_version=1,
        parameters={},
        grade=grade,
        state=state,
        cause=str(Alert.objects.count()),
        subject="x",
        raised_at=at,
        evidence={},
        group_by="area",
        group_key="x",
        **where,
    )


def by_key(sources):
    return dict(zip(sources.key.tolist(), sources.weight.tolist(), strict=True))


def test_machines_count_by_what_they_do_while_they_are_heard(working):
    keys = {code: working.machines[code].pk for code in (WEST, EAST)}
    now = timezone.now()
    assert by_key(grids.machines(working.whole, now)) == {keys[WEST]: 1.0, keys[EAST]: 0.2}
    assert len(grids.machines(working.whole, now + timedelta(days=2))) == 0


def test_a_key_area_counts_with_its_shape(working):
    found = grids.key_areas(working.whole, timezone.now())
    assert by_key(found) == {working.key_area.pk: 1.0}
    assert found.shape[0].bounds == pytest.approx((121.31, 31.21, 121.32, 31.22))


def test_alerts_count_by_grade_and_by_whether_they_are_taken_up(working):
    now = timezone.now()
    here = {"lon": 121.35, "lat": 31.25}
    red = alert(1, "raised", now - timedelta(days=1), **here)
    old = alert(2, "closed", now - timedelta(days=20), **here)
    alert(1, "raised", now - timedelta(days=40), **here)
    alert(1, "raised", now)
    Alert.objects.create(
        rule="chempark.x",
        rule_version=1,
        parameters={},
        grade=1,
        cause="d",
        subject="x",
        raised_at=now,
        evidence={},
        group_by="area",
        group_key="x",
        **here,
    )
    assert by_key(grids.alerts(working.whole, now)) == {red.pk: 1.0}
    assert by_key(grids.handled(working.whole, now)) == {red.pk: 0.0, old.pk: 1.0}


def test_licences_and_certificates(working):
    now = timezone.now()
    firms = {code: working.machines[code].firm for code in (WEST, EAST)}
    for code, days in ((WEST, 1), (EAST, -1)):
        firms[code].place = Point(121.35, 31.25, srid=4326)
        firms[code].licence_valid_to = now.date() + timedelta(days=days)
        firms[code].save()
    assert by_key(grids.licensed(working.whole, now)) == {firms[WEST].pk: 1.0, firms[EAST].pk: 0.0}
    machine = working.machines[WEST]
    machine.welder = Welder.objects.create(
        name="王伟",
        region=working.districts[WEST],
        certificate="building",
        certificate_number="沪1",
        valid_from=now.date() - timedelta(days=9),
        valid_to=now.date() + timedelta(days=9),
    )
    machine.save()
    assert by_key(grids.certified(working.whole, now)) == {machine.pk: 1.0, working.machines[EAST].pk: 0.0}


def test_the_indices_by_hand():
    nan = np.nan
    values = {
        "machines": np.array([5.0, 0, 0]),
        "key_areas": np.array([0.5, 1, 0]),
        "alerts": np.array([1.0, 0, 0]),
        "handled": np.array([0.5, nan, nan]),
        "licensed": np.array([1.0, nan, nan]),
        "certified": np.array([0.0, 0.4, nan]),
    }
    inherent, control = grids.inherent(values), grids.control(values)
    assert inherent == pytest.approx([100 * (1 - np.exp(-1.1)), 100 * (1 - np.exp(-0.6)), nan], nan_ok=True)
    assert control == pytest.approx([50, 40, nan], nan_ok=True)
    composite = grids.composite(values | {"inherent": inherent, "control": control})
    assert composite == pytest.approx([inherent[0] * 0.75, inherent[1] * 0.8, nan], nan_ok=True)
    unknown = grids.composite({"inherent": np.array([40.0]), "control": np.array([nan])})
    assert unknown.tolist() == [40.0]
