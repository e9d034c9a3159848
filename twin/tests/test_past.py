"""The time machine: what was where, what is told of it, and to whom."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import pyarrow as pa
import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import connection
from django.test import Client
from django.utils import timezone
from ninja.errors import HttpError

from access.identifiers import make_uscc
from access.models import Grant, Organization, User
from gis.models import Region
from twin import past, past_columns, past_sql
from twin.history import write_tracks
from twin.kinds import kind_of
from twin.live.frames import ASSETS
from twin.models import Asset, State
from twin.reading import reading
from twin.tests.states import states

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

WEST, EAST = (121.0, 31.0, 121.5, 31.5), (121.5, 31.0, 122.0, 31.5)
IN_WEST, IN_EAST = 121.25, 121.75
SEES = {"city": "rwe", "west": "rw", "east": "re", "firm": "r", "nobody": ""}
"""Who sees what of the quiet town: ``w`` and ``e`` of nobody stay west and east, ``r`` of the west's firm is east."""


def box(bounds):
    return MultiPolygon(Polygon.from_bbox(bounds), srid=4326)


class Town:
    """Two districts; ``w`` and ``e`` of nobody, one in each, and ``r`` of the firm of the west, in the east."""

    def __init__(self):
        city = Region.objects.create(code="310000", name="市", level="city", boundary=box((121.0, 31.0, 122.0, 31.5)))
        self.regions = {
            name: Region.objects.create(
                code=f"31010{i}", name=name, level="district", parent=city, boundary=box(bounds)
            )
            for i, (name, bounds) in enumerate({"west": WEST, "east": EAST}.items())
        }
        self.firm = Organization.objects.create(
            name="西厂", uscc=make_uscc(Random(1)), kind="enterprise", region=self.regions["west"]
        )
        self.assets = {
            code: Asset.objects.create(kind=kind, code=code, name=code, owner=owner)
            for code, kind, owner in (("w", "machine", None), ("e", "person", None), ("r", "machine", self.firm))
        }
        self.users = {name: User.objects.create_user(name) for name in SEES}
        self.clients = {}
        for name in ("west", "east"):
            Grant.objects.create(user=self.users[name], role="district", region=self.regions[name])
        Grant.objects.create(user=self.users["firm"], role="enterprise", organization=self.firm)
        Grant.objects.create(user=self.users["city"], role="city")
        self.start = (timezone.now() - timedelta(hours=1)).replace(microsecond=0)

    def ms(self, second):
        return self.start.timestamp() * 1000 + second * 1000

    def report(self, code, *reports):
        """``(second, longitude, status)``; status -1: not said."""
        asset = self.assets[code]
        seconds, lons, statuses = zip(*reports, strict=True)
        n = len(reports)
        batch = states(
            asset=[asset.pk] * n, kind=[kind_of(asset.kind).code] * n, lon=lons, status=statuses,
            time_ms=[self.ms(s) for s in seconds], seq=[int(s * 10) for s in seconds], lat=[31.2] * n,
            device=[asset.pk] * n,
        ).batch  # fmt: skip
        write_tracks(connection.cursor().cursor, batch)

    def client(self, who):
        """Signed in once."""
        if who not in self.clients:
            self.clients[who] = Client()
            self.clients[who].force_login(self.users[who])
        return self.clients[who]

    def read(self, answer):
        """``(code, second, longitude, status, left)`` of each row of an answer."""
        assert answer.status_code == 200, answer.content
        table = pa.ipc.open_stream(answer.content).read_all()
        assert table.schema.equals(ASSETS)
        codes = {asset.pk: code for code, asset in self.assets.items()}
        return [
            (codes[r["id"]], round(r["time_ms"] / 1000 - self.start.timestamp(), 3), r["lon"], r["status"], r["left"])
            for r in table.to_pylist()
        ]

    def state(self, who, second, **more):
        return self.read(self.client(who).get("/api/v1/past/state", {"at": self.ms(second), **more}))

    def rows(self, who, start, end, **more):
        answer = self.client(who).get("/api/v1/past/rows", {"from": self.ms(start), "to": self.ms(end), **more})
        return self.read(answer), int(answer["Sandtable-Cell-S"])


@pytest.fixture
def town():
    connection.cursor().execute("TRUNCATE twin_track")
    return Town()


@pytest.fixture
def quiet_town(town):
    """Each reported once a minute for ten minutes, where it stays."""
    for code, lon in (("w", IN_WEST), ("e", IN_EAST), ("r", IN_EAST)):
        town.report(code, *((60 * i, lon, 1) for i in range(10)))
    return town


def codes(rows):
    return "".join(sorted({row[0] for row in rows}, key="rwe".index))


def test_of_each_the_newest_row_at_or_before_the_moment(town):
    town.report("w", (0, 121.1, 1), (60, 121.2, 0), (120, 121.3, 1))
    assert town.state("city", 60) == [("w", 60, 121.2, 0, False)]
    assert town.state("city", 119.999) == [("w", 60, 121.2, 0, False)]
    assert town.state("city", 3000) == [("w", 120, 121.3, 1, False)]


def test_who_was_not_heard_from_for_a_day_is_not_there(town):
    town.report("w", (-past.LOOK_BACK_S, IN_WEST, 1))
    assert codes(town.state("city", -1)) == "w"
    assert town.state("city", 0) == []


def test_a_status_that_was_not_said_is_the_last_that_was(town):
    town.report("w", (0, 121.1, 1), (60, 121.2, -1), (120, 121.3, -1), (180, 121.4, 0), (240, 121.4, -1))
    town.report("e", (60, IN_EAST, -1))
    assert {row[0]: row[3] for row in town.state("city", 130)} == {"w": 1, "e": 0}
    rows, _cell = town.rows("city", 30, 300)
    assert [(row[1], row[3]) for row in rows if row[0] == "w"] == [(60, 1), (120, 1), (180, 0), (240, 0)]


def test_rows_are_those_after_the_first_moment_up_to_the_second(town):
    town.report("w", (0, 121.1, 1), (60, 121.2, 1), (120, 121.3, 1), (121, 121.4, 1))
    town.report("e", (60.5, IN_EAST, 0))
    rows, cell_s = town.rows("city", 0, 120)
    assert (rows, cell_s) == (
        [("w", 60, 121.2, 1, False), ("e", 60.5, IN_EAST, 0, False), ("w", 120, 121.3, 1, False)],
        0,
    )


def test_coarse_rows_are_each_ones_last_of_each_cell(town):
    town.report("w", *((s, 121.1 + s / 10_000, 1) for s in range(1, 31)))
    rows, cell_s = town.rows("city", 0, 30, cell=7)
    assert cell_s == 10
    assert [row[1] for row in rows] == [10, 20, 30]


def test_too_many_rows_are_thinned_and_it_is_said(town, monkeypatch):
    monkeypatch.setattr(past, "MOST_ROWS", 40)
    town.report("w", *((s, 121.1, 1) for s in range(1, 61)))
    town.report("e", *((s, 121.7, 1) for s in range(1, 61)))
    rows, cell_s = town.rows("city", 0, 60)
    # 3 assets, 60 s: cells of 5 s are the smallest that cannot give more than 40 rows.
    assert cell_s == 5
    assert [row[1] for row in rows if row[0] == "w"] == list(range(5, 61, 5))
    assert len(rows) == 24
    # Whoever looks at one of them alone has it finer.
    rows, cell_s = town.rows("city", 0, 60, bbox="121.0,31.0,121.5,31.5")
    assert (codes(rows), cell_s, len(rows)) == ("w", 2, 30)


def test_whoever_goes_out_of_sight_leaves_and_where_to_is_not_told(town):
    town.report("w", (0, 121.45, 1), (10, 121.49, 1), (20, 121.6, 1), (30, 121.7, 1), (40, 121.4, 1), (50, 121.7, 1))
    rows, _cell = town.rows("west", 5, 60)
    assert [(row[1], row[2], row[4]) for row in rows] == [
        (10, 121.49, False), (20, 0, True), (40, 121.4, False), (50, 0, True),
    ]  # fmt: skip
    # It was in sight before the span, and leaves with its first row.
    assert [(row[1], row[4]) for row in town.rows("west", 15, 35)[0]] == [(20, True)]
    # It was not: nothing is told.
    assert town.rows("west", 25, 35)[0] == []
    assert [(row[1], row[4]) for row in town.rows("east", 5, 45)[0]] == [(20, False), (30, False), (40, True)]
    assert [(row[1], row[4]) for row in town.rows("city", 5, 25, bbox="121,31,121.5,31.5")[0]] == [
        (10, False),
        (20, True),
    ]


@pytest.mark.parametrize("who", SEES)
def test_scope_is_owner_and_district_of_then(quiet_town, who):
    town = quiet_town
    if who == "nobody":
        for door in ("state?at={}", "rows?from={}&to={}"):
            answer = town.client(who).get("/api/v1/past/" + door.format(town.ms(60), town.ms(120)))
            assert (answer.status_code, answer.json()["detail"][:6]) == (404, "您的数据范围")
        return
    assert codes(town.state(who, 100)) == codes(town.rows(who, 0, 300)[0]) == SEES[who]
    for code, asset in town.assets.items():
        for address in ("assets/{}", "assets/{}/track"):
            answer = town.client(who).get("/api/v1/past/" + address.format(asset.pk), {"at": town.ms(100)})
            assert (answer.status_code == 200) == (code in SEES[who])


def test_what_counts_is_where_it_was_not_where_it_is(town):
    town.report("w", (0, IN_WEST, 1), (600, IN_EAST, 1))
    now = {"ts": timezone.now(), "received_at": timezone.now(), "lon": IN_EAST, "lat": 31.2, "status": 1}
    State.objects.create(asset=town.assets["w"], region=town.regions["east"], **now)
    assert [codes(town.state(who, 300)) for who in ("west", "east")] == ["w", ""]
    assert [codes(town.state(who, 700)) for who in ("west", "east")] == ["", "w"]


def test_nobody_signed_in_sees_nothing(quiet_town):
    for door in ("", "/state?at=1", "/rows?from=1&to=2", "/assets/1?at=1", "/assets/1/track?at=1"):
        assert Client().get("/api/v1/past" + door).status_code == 401


def test_a_district_and_a_box_narrow_and_open_nothing(quiet_town):
    town = quiet_town
    assert codes(town.state("city", 100, district="310101")) == "re"
    assert codes(town.state("city", 100, bbox="121.0,31.0,121.5,31.5")) == "w"
    assert codes(town.state("west", 100, district="310101")) == "r"
    assert codes(town.rows("firm", 0, 100, bbox="121.6,31.0,122,31.5")[0]) == "r"
    assert town.state("city", 100, district="999999") == []


def test_out_of_use_is_still_in_the_past_and_deleted_is_not(quiet_town):
    town = quiet_town
    Asset.objects.filter(code="w").update(active=False)
    assert codes(town.state("city", 100)) == "rwe"
    assert (
        town.client("west").get(f"/api/v1/past/assets/{town.assets['w'].pk}", {"at": town.ms(100)}).status_code == 200
    )
    Asset.objects.filter(code="e").delete()
    assert codes(town.state("city", 100)) == codes(town.rows("city", 0, 300)[0]) == "rw"


def test_one_thing_as_it_was(town):
    town.report("r", (0, 121.1, 1), (60, 121.2, 0), (3000, 121.3, 1))
    address = f"/api/v1/past/assets/{town.assets['r'].pk}"
    then = town.client("city").get(address, {"at": town.ms(100)}).json()
    assert (then["code"], then["owner"]["name"], then["region"]["code"]) == ("r", "西厂", "310100")
    assert (then["state"]["lon"], then["state"]["status"]) == (121.2, 0)
    assert datetime.fromisoformat(then["state"]["time"]).timestamp() * 1000 == town.ms(60)
    track = town.client("city").get(address + "/track", {"at": town.ms(100), "minutes": 60}).json()
    assert [point[0] for point in track["points"]] == [121.1, 121.2]
    # Nothing was heard of it by then: its owner is told so, others nothing.
    assert town.client("firm").get(address, {"at": town.ms(-10)}).json()["state"] is None
    assert town.client("east").get(address, {"at": town.ms(-10)}).status_code == 404


def test_what_is_kept(quiet_town):
    town = quiet_town
    town.report("e", (-3 * 86_400, IN_EAST, 1))
    State.objects.create(
        asset=town.assets["r"], ts=town.start, received_at=town.start, lon=IN_EAST, lat=31.2, status=1,
        region=town.regions["east"],
    )  # fmt: skip

    def kept(who):
        answer = town.client(who).get("/api/v1/past").json()
        return answer["oldest"], answer["newest"]

    assert kept("city") == (town.ms(-3 * 86_400), town.ms(0))
    assert kept("firm") == (town.ms(0), town.ms(0))
    assert kept("nobody") == (None, None)
    machine = town.client("city").get("/api/v1/past").json()["kinds"][0]
    assert (machine["key"], machine["retention_days"]) == ("machine", 90)


@pytest.mark.parametrize(
    ("door", "asked", "status", "says"),
    [
        ("state", {}, 400, "at 应为 1970 年起的毫秒数"),
        ("state", {"at": "gestern"}, 400, "at 应为"),
        ("state", {"at": "nan"}, 400, "at 应为"),
        ("state", {"at": "1e300"}, 400, "at 应为"),
        ("state", {"at": "-5"}, 404, "已过保存期限"),
        ("state", {"at": ("ms", 86_400)}, 400, "还没有到来"),
        ("state", {"at": ("ms", -86_400)}, 404, "没有保存轨迹，最早保存到"),
        ("state", {"at": ("ms", 100), "bbox": "1,2,3"}, 400, "bbox 应为"),
        ("state", {"at": ("ms", 100), "bbox": "3,2,1,nan"}, 400, "bbox 应为"),
        ("state", {"at": ("ms", 100), "district": "' or 1"}, 400, "district 应为"),
        ("rows", {"from": ("ms", 0)}, 400, "to 应为"),
        ("rows", {"from": ("ms", 100), "to": ("ms", 100)}, 400, "to 须晚于 from"),
        ("rows", {"from": ("ms", -3000), "to": ("ms", 601)}, 400, "不超过 3600 秒"),
        ("rows", {"from": ("ms", 0), "to": ("ms", 60), "cell": "-1"}, 400, "cell 须为"),
        ("rows", {"from": ("ms", 0), "to": ("ms", 60), "cell": "²"}, 400, "cell 须为"),
        ("rows", {"from": ("ms", -90_000), "to": ("ms", -89_000)}, 404, "最早保存到"),
        ("assets/1", {"at": "x"}, 400, "at 应为"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_words(quiet_town, door, asked, status, says):
    values = {key: quiet_town.ms(v[1]) if isinstance(v, tuple) else v for key, v in asked.items()}
    answer = quiet_town.client("city").get(f"/api/v1/past/{door}", values)
    assert answer.status_code == status
    assert says in answer.json()["detail"]


def test_a_moment_at_which_nothing_was_is_no_error(town):
    town.report("w", (-2 * 86_400, IN_WEST, 1), (600, IN_WEST, 1))
    assert town.state("city", 0) == []


def test_reading_does_not_wait_for_ever(quiet_town, monkeypatch):
    monkeypatch.setattr(past_columns, "STATEMENT_TIMEOUT_MS", 1)
    slow = past_sql.sql.SQL("t.asset_id + 0 * length(pg_sleep(1)::text), ")
    rest = past_sql.sql.SQL(", ").join(expression for _name, _type, expression in past_sql._POSITION[1:])
    monkeypatch.setattr(past_sql, "_POSITION_SQL", slow + rest)
    answer = quiet_town.client("city").get("/api/v1/past/state", {"at": quiet_town.ms(100)})
    assert (answer.status_code, answer.json()["detail"][:8]) == (503, "读取历史用时过长")


def test_nor_does_what_is_asked_beside_the_rows():
    def work(cursor):
        cursor.execute("SET LOCAL statement_timeout = 1")
        cursor.execute("SELECT pg_sleep(1)")

    with pytest.raises(HttpError, match="读取历史用时过长"):
        reading(work)


def test_districts_are_read_anew_when_they_change(quiet_town):
    town = quiet_town
    assert codes(town.state("west", 100)) == "rw"
    Region.objects.filter(code="310100").update(boundary=box((121.0, 31.0, 121.1, 31.5)))
    assert codes(town.state("west", 100)) == "r"
