import json
from collections import Counter
from random import Random

import pytest
import shapely
from django.core.management import CommandError, call_command

from access.identifiers import check_uscc
from access.models import Grant, Organization, User
from access.scope import scope_of
from devices.demo.places import Ground
from devices.demo.plan import DRONES, MACHINES, PEOPLE, VEHICLES, District, make_plan
from devices.keys import revoke_key
from devices.models import Device
from devices.simulator.behaviours import make_mover
from devices.simulator.credentials import read_credentials
from gis.crs import to_wgs84
from gis.models import Region
from twin.models import Area, Asset

pytestmark = pytest.mark.slow
# Two districts and a river between them; the second is crooked and has an island.
EAST = District("990102", "东区", shapely.box(121.5, 31.2, 121.6, 31.3))
WEST = District(
    "990101",
    "西区",
    shapely.MultiPolygon([
        shapely.box(121.3, 31.2, 121.48, 31.3) - shapely.box(121.36, 31.23, 121.48, 31.3),
        shapely.box(121.46, 31.28, 121.461, 31.281),
    ]),
)  # fmt: skip
BORDERS = {d.code: d.boundary for d in (EAST, WEST)}


class TestPlan:
    def test_the_same_seed_gives_the_same_city(self):
        assert make_plan("示例市", [EAST, WEST], "s") == make_plan("示例市", [WEST, EAST], "s")
        assert make_plan("示例市", [EAST, WEST], "s") != make_plan("示例市", [EAST, WEST], "t")

    def test_nothing_lies_outside_its_district(self):
        plan = make_plan("示例市", [EAST, WEST], "s")
        for area in plan.areas:
            assert area.shape.is_valid
            assert BORDERS[area.district].buffer(1e-6).contains(area.shape), area.name
        for organization in plan.organizations:
            if organization.site is not None:
                assert BORDERS[organization.district].contains(organization.site)
        everywhere = shapely.union_all(list(BORDERS.values()))
        for thing in plan.things:
            for ring in thing.profile.get("sites", [thing.profile.get("route", thing.profile.get("site"))]):
                assert everywhere.covers(shapely.MultiPoint(ring)), thing.code

    def test_fences_are_of_a_site_s_size_and_apart(self):
        fences = [a.shape for a in make_plan("示例市", [EAST, WEST], "s").areas if a.kind == "fence"]
        assert len(fences) == 6
        for fence in fences:
            area_m2 = fence.area * 111_195**2 * 0.855
            assert 80 * 80 < area_m2 < 620 * 620
        assert not any(a.intersects(b) for i, a in enumerate(fences) for b in fences[:i])

    def test_it_holds_what_a_demo_needs(self):
        plan = make_plan("示例市", [EAST, WEST], "s")
        assert Counter(t.kind for t in plan.things) == {
            "machine": MACHINES, "person": PEOPLE, "vehicle": VEHICLES, "drone": DRONES,
        }  # fmt: skip
        assert {a.kind for a in plan.areas} == {"fence", "key_area", "zone"}
        assert len({o.name for o in plan.organizations}) == len(plan.organizations) == 3 + 24
        assert len({a.name for a in plan.areas}) == len(plan.areas)
        assert all("示例" in o.name for o in plan.organizations)
        assert {t.datum for t in plan.things} == {"wgs84", "gcj02", "bd09"}
        assert sum("罐区" in a.name for a in plan.areas) == 2

    @pytest.mark.parametrize("count", [1, 3, 40])
    def test_any_number_of_districts_will_do(self, count):
        districts = [District(f"99{n:04d}", f"{n}区", shapely.box(n, 30, n + 0.05, 30.05)) for n in range(count)]
        plan = make_plan("示例市", districts, "s")
        assert {a.district for a in plan.areas if a.kind == "fence"} == {d.code for d in districts}
        assert len({o.name for o in plan.organizations}) == 1 + count + 24

    def test_a_city_that_is_its_own_only_district(self):
        plan = make_plan("示例市", [District("990000", "示例市", EAST.boundary)], "s")
        assert len({o.name for o in plan.organizations}) == len(plan.organizations)

    def test_a_tiny_district_gets_smaller_sites(self):
        tiny = District("990199", "小区", shapely.box(121.5, 31.2, 121.508, 31.208))
        assert all(tiny.boundary.buffer(1e-6).contains(a.shape) for a in make_plan("市", [tiny, EAST], "s").areas
                   if a.district == tiny.code)  # fmt: skip

    def test_no_district_or_an_empty_one_is_refused(self):
        with pytest.raises(ValueError, match="at least one"):
            make_plan("市", [], "s")
        with pytest.raises(ValueError, match="boundary"):
            Ground(shapely.Polygon())


@pytest.fixture
def city(db) -> Region:
    def region(code, name, level, boundary, parent=None):
        multi = boundary if boundary.geom_type == "MultiPolygon" else shapely.MultiPolygon([boundary])
        return Region.objects.create(code=code, name=name, level=level, boundary=multi.wkt, parent=parent)

    whole = region("990000", "示例市", "city", shapely.union_all(list(BORDERS.values())))
    for d in (EAST, WEST):
        region(d.code, d.name, "district", d.boundary, whole)
    return whole


@pytest.fixture
def var(tmp_path, settings):
    settings.VAR_DIR = tmp_path
    settings.MQTT_URL = "mqtt://platform:x@broker.example:1884"
    return tmp_path / "demo"


def snapshot() -> list:
    return [
        list(model.objects.order_by("pk").values_list()) for model in (Organization, User, Grant, Area, Asset, Device)
    ]


@pytest.fixture
def small(monkeypatch):
    """Fewer things than the real demo, which would take the same way, only longer."""
    for name, count in {"MACHINES": 24, "PEOPLE": 8, "VEHICLES": 2, "DRONES": 2}.items():
        monkeypatch.setattr(f"devices.demo.plan.{name}", count)


@pytest.mark.usefixtures("small")
@pytest.mark.slow
class TestLoadDemo:
    def test_it_fills_the_city(self, city, var):
        call_command("loaddemo", city="990000")
        assert Organization.objects.count() == 27
        assert all(check_uscc(code) for code in Organization.objects.values_list("uscc", flat=True))
        assert Asset.objects.count() == Device.objects.count() == 36
        assert not Device.objects.filter(key_hash="").exists()
        assert not Asset.objects.filter(owner=None).exists()
        for area in Area.objects.filter(region__code=EAST.code):
            assert EAST.boundary.buffer(1e-6).contains(shapely.from_wkb(bytes(area.boundary.wkb)))

    def test_the_files_are_for_their_owner_and_the_simulator(self, city, var):
        call_command("loaddemo", city="990000")
        for name in ("devices.json", "accounts.json"):
            assert (var / name).stat().st_mode & 0o777 == 0o600
        broker, credentials = read_credentials(var / "devices.json")
        assert (broker.host, broker.port) == ("broker.example", 1884)
        movers = [make_mover(c.profile, Random(1)) for c in credentials]
        assert len(movers) == Device.objects.count()
        datums = dict(Device.objects.values_list("identifier", "datum"))
        for credential, mover in zip(credentials, movers, strict=True):
            lon, lat = to_wgs84(*mover.place, datums[credential.identifier])
            assert any(b.buffer(1e-3).contains(shapely.Point(lon, lat)) for b in BORDERS.values()), (
                credential.identifier
            )

    def test_a_second_run_changes_nothing(self, city, var):
        call_command("loaddemo", city="990000")
        before = snapshot(), [(f.name, f.read_bytes(), f.stat().st_mtime_ns) for f in sorted(var.iterdir())]
        call_command("loaddemo", city="990000")
        assert (snapshot(), [(f.name, f.read_bytes(), f.stat().st_mtime_ns) for f in sorted(var.iterdir())]) == before

    def test_what_people_changed_stays(self, city, var):
        call_command("loaddemo", city="990000")
        Area.objects.filter(kind="fence").update(active=False)
        Asset.objects.filter(code="W-0001").update(name="新名字")
        Asset.objects.filter(code="W-0002").delete()
        call_command("loaddemo", city="990000")
        assert not Area.objects.filter(kind="fence", active=True).exists()
        assert Asset.objects.get(code="W-0001").name == "新名字"
        assert Device.objects.get(identifier="W-0002").asset == Asset.objects.get(code="W-0002")

    def test_without_the_file_keys_are_issued_anew_but_a_revoked_device_stays_out(self, city, var):
        call_command("loaddemo", city="990000")
        old = {c.identifier: c.key for c in read_credentials(var / "devices.json")[1]}
        revoke_key(Device.objects.get(identifier="W-0003"))
        (var / "devices.json").unlink()
        call_command("loaddemo", city="990000")
        new = {c.identifier: c.key for c in read_credentials(var / "devices.json")[1]}
        assert new["W-0001"] != old["W-0001"]
        assert Device.objects.get(identifier="W-0003").key_hash == ""

    def test_a_key_that_no_longer_opens_is_replaced_alone(self, city, var):
        call_command("loaddemo", city="990000")
        content = json.loads((var / "devices.json").read_text())
        content["devices"][0]["key"] = "of another installation"
        (var / "devices.json").write_text(json.dumps(content))
        call_command("loaddemo", city="990000")
        after = json.loads((var / "devices.json").read_text())
        assert after["devices"][0]["key"] != "of another installation"
        assert after["devices"][1:] == content["devices"][1:]

    def test_accounts_can_sign_in_and_see_their_part(self, city, var):
        call_command("loaddemo", city="990000")
        passwords = json.loads((var / "accounts.json").read_text())
        assert set(passwords) == {"demo-city", "demo-district-990101", "demo-firm", "demo-dispatcher", "demo-planner"}
        seen = {}
        for name, password in passwords.items():
            user = User.objects.get(username=name)
            assert user.check_password(password)
            seen[name] = Asset.objects.within(scope_of(user)).count()
        assert seen["demo-city"] == Asset.objects.count()
        assert 0 < seen["demo-firm"] < seen["demo-district-990101"] < seen["demo-city"]

    def test_the_things_move_with_the_demo_to_another_city(self, city, var):
        call_command("loaddemo", city="990000")
        square = shapely.MultiPolygon([shapely.box(113, 22, 113.2, 22.2)])
        Region.objects.create(code="980000", name="另一市", level="city", boundary=square.wkt)
        keys = {c.identifier: c.key for c in read_credentials(var / "devices.json")[1]}
        call_command("loaddemo", city="980000")
        assert set(Asset.objects.values_list("owner__region__code", flat=True)) == {"980000"}
        after = read_credentials(var / "devices.json")[1]
        assert {c.identifier: c.key for c in after} == keys
        assert all(112 < make_mover(c.profile, Random(1)).place[0] < 114 for c in after)

    def test_an_unknown_city_is_refused(self, db, var):
        with pytest.raises(CommandError, match="loadcity"):
            call_command("loaddemo", city="123456")
