"""The desk: in Chinese, ours alone, and a command from it reaches the device and comes back answered."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta
from random import Random

import pytest
from django.contrib import admin
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone, translation

from access.identifiers import make_uscc
from access.models import AuditRecord, Grant, Organization, User
from devices.models import Device, DeviceCommand, Refusal, RefusalCount
from devices.tests.broker import wait_for
from devices.tests.test_ingest import Road, Station
from devices.topics import topic
from gis.models import Region
from layers.folders import module_keys
from media.models import Gb28181Setting
from twin.models import Area, Asset, State

pytestmark = pytest.mark.slow
CHINESE = re.compile("[\u4e00-\u9fff]")
DEVICES = "/admin/devices/device/"


@pytest.fixture
def district(db):
    boundary = MultiPolygon(Polygon.from_bbox((121, 31, 122, 32)), srid=4326)
    return Region.objects.create(code="310101", name="黄浦区", level="district", boundary=boundary)


@pytest.fixture
def firm(district):
    return Organization.objects.create(name="一厂", uscc=make_uscc(Random(1)), kind="enterprise", region=district)


def client_of(role, **place):
    user = User.objects.create_user(f"a-{role}")
    Grant.objects.create(user=user, role=role, **place)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def administrator(db):
    return client_of("administrator")


def test_everything_on_the_desk_is_named_in_chinese(administrator):
    with translation.override("zh-hans"):
        for model in admin.site._registry:
            floors = {"geo", "access", "twin", "devices", "media", "command"}
            assert model._meta.app_label in floors | set(module_keys()), model
            names = [model._meta.app_config.verbose_name, model._meta.verbose_name, model._meta.verbose_name_plural]
            names += [f.verbose_name for f in model._meta.fields if not f.primary_key]
            assert all(CHINESE.search(str(name)) for name in names), names
    page = administrator.get("/admin/").content.decode()
    assert "沙盘 · 管理台" in page
    assert "Django" not in page
    assert 'href="/">地图' in page and 'href="/plan/">规划台' in page


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_list_opens_without_anything_the_policy_forbids(administrator, language):
    """The page policy forbids inline styles and scripts; they would silently not work."""
    administrator.cookies["django_language"] = language
    for model in admin.site._registry:
        for tail in ("", "add/"):
            answer = administrator.get(f"/admin/{model._meta.app_label}/{model._meta.model_name}/{tail}")
            if tail and answer.status_code == 403:
                continue
            assert answer.status_code == 200, (model, tail)
            page = answer.content.decode()
            assert "access/desk.css" in page
            assert not re.search(r"\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)(?![^>]*application/json)", page), (
                model,
                tail,
            )


def test_every_register_leaves_as_a_file_and_those_that_are_kept_by_people_come_back(administrator, firm):
    """What a module registers has import and export without a line of its own."""
    area = Area.objects.create(name="油库", kind="key_area", boundary=firm.region.boundary, region=firm.region)
    asset = Asset.objects.create(kind="machine", code="W-1", name="焊机", owner=firm)
    Device.objects.create(identifier="D-1", kind="machine", asset=asset)
    Refusal.objects.create(at=timezone.now(), reason="no_asset", device="=1+1")
    kept = 0
    for model, page in admin.site._registry.items():
        where = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        out = administrator.post(f"{where}export/", {"kind": "csv"})
        assert out.status_code == 200, model
        rows = list(csv.reader(io.StringIO(out.content.decode("utf-8-sig"))))
        assert all(CHINESE.search(title) for title in rows[0]), (model, rows[0])
        assert all(not cell.startswith("=") for row in rows for cell in row)
        answer = administrator.get(f"{where}import/")
        if not page.takes_files:
            assert answer.status_code == 403, model
            continue
        assert answer.status_code == 200, model
        form = {"datum": "wgs84"}
        taken = administrator.post(f"{where}import/", {"file": SimpleUploadedFile("f.csv", out.content), **form})
        if len(rows) > 1:
            report = administrator.get(taken["Location"]).context["report"]
            assert {row.fate for row in report.rows} == {"same"}, (model, report.rows)
            kept += 1
        template = administrator.get(f"{where}import/template.csv").content.decode("utf-8-sig")
        assert set(template.strip().split(",")) <= set(rows[0])
    assert kept >= 5
    assert area.pk


def test_every_register_can_be_searched_and_filtered():
    for model, page in admin.site._registry.items():
        if model is Gb28181Setting:
            continue  # one row
        if model._meta.app_label != "command" or model._meta.model_name in ("alert", "rulesetting"):
            assert page.search_fields or page.list_filter, model
            assert page.list_filter, model


def test_the_overview_counts_what_needs_somebody_and_leads_to_it(administrator, firm):
    asset = Asset.objects.create(kind="machine", code="W-1", name="焊机", owner=firm)
    quiet = Device.objects.create(identifier="D-1", kind="machine", asset=asset)
    Device.objects.create(identifier="D-2", kind="machine")
    long_ago = timezone.now() - timedelta(hours=1)
    State.objects.create(asset=asset, ts=long_ago, received_at=long_ago, lon=121.1, lat=31.1, status=1)
    RefusalCount.objects.create(day=timezone.now().date(), reason="no_asset", count=7)
    tiles = {tile.title: tile for tile in administrator.get("/admin/").context["tiles"]}
    assert tiles["静默的终端"].count == 1
    assert tiles["今天拒收的消息"].count == 7
    assert tiles["未关闭的预警"].count == 0
    listed = administrator.get(tiles["静默的终端"].address).content.decode()
    assert quiet.identifier in listed
    assert "D-2" not in listed
    assert "没有符合条件的记录" in administrator.get("/admin/devices/device/?q=nothing").content.decode()
    State.objects.update(status=3)
    planner = client_of("planner", region=firm.region)
    told = {tile.title: tile.count for tile in planner.get("/admin/").context["tiles"]}
    assert told == {"未关闭的预警": 0, "静默的终端": 0}


def test_refusals_are_told_in_words(administrator):
    now = timezone.now()
    record = Refusal.objects.create(at=now, reason="out_of_range_lat", device="W-1", detail="lat: 131")
    Refusal.objects.create(at=now, reason="no_asset", device="W-2")
    for reason in ("out_of_range_lat", "no_asset", "of_tomorrow"):
        RefusalCount.objects.create(day=now.date(), reason=reason, count=3)
    page = administrator.get("/admin/devices/refusal/").content.decode()
    assert re.search(r"纬度超出范围 <span[^>]*>out_of_range_lat<", page)
    chosen = administrator.get("/admin/devices/refusal/?reason=no_asset").content.decode()
    assert "W-2" in chosen
    assert "W-1" not in chosen
    assert (
        "请检查终端的传感器和单位" in administrator.get(f"/admin/devices/refusal/{record.pk}/change/").content.decode()
    )
    counts = administrator.get("/admin/devices/refusalcount/").content.decode()
    assert "终端未绑定对象" in counts
    assert "of_tomorrow" in counts


RING = [[121.4, 31.2], [121.5, 31.2], [121.5, 31.3], [121.4, 31.3], [121.4, 31.2]]
BOW = [[121.4, 31.2], [121.5, 31.3], [121.5, 31.2], [121.4, 31.3], [121.4, 31.2]]


def polygon(ring):
    return {"type": "Polygon", "coordinates": [ring]}


def save_area(client, boundary, **fields):
    body = {"name": "围栏", "kind": "fence", "boundary": boundary, "active": "on", **fields}
    answer = client.post("/admin/twin/area/add/", body)
    errors = answer.context["adminform"].form.errors if answer.status_code == 200 else {}
    return {name: "".join(texts) for name, texts in errors.items()}


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (json.dumps(polygon(RING)), 1),
        (json.dumps({"type": "MultiPolygon", "coordinates": [[RING]]}), 1),
        (json.dumps({"type": "Feature", "properties": {}, "geometry": polygon(RING)}), 1),
        (json.dumps({"type": "FeatureCollection", "features": [
            {"type": "Feature", "properties": {}, "geometry": polygon(RING)},
            {"type": "Feature", "properties": {}, "geometry": polygon([[x + 0.2, y] for x, y in RING])},
        ]}), 2),
        (json.dumps(polygon([[*point, 12.5] for point in RING])), 1),
        ("POLYGON((121.4 31.2, 121.5 31.2, 121.5 31.3, 121.4 31.2))", 1),
    ],
)  # fmt: skip
def test_a_boundary_is_taken_as_people_paste_it(administrator, text, pieces):
    assert save_area(administrator, text) == {}
    area = Area.objects.get()
    assert (len(area.boundary), area.boundary.hasz, area.boundary.srid) == (pieces, False, 4326)
    # Saved again as the page shows it, nothing has changed.
    shown = administrator.get(f"/admin/twin/area/{area.pk}/change/").context["adminform"].form["boundary"].value()
    body = {"name": "围栏", "kind": "fence", "boundary": shown, "active": "on"}
    assert administrator.post(f"/admin/twin/area/{area.pk}/change/", body).status_code == 302
    assert Area.objects.get().version == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "请粘贴范围"),
        ("工地东侧", "无法识别范围"),
        ("12", "无法识别范围"),
        ("{", "无法识别范围"),
        ('{"type": "Feature"}', "无法识别范围"),
        ('{"type": "FeatureCollection", "features": [1]}', "无法识别范围"),
        (json.dumps(polygon(RING[:-1])), "首尾两点相同"),
        (json.dumps(polygon([])), "范围是空的"),
        ('{"type": "FeatureCollection", "features": []}', "范围是空的"),
        ('{"type": "LineString", "coordinates": [[121, 31], [122, 32]]}', "范围必须是面，现在是线"),
        ("POINT(121 31)", "范围必须是面，现在是点"),
        (json.dumps(polygon(BOW)), "边界自相交（经度 121.45，纬度 31.25 附近）"),
        ("POLYGON((0 0,1 0,0 0,0 0))", "围不成面"),
        (json.dumps({"type": "MultiPolygon", "coordinates": [[RING], [RING]]}), "范围无效"),
        ("POLYGON((350000 3450000, 351000 3450000, 351000 3451000, 350000 3450000))", "坐标不是经纬度"),
    ],
)
def test_a_boundary_that_cannot_be_used_says_why(administrator, text, said):
    errors = save_area(administrator, text)
    assert set(errors) == {"boundary"}
    assert said in errors["boundary"]
    assert "<" not in re.sub("</?[a-z][^>]*>", "", errors["boundary"])
    assert not Area.objects.exists()


def test_an_area_upside_down_is_refused(administrator):
    assert save_area(administrator, json.dumps(polygon(RING)), z_min_m=50, z_max_m=20) == {
        "z_max_m": "顶高须大于底高。"
    }


@pytest.fixture
def road(tmp_path, settings, transactional_db):
    road = Road(tmp_path)
    settings.MQTT_URL = f"mqtt://platform:road@127.0.0.1:{road.broker.port}"
    yield road
    road.stop()


@pytest.fixture
def station(road, firm):
    road.ingest()
    station = Station(road)
    Asset.objects.filter(pk=station.asset.pk).update(owner=firm)
    yield station
    station.close()


def ask(client, *devices, **fields):
    body = {"action": "send_commands", "_selected_action": [d.pk for d in devices], **fields}
    return client.post(DEVICES, body, follow=True)


def test_a_command_reaches_the_device_and_its_reply_is_on_the_desk(station, administrator):
    received = []

    def obey(client, _data, message):
        received.append(json.loads(message.payload))
        reply = {"id": received[-1]["id"], "result": "ok", "text": "每 10 秒"}
        client.publish(topic("machine", "W-0001", "reply"), json.dumps(reply), 1)

    station.client.on_message = obey
    station.client.on_subscribe = lambda *_: received.append("listening")
    station.client.subscribe(topic("machine", "W-0001", "cmd"), 1)
    wait_for(lambda: received)
    received.clear()
    asked = ask(administrator, station.device)
    assert "W-0001" in asked.content.decode()
    assert not DeviceCommand.objects.exists()
    done = ask(administrator, station.device, send="1", name="interval", args='{"seconds": 10}')
    assert "已下发到 1 台终端" in done.content.decode()
    wait_for(lambda: received)
    assert (received[0]["name"], received[0]["args"]) == ("interval", {"seconds": 10})
    wait_for(lambda: DeviceCommand.objects.get().state == "ok")
    page = administrator.get("/admin/devices/devicecommand/").content.decode()
    assert "已执行" in page
    assert "每 10 秒" in page
    command = DeviceCommand.objects.get()
    assert (command.pk, command.issued_by.username) == (received[0]["id"], "a-administrator")
    assert AuditRecord.objects.get(model="devices.DeviceCommand", action="create").actor == command.issued_by
    DeviceCommand.objects.update(state="sent", expires_at=timezone.now())
    assert "超时未应答" in administrator.get("/admin/devices/devicecommand/").content.decode()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "", "args": ""}, "这个字段是必填项"),
        ({"name": "重启", "args": ""}, "指令名以字母开头"),
        ({"name": "interval", "args": "{seconds: 10}"}, "第 1 行第 2 个字符处有误"),
        ({"name": "interval", "args": "[10]"}, "必须是 JSON 对象"),
        ({"name": "interval", "args": '{"seconds": NaN}'}, "数值或层数超出允许"),
        ({"name": "x", "args": json.dumps({"a": "b" * 5000})}, "最多 4096 字节"),
    ],
)
def test_a_command_that_makes_no_sense_is_not_sent(administrator, fields, said):
    device = Device.objects.create(identifier="W-9", kind="machine", key_hash="$7$")
    page = ask(administrator, device, send="1", **fields).content.decode()
    assert said in page
    assert not DeviceCommand.objects.exists()


def test_a_command_nobody_could_take_is_said_and_not_recorded(administrator, settings):
    settings.MQTT_URL = "mqtt://platform:x@127.0.0.1:9"
    keyless = Device.objects.create(identifier="W-8", kind="machine")
    device = Device.objects.create(identifier="W-9", kind="machine", key_hash="$7$")
    page = ask(administrator, keyless, device, send="1", name="locate").content.decode()
    assert "W-8 — 指令未发出：终端尚未签发密钥" in page
    assert "W-9 — 指令未发出：消息服务不可用" in page
    assert not DeviceCommand.objects.exists()


@pytest.mark.parametrize("role", ["dispatcher", "district", "enterprise", "planner"])
def test_only_who_dispatches_or_keeps_devices_there_commands(road, firm, role):
    place = {"enterprise": {"organization": firm}, "dispatcher": {}, "planner": {}}.get(role, {"region": firm.region})
    asset = Asset.objects.create(kind="machine", code="W-1", name="焊机", owner=firm)
    own = Device.objects.create(identifier="W-1", kind="machine", asset=asset, key_hash="$7$")
    client = client_of(role, **place)
    page = ask(client, own, send="1", name="locate")
    assert page.status_code == 200
    assert DeviceCommand.objects.exists() == (role != "planner")


def test_nobody_commands_what_lies_outside_their_scope(road, firm):
    """A dispatcher of one firm who may look at the whole city: devices elsewhere are seen, and left alone."""
    device = Device.objects.create(identifier="W-1", kind="machine", key_hash="$7$")
    client = client_of("dispatcher", organization=firm)
    Grant.objects.create(user=User.objects.get(), role="planner")
    page = ask(client, device, send="1", name="locate").content.decode()
    assert "所选终端中有您无权下发指令的" in page
    assert not DeviceCommand.objects.exists()
