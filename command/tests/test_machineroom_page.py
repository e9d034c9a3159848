"""The page of the machine room: who sees it, and that it says what is the matter."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone

from access.models import Grant
from command.machineroom.charts import MINUTES, chart
from command.machineroom.tables import figure, seconds
from command.tests.people import Town
from command.tests.test_machineroom import QUIET, Watched, lag, outside_broker, sample, tell  # noqa: F401 (fixture)

pytestmark = pytest.mark.django_db
ADDRESSES = ("/admin/machine-room/", "/admin/machine-room/now/")


@pytest.fixture
def people(rulebook):
    town = Town()
    town.employ(administrator=("administrator", {}))
    return town


@pytest.mark.parametrize("who", ["city", "west", "east", "firm", "planner", "nobody"])
def test_nobody_but_administrators_of_the_whole_city_sees_it(people, who):
    for address in ADDRESSES:
        answer = people.client(who).get(address)
        assert answer.status_code in (302, 403)
        assert b"room-verdict" not in answer.content
    desk = people.client(who).get("/admin/")
    assert "machine-room" not in desk.content.decode()


def test_who_is_not_signed_in_is_sent_to_the_door():
    for address in ADDRESSES:
        answer = Client().get(address)
        assert answer.status_code == 302
        assert "sign-in" in answer["Location"]


@pytest.fixture
def administrator(people):
    return people.client("administrator")


def test_it_is_in_the_navigation_and_on_the_overview(administrator):
    Watched()
    desk = administrator.get("/admin/").content.decode()
    assert desk.count('href="/admin/machine-room/"') >= 2
    assert "平台各进程正常" in desk
    tell("ingest", ago_s=45)
    assert "平台进程失联" in administrator.get("/admin/").content.decode()


def test_all_is_well_and_it_says_so(administrator):
    Watched()
    rows = {"sandtable_positions_stored_total": 300, "sandtable_positions_received_total": 310}
    sample("ingest", 20, rows, seen=lag(0.2))
    page = administrator.get(ADDRESSES[0]).content.decode()
    assert "一切正常" in page
    assert 'data-now="/admin/machine-room/now/"' in page
    assert page.count("<polyline") >= 2
    assert not re.search(r"\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)


def test_what_is_wrong_stands_first_and_says_what_to_do(administrator):
    Watched()
    tell("ingest", ago_s=45)
    tell("web", gauges={"sandtable_broker_connected{client=web}": 0})
    sample("web", 5, gauges={"sandtable_broker_connected{client=web}": 0})
    sample("warden", 10, {"sandtable_positions_refused_total{reason=time_in_future}": 150})
    answer = administrator.get(ADDRESSES[1])
    page = answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert "<html" not in page
    assert "3 项需要处理" in page
    assert page.index("平台进程失联") < page.index("拒收过多")  # orange before yellow
    assert "失联时长 45 s" in page or "失联时长 46 s" in page
    assert "./sandtable logs" in page
    assert "时间超前" in page
    assert "/admin/devices/refusal/?reason=time_in_future" in page


def test_a_backlog_is_told_of_and_that_it_was_caught_up(administrator):
    now_s = int(timezone.now().timestamp())
    since, over, most = (
        f"sandtable_ingest_backlog_{name}"
        for name in ("since_timestamp_seconds", "over_timestamp_seconds", "most_messages")
    )

    Watched()

    def said(**gauges):
        tell("ingest", gauges=gauges)
        page = administrator.get(ADDRESSES[1]).content.decode()
        return re.sub(r"\d\d:\d\d:\d\d", "T", "".join(re.findall(r'class="room-backlog.*?</p>', page)))

    assert said(**{since: 0, over: 0, most: 0}) == ""
    text = said(**{since: now_s - 60, over: 0, most: 123456})
    assert "ingest 有积压：T 起最多 123,456 条消息排队" in text
    assert "over" not in text
    text = said(**{since: now_s - 60, over: now_s - 5, most: 123456})
    assert "已处理完：T 起最多 123,456 条消息排队，T 赶上" in text
    assert said(**{since: now_s - 8000, over: now_s - 7000, most: 123456}) == ""


def test_nothing_runs_at_all_and_the_page_still_answers(administrator):
    page = administrator.get(ADDRESSES[0]).content.decode()
    assert page.count("没有运行") == 4
    assert "没有保留备份" in page


def test_queries_do_not_grow_with_processes(administrator, django_assert_max_num_queries):
    Watched()
    for number in range(20):
        tell("ingest", name=f"ingest.{number}")
        sample("ingest", 10, gauges=QUIET, name=f"ingest.{number}")
    administrator.get(ADDRESSES[1])
    with django_assert_max_num_queries(16):
        administrator.get(ADDRESSES[1])


def test_a_minute_of_which_nothing_is_known_parts_the_line():
    values = [None] * MINUTES
    values[10:13] = [1.0, 2.0, 4.0]
    values[40] = 3.0
    made = chart("x", values, figure)
    assert [len(points.split()) for points in made.lines] == [3, 2]
    assert made.lines[0].split()[2].endswith(",2.0")
    assert (made.now, made.most) == ("—", "4")
    assert chart("x", [None] * MINUTES, figure).most == "—"


@pytest.mark.parametrize(("value", "text"), [(None, "—"), (0.0123, "12 ms"), (1.25, "1.2 s")])
def test_seconds(value, text):
    assert seconds(value) == text


@pytest.mark.parametrize(("value", "text"), [(None, "—"), (0, "0"), (2.55, "2.5"), (12345.6, "12,346")])
def test_figures(value, text):
    assert figure(value) == text


def test_an_administrator_of_one_district_is_none_of_the_whole_city(people):
    Grant.objects.create(user=people.users["west"], role="administrator", region=people.west)
    assert people.client("west").get(ADDRESSES[0]).status_code == 403
