"""Devices from files: bound to their assets by kind and code, never with a key."""

from __future__ import annotations

import pytest
from django.test import Client

from access.models import Grant, User
from devices.models import Device
from twin.models import Asset
from twin.tests.test_exchange import districts, firms, text_of, tried

__all__ = ["districts", "firms"]
DEVICES = "/admin/devices/device/"


@pytest.fixture
def keeper(firms):
    user = User.objects.create_user("keeper")
    Grant.objects.create(user=user, role="enterprise", organization=firms[0])
    client = Client()
    client.force_login(user)
    return client


def test_devices_are_registered_and_bound_inside_the_scope(firms, keeper):
    for n, firm in enumerate(firms):
        Asset.objects.create(kind="machine", code=f"M-{n}", name="焊机", owner=firm)
    head = ["终端编号", "类别", "对象", "坐标系", "消息有编号"]
    rows = [["D-0", "设备", "machine/M-0", "GCJ-02", "是"], ["D-1", "设备", "machine/M-1", "gcj02", "是"],
            ["D-2", "人员", "M-0", "gcj02", "是"], ["D 3", "设备", "", "gcj02", "是"]]  # fmt: skip
    where, report = tried(keeper, DEVICES, text_of(head, *rows))
    assert [row.fate for row in report.rows] == ["new", "refused", "refused", "refused"]
    assert "不在您的数据范围内" in dict(report.rows[1].errors)["对象"]
    keeper.post(where, {"bad": "skip"})
    device = Device.objects.get()
    assert (device.identifier, device.asset.code, device.datum, device.key_hash) == ("D-0", "M-0", "gcj02", "")
    out = keeper.post(f"{DEVICES}export/", {"kind": "csv"}).content
    assert b"machine/M-0" in out
    _where, report = tried(keeper, DEVICES, out)
    assert [row.fate for row in report.rows] == ["same"]
