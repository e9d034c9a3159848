"""Every door through which alerts are seen or worked on: the API, the desk, the socket."""

from __future__ import annotations

import json
import re

import pytest
from django.db import connection
from django.test import Client

from access.models import AuditRecord
from access.scope import scope_of
from command.feed import AlertFeed
from command.models import Alert, RuleSetting, RuleVersion
from command.push import messages_of
from command.seeding import keep_settings
from command.tests.rulebook import CROWDED, KEY_AREA, SOS, TOO_FAST
from command.wire import read_alerts
from twin.live.feeds import Feed, FeedTeller
from twin.live.sight import sight_of

pytestmark = pytest.mark.django_db

SEES = {
    "city": {"西", "东", "西厂在东", "全市"},
    "planner": {"西", "东", "西厂在东", "全市"},
    "west": {"西", "西厂在东"},
    "east": {"东", "西厂在东"},
    "firm": {"西", "西厂在东"},
    "nobody": set(),
}


@pytest.fixture
def alerts(town):
    west, east = town.firms["西厂"], town.firms["东厂"]
    made = {
        "西": town.alert(KEY_AREA, owner=west, region=town.west),
        "东": town.alert(KEY_AREA, owner=east, region=town.east),
        "西厂在东": town.alert(TOO_FAST, owner=west, region=town.east),
        "全市": town.alert(SOS),
    }
    return {alert.pk: name for name, alert in made.items()}


def key_of(alerts, name):
    return next(key for key, held in alerts.items() if held == name)


@pytest.mark.parametrize("who", SEES)
def test_the_api_shows_what_is_in_scope(town, alerts, who):
    client = town.client(who)
    answer = client.get("/api/v1/alerts").json()
    assert {alerts[alert["id"]] for alert in answer["alerts"]} == SEES[who]
    for key, name in alerts.items():
        assert (client.get(f"/api/v1/alerts/{key}").status_code == 200) == (name in SEES[who])
        assert (client.get(f"/api/v1/alerts/{key}/assignees").status_code == 200) == (name in SEES[who])


@pytest.mark.parametrize("who", SEES)
def test_the_desk_shows_what_is_in_scope(town, alerts, who):
    client = town.client(who)
    page = client.get("/admin/command/alert/")
    if page.status_code != 200:
        assert who == "nobody"
        return
    assert {alerts[alert.pk] for alert in page.context["cl"].queryset} == SEES[who]
    for key, name in alerts.items():
        shown = client.get(f"/admin/command/alert/{key}/change/")
        assert (shown.status_code == 200) == (name in SEES[who])


@pytest.mark.parametrize("who", SEES)
def test_the_socket_tells_what_is_in_scope(town, alerts, who):
    feed = Feed(AlertFeed())
    feed.replace(feed.source.load(), feed.tick)
    teller = FeedTeller(feed, "zh-hans")
    teller.allow(sight_of(scope_of(town.users[who])))
    (snapshot,) = teller.messages()
    assert snapshot["type"] == "alerts"
    assert {alerts[alert["id"]] for alert in snapshot["alerts"]} == SEES[who]
    assert [alert["grade"] for alert in snapshot["alerts"]] == sorted(a["grade"] for a in snapshot["alerts"])
    # A change reaches whoever sees it, once.
    key = key_of(alerts, "东")
    town.client("city").post(f"/api/v1/alerts/{key}/acknowledge", "{}", "application/json")
    with connection.cursor() as cursor:
        (message,) = messages_of(read_alerts(cursor, [key]), "web")
    feed.take(feed.source.read(message.payload))
    feed.take(feed.source.read(message.payload))
    told = teller.messages()
    assert [(m["type"], m["alert"]["state"]) for m in told] == [("alert", "acknowledged")] * ("东" in SEES[who])
    assert teller.messages() == []
    teller.allow(sight_of(scope_of(town.users[who])))
    assert teller.messages() == []


def test_an_alert_out_of_sight_cannot_be_touched(town, alerts):
    client = town.client("east")
    key = key_of(alerts, "西")
    for action in ("acknowledge", "dispose", "close"):
        assert client.post(f"/api/v1/alerts/{key}/{action}", "{}", "application/json").status_code == 404
    assert Alert.objects.get(pk=key).state == "raised"


def test_seen_but_not_ones_own_to_answer(town, alerts):
    answer = town.client("planner").post(f"/api/v1/alerts/{key_of(alerts, '西')}/acknowledge", "{}", "application/json")
    assert (answer.status_code, "没有调度权限" in answer.json()["detail"]) == (403, True)


def test_the_api_from_raised_to_disposed(town, alerts):
    client, key = town.client("west"), key_of(alerts, "西")
    assert client.get(f"/api/v1/alerts/{key}").json()["actions"] == [
        {"key": "acknowledge", "name": "确认"},
        {"key": "assign", "name": "指派"},
    ]
    people = client.get(f"/api/v1/alerts/{key}/assignees").json()["users"]
    assert {person["name"] for person in people} == {"firm", "west"}

    def post(action, **body):
        return client.post(f"/api/v1/alerts/{key}/{action}", json.dumps(body), "application/json")

    assert post("assign", assign_to=town.users["firm"].pk).json()["assigned_to"]["name"] == "firm"
    assert post("assign", assign_to=10**9).status_code == 404
    assert post("dispose", text="已处置").status_code == 409
    assert post("acknowledge").json()["state"] == "acknowledged"
    assert post("dispose").status_code == 409
    assert post("dispose", text="长" * 2001).status_code == 422
    assert post("explode").status_code == 422
    done = post("dispose", text="已停工").json()
    assert (done["state"], done["feedback"], done["title"], done["sound"]) == (
        "disposed",
        "已停工",
        "重点区域内作业",
        True,
    )
    assert [step["action"] for step in done["steps"]] == ["raised", "assign", "acknowledge", "dispose"]
    assert done["actions"] == [{"key": "return", "name": "退回"}]


def test_a_foreign_page_cannot_answer_for_its_visitor(town, alerts):
    client = Client(enforce_csrf_checks=True)
    client.force_login(town.users["west"])
    key = key_of(alerts, "西")
    assert client.post(f"/api/v1/alerts/{key}/acknowledge", "{}", "application/json").status_code == 403
    assert Client().post(f"/api/v1/alerts/{key}/acknowledge", "{}", "application/json").status_code in (302, 401, 403)
    assert Alert.objects.get(pk=key).state == "raised"


def test_lists_are_narrowed(town, alerts):
    client = town.client("city")

    def listed(query):
        return {alerts[alert["id"]] for alert in client.get(f"/api/v1/alerts?{query}").json()["alerts"]}

    Alert.objects.filter(pk=key_of(alerts, "东")).update(state="closed")
    everybody = {"西", "东", "西厂在东", "全市"}
    assert listed("") == everybody - {"东"}
    assert listed("state=all") == everybody
    assert listed("state=closed") == {"东"}
    assert listed(f"rule={TOO_FAST.id}") == {"西厂在东"}
    assert listed("grade=1") == {"全市"}
    assert listed("state=all&since=2026-06-10T00:00:00Z") == set()
    assert listed("state=all&until=2026-06-10T00:00:00Z") == everybody
    assert client.get("/api/v1/alerts?limit=2").json()["truncated"]
    assert client.get("/api/v1/alerts?state=lost").status_code == 422


def test_the_list_asks_as_often_for_many_as_for_few(town, alerts, django_assert_max_num_queries):
    client = town.client("west")
    with django_assert_max_num_queries(8) as few:
        client.get("/api/v1/alerts")
    for _ in range(10):
        town.alert(TOO_FAST, owner=town.firms["西厂"], region=town.west)
    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get("/api/v1/alerts")


def act(client, action, *keys, **fields):
    body = {"action": action, "_selected_action": keys, **fields}
    return client.post("/admin/command/alert/", body, follow=True).content.decode()


def test_the_desk_from_raised_to_closed(town, alerts):
    west, city, key = town.client("west"), town.client("city"), key_of(alerts, "西")
    assert "确认：1 条预警" in act(west, "acknowledge", key)
    page = act(west, "dispose", key)
    assert "焊机" in page
    assert 'name="text"' in page
    assert "这个字段是必填项" in act(west, "dispose", key, do="1")
    assert "处置：1 条预警" in act(west, "dispose", key, do="1", text="已停工")
    assert "不能是处置人本人" in act(west, "verify", key)
    assert "核验：1 条预警" in act(city, "verify", key)
    assert "关闭：1 条预警" in act(city, "close", key)
    page = city.get(f"/admin/command/alert/{key}/change/").content.decode()
    assert "已停工" in page
    assert not re.search(r"\sstyle=|\son\w+=", page)
    assert key not in [alert.pk for alert in city.get("/admin/command/alert/").context["cl"].queryset]
    assert key in [alert.pk for alert in city.get("/admin/command/alert/?state=all").context["cl"].queryset]


def test_the_desk_assigns_and_says_what_cannot_be(town, alerts):
    client, keys = town.client("west"), [key_of(alerts, "西"), key_of(alerts, "西厂在东")]
    assert "firm" in act(client, "assign", *keys)
    assert "指派：2 条预警" in act(client, "assign", *keys, do="1", assign_to=town.users["firm"].pk)
    assert "不能核验" in act(client, "verify", *keys)
    assert 'value="acknowledge"' not in town.client("planner").get("/admin/command/alert/").content.decode()


@pytest.fixture
def settings_of_rules(rulebook, db):
    keep_settings()
    keep_settings()


def test_every_rule_has_a_page_with_its_parameters(town, settings_of_rules):
    client = town.client("planner")
    page = client.get("/admin/command/rulesetting/").content.decode()
    for rule in (KEY_AREA, TOO_FAST, CROWDED, SOS):
        assert rule.id in page
    assert "command.rule_failed" not in page
    page = client.get(f"/admin/command/rulesetting/{TOO_FAST.id}/change/").content.decode()
    assert "限速（m/s）" in page
    assert "允许 1 至 60，默认 20" in page


def save(client, rule, **fields):
    return client.post(f"/admin/command/rulesetting/{rule.id}/change/", {
        "versions-TOTAL_FORMS": 0, "versions-INITIAL_FORMS": 0, "enabled": "on", "parameter_hold_s": 0, **fields
    })  # fmt: skip


def test_a_change_is_a_new_version_and_says_what_changed(town, settings_of_rules):
    client = town.client("planner")
    assert save(client, TOO_FAST, parameter_limit_m_s=20).status_code == 302
    assert RuleSetting.objects.get(pk=TOO_FAST.id).version == 1
    body = {
        "parameter_limit_m_s": 12.5,
        "parameter_hold_s": 30,
        "periods": "每周一至五 07:00-19:00",
        "regions": [town.west.pk],
    }
    assert save(client, TOO_FAST, **body).status_code == 302
    setting = RuleSetting.objects.get(pk=TOO_FAST.id)
    assert (setting.version, setting.parameters, setting.regions) == (2, {"limit_m_s": 12.5, "hold_s": 30}, ["310101"])
    assert setting.periods == [{"kind": "weekly", "days": [1, 2, 3, 4, 5], "start": "07:00", "end": "19:00"}]
    assert setting.changed_by == town.users["planner"]
    assert [v.parameters for v in RuleVersion.objects.filter(setting=setting)] == [
        {"limit_m_s": 12.5, "hold_s": 30},
        {"limit_m_s": 20.0, "hold_s": 0},
    ]
    page = client.get(f"/admin/command/rulesetting/{TOO_FAST.id}/change/").content.decode()
    assert "限速：20.0 → 12.5" in page
    assert "适用区域：— → 310101" in page
    assert (
        AuditRecord.objects.filter(model="command.RuleSetting", action="change", actor=town.users["planner"]).count()
        == 1
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"parameter_limit_m_s": 90}, "60"),
        ({"parameter_limit_m_s": "schnell"}, "parameter_limit_m_s"),
        ({"parameter_limit_m_s": 20, "periods": "偶尔"}, "第 1 个时段"),
        ({"parameter_limit_m_s": 20, "regions": [10**9]}, "regions"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(town, settings_of_rules, fields, said):
    page = save(town.client("planner"), TOO_FAST, **fields)
    assert page.status_code == 200
    assert said in str(page.context["adminform"].form.errors)
    assert RuleSetting.objects.get(pk=TOO_FAST.id).version == 1


def test_who_plans_a_part_looks_and_others_do_not(town, settings_of_rules):
    assert town.client("west").get(f"/admin/command/rulesetting/{TOO_FAST.id}/change/").status_code == 200
    assert save(town.client("west"), TOO_FAST, parameter_limit_m_s=5).status_code == 403
    assert town.client("firm").get("/admin/command/rulesetting/").status_code == 403
    for tail in ("add/", f"{TOO_FAST.id}/delete/"):
        assert town.client("planner").get(f"/admin/command/rulesetting/{tail}").status_code == 403


def test_a_rule_whose_module_is_gone_is_only_looked_at(town, settings_of_rules, rulebook):
    del rulebook[TOO_FAST.id]
    client = town.client("planner")
    assert "模块未安装" in client.get("/admin/command/rulesetting/").content.decode()
    assert client.get(f"/admin/command/rulesetting/{TOO_FAST.id}/change/").status_code == 200
    assert save(client, TOO_FAST, parameter_limit_m_s=5).status_code == 403
