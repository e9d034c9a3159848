"""Devices in memory: of what changes only that is read again, and nothing is missed."""

from __future__ import annotations

import pytest
from django.db import connection

from devices.ingest import registry
from devices.ingest.registry import Registry
from devices.models import Device
from devices.platforms import Platform
from devices.tests.broker import wait_for
from twin.models import Asset


@pytest.fixture
def devices(db):
    assets = [Asset.objects.create(kind="machine", code=f"R-{i}", name="焊机") for i in range(10)]
    return [Device.objects.create(identifier=f"R-{i}", kind="machine", asset=a) for i, a in enumerate(assets)]


@pytest.fixture
def known(devices, monkeypatch):
    found = Registry()
    with connection.cursor() as cursor:
        assert found.refresh(cursor) is None
    # A test is one transaction, in which everything was written since its own beginning: what ended before is set aside
    # by saying that it is of long ago.
    monkeypatch.setattr(registry, "_WHOLE_ABOVE", 1.0)
    return found


def refreshed(known):
    """What a refresh read, and that it left nothing out."""
    with connection.cursor() as cursor:
        changed = known.refresh(cursor)
        whole = Registry()
        whole.refresh(cursor)
    assert known.devices == whole.devices
    return changed


def test_what_changed_is_read(known, devices):
    devices[3].numbered = False
    devices[3].save()
    assert "R-3" in refreshed(known)
    assert not known.devices["R-3"].numbered


def test_an_asset_out_of_use_and_a_platform_count_as_changes_of_their_devices(known, devices):
    Asset.objects.filter(code="R-4").update(active=False)
    platform = Platform.objects.create(name="P")
    Device.objects.filter(identifier="R-5").update(platform=platform)
    assert {"R-4", "R-5"} <= refreshed(known)
    assert known.devices["R-4"].asset is None
    assert known.devices["R-5"].platform == platform.pk
    Platform.objects.update(active=False)
    assert "R-5" in refreshed(known)
    assert known.devices["R-5"].platform is None


def test_a_new_device_is_learnt(known):
    Device.objects.create(identifier="N-1", kind="machine")
    assert "N-1" in refreshed(known)


@pytest.mark.parametrize(
    "change", [lambda d: d.delete(), lambda d: Device.objects.filter(pk=d.pk).update(identifier="Z")]
)
def test_one_that_is_gone_or_renamed_is_not_kept_under_its_name(known, devices, change):
    change(devices[0])
    assert refreshed(known) is None
    assert "R-0" not in known.devices


@pytest.mark.django_db(transaction=True)
def test_others_are_not_read_again():
    for i in range(10):
        Device.objects.create(identifier=f"R-{i}", kind="machine")
    known = Registry()
    with connection.cursor() as cursor:
        assert known.refresh(cursor) is None
        # Until nobody on this server writes any more who began before.
        wait_for(lambda: known.refresh(cursor) == set())
        Device.objects.filter(identifier="R-3").update(numbered=False)
        assert known.refresh(cursor) == {"R-3"}
        wait_for(lambda: known.refresh(cursor) == set())
        Device.objects.filter(identifier__in=["R-1", "R-2", "R-4"]).update(numbered=False)
        assert known.refresh(cursor) is None  # many: all
        assert not known.devices["R-4"].numbered
