import ast
import asyncio
import itertools
import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from devices.simulator.behaviours import make_mover
from devices.simulator.client import Broker
from devices.simulator.credentials import Credential, CredentialsError, read_credentials
from devices.simulator.fleet import Simulated, run_fleet
from devices.simulator.ground import Walk, distance_m, heading_deg, inside, metres_between, offset, spot_in, streets
from devices.simulator.movers import Machine, Mover
from devices.tests.broker import PlatformSide, running_mosquitto, wait_for
from devices.topics import username

SITE = [[121.500, 31.200], [121.504, 31.200], [121.504, 31.203], [121.500, 31.203]]
FAR_SITE = [[121.520, 31.210], [121.523, 31.210], [121.523, 31.213], [121.520, 31.213]]
PROFILES = {
    "machine": {"behaviour": "machine", "sites": [SITE, FAR_SITE]},
    "person": {"behaviour": "person", "site": SITE},
    "vehicle": {"behaviour": "vehicle", "route": [[121.50, 31.20], [121.52, 31.21], [121.49, 31.22]]},
    "drone": {"behaviour": "drone", "home": [121.5, 31.2], "route": [[121.505, 31.2], [121.505, 31.205]],
              "height_m": 90, "ground_m": 4},
}  # fmt: skip
FASTEST_M_S = {"machine": 15, "person": 1.6, "vehicle": 18, "drone": 12}


def lives(kind: str, seconds: float, seed: str = "s") -> list[tuple[float, Mover, dict]]:
    """(time, mover, report) at every step of a mover's life."""
    mover = make_mover(PROFILES[kind], Random(seed))
    out, now = [], 0.0
    while now < seconds:
        out.append((now, mover, mover.report() | {"power": mover.power, "place": mover.place}))
        step = mover.interval_s
        mover.advance(step)
        now += step
    return out


class TestGround:
    def test_metres_there_and_back(self):
        a = (121.47, 31.23)
        b = offset(a, 1000, -500)
        assert metres_between(a, b) == pytest.approx((1000, -500), rel=1e-3)
        assert distance_m(a, b) == pytest.approx(1118.03, rel=1e-3)
        assert heading_deg(a, b) == pytest.approx(116.6, abs=0.1)

    def test_spots_are_inside(self):
        rng = Random(1)
        ring = [(0, 0), (0.01, 0), (0.01, 0.004), (0.004, 0.004), (0.004, 0.01), (0, 0.01)]
        assert all(inside(spot_in(ring, rng), ring) for _ in range(200))

    def test_streets_lead_there_by_blocks(self):
        a, b = (121.47, 31.23), (121.52, 31.25)
        way = streets(a, b, Random(2))
        assert (way[0], way[-1]) == (a, b)
        assert all(distance_m(p, q) <= 501 for p, q in itertools.pairwise(way))
        walk = Walk(way)
        length = sum(distance_m(p, q) for p, q in itertools.pairwise(way))
        walk.advance(length - 1)
        assert not walk.done
        assert walk.advance(2) == b
        assert walk.done

    def test_a_way_to_where_one_is(self):
        here = (121.47, 31.23)
        walk = Walk(streets(here, here, Random(2)))
        assert walk.advance(1) == here
        assert walk.done


class TestBehaviours:
    @pytest.mark.parametrize("kind", PROFILES)
    def test_a_seed_gives_the_same_life(self, kind):
        assert [r for *_, r in lives(kind, 600)] == [r for *_, r in lives(kind, 600)]
        assert [r for *_, r in lives(kind, 600)] != [r for *_, r in lives(kind, 600, "other")]

    @pytest.mark.parametrize("kind", PROFILES)
    def test_nothing_jumps_and_every_field_is_in_range(self, kind):
        life = lives(kind, 6 * 3600)
        for (t0, _, before), (t1, _, after) in itertools.pairwise(life):
            assert distance_m(before["place"], after["place"]) <= FASTEST_M_S[kind] * (t1 - t0) + 0.01
        for *_, report in life:
            assert 0 <= report["speed_m_s"] <= FASTEST_M_S[kind]
            assert 0 <= report.get("heading_deg", 0) < 360
            assert distance_m(report["place"], (report["lon"], report["lat"])) < 10

    def test_machines_weld_rest_and_travel(self):
        life = [r for *_, r in lives("machine", 12 * 3600)]
        working = [r for r in life if r.get("working")]
        assert working
        assert all(80 < r["attrs"]["current_a"] < 240 for r in working)
        assert all(r["power"] for r in working)
        assert any(not r["power"] for r in life)
        inside_first = [inside(r["place"], [tuple(p) for p in SITE]) for r in life]
        inside_second = [inside(r["place"], [tuple(p) for p in FAR_SITE]) for r in life]
        assert any(inside_first)
        assert any(inside_second)
        assert all(a or b for a, b, r in zip(inside_first, inside_second, life, strict=True) if r.get("working"))

    def test_gas_runs_low_and_is_said_once_a_cylinder(self):
        mover = make_mover(PROFILES["machine"] | {"sites": [SITE]}, Random(4))
        assert isinstance(mover, Machine)
        mover.gas_pct = 10.5
        for _ in range(3000):
            mover.advance(5)
            if mover.events:
                break
        assert [code for code, _ in mover.events] == ["gas_low"]

    def test_people_stay_in_their_plant(self):
        assert all(inside(r["place"], [tuple(p) for p in SITE]) for *_, r in lives("person", 3600))

    @pytest.mark.parametrize("kind", ["person", "vehicle"])
    def test_who_is_on_duty_works_and_who_pauses_stands_still(self, kind):
        life = [r for *_, r in lives(kind, 3600)]
        assert all(r["working"] for r in life if r["speed_m_s"] > 0)
        pauses = [r for r in life if not r["working"]]
        assert 0 < len(pauses) < len(life) / 2
        assert all(r["working"] is False and r["speed_m_s"] == 0 for r in pauses)

    def test_drones_climb_fly_and_land(self):
        life = [r for *_, r in lives("drone", 3 * 3600)]
        heights = [r["alt_m"] for r in life]
        assert max(heights) == 94
        assert min(heights) == 4
        assert any(not r["power"] for r in life[200:])
        assert all(r["speed_m_s"] == 0 for r in life if r["alt_m"] < 93)

    @pytest.mark.parametrize(
        "profile", [{}, {"behaviour": "rocket"}, {"behaviour": "machine"}, {"behaviour": "person", "site": [1]},
                    {"behaviour": "machine", "sites": []}, {"behaviour": "drone", "home": [1, 2], "route": []}],
    )  # fmt: skip
    def test_a_profile_that_cannot_be_played_is_refused(self, profile):
        with pytest.raises(ValueError, match=r"behaviour must be|not complete"):
            make_mover(profile, Random(1))


def credential(kind: str, n: int) -> Credential:
    return Credential(f"{kind[0].upper()}-{n:04d}", kind, "key", PROFILES[kind])


def test_at_a_pace_of_its_own_a_device_measures_on_the_full_second(monkeypatch):
    one = Simulated(Broker("127.0.0.1", 1), credential("person", 1), "s", None)
    monkeypatch.setattr("devices.simulator.fleet.time.time", lambda: 12.25)
    assert one._to_measuring_s() == 0.75
    one._fixed_interval_s = 0.1
    assert one._to_measuring_s() == 0


@pytest.mark.slow
class TestFleet:
    def test_a_fleet_reports_on_a_real_broker(self, tmp_path: Path):
        with running_mosquitto(tmp_path) as broker:
            platform = PlatformSide(broker.port)
            fleet = [credential(kind, n) for kind in PROFILES for n in range(5)]
            figures = asyncio.run(run_fleet(Broker("127.0.0.1", broker.port), fleet, rate_per_s=100, seconds=3))
            platform.close()
        assert figures["connected"] == figures["devices"] == 20
        assert figures["unsettled"] == figures["dropped"] == 0
        assert figures["refused"] == figures["errors"] == {}
        assert figures["acked"] == figures["produced"] == len(platform.stored)
        assert 200 < figures["acked"] <= 320
        assert len(platform.of("status")) >= 20

    def test_interval_and_locate_are_obeyed(self, tmp_path: Path):
        async def scene(platform, port):
            stop = asyncio.Event()
            task = asyncio.create_task(
                run_fleet(Broker("127.0.0.1", port), [credential("person", 1)], rate_per_s=0.5, stop=stop)
            )
            base = f"st/v1/{username('person', 'P-0001')}"
            while not platform.of("pos"):
                await asyncio.sleep(0.05)
            platform.command(base, {"id": 1, "name": "locate"})
            platform.command(base, {"id": 2, "name": "interval", "args": {"seconds": 0.1}})
            platform.command(base, {"id": 3, "name": "interval", "args": {"seconds": 0}})
            platform.command(base, {"id": 4, "name": "format"})
            while len(platform.of("reply")) < 4 or len(platform.of("pos")) < 10:
                await asyncio.sleep(0.05)
            stop.set()
            await task

        with running_mosquitto(tmp_path) as broker:
            platform = PlatformSide(broker.port)
            asyncio.run(asyncio.wait_for(scene(platform, broker.port), 20))
            platform.close()
        assert [r["result"] for r in platform.of("reply")] == ["ok", "ok", "refused", "refused"]

    def test_the_command_line_prints_its_figures(self, tmp_path: Path):
        with running_mosquitto(tmp_path) as broker:
            platform = PlatformSide(broker.port)
            file = tmp_path / "devices.json"
            devices = [{"identifier": f"P-{n}", "kind": "person", "key": "k", "profile": PROFILES["person"]}
                       for n in range(4)]  # fmt: skip
            file.write_text(json.dumps({"mqtt": {"host": "127.0.0.1", "port": broker.port}, "devices": devices}))
            done = subprocess.run(
                [sys.executable, "-m", "devices.simulator", "--credentials", str(file),
                 "--devices", "3", "--rate", "30", "--seconds", "2", "--state", str(tmp_path / "state")],
                capture_output=True, text=True, timeout=30,
            )  # fmt: skip
            platform.close()
        figures = json.loads(done.stdout)
        assert (done.returncode, figures["devices"], figures["connected"]) == (0, 3, 3)
        assert figures["acked"] == len(platform.stored) > 30
        assert len(list((tmp_path / "state").glob("*.json"))) == 3

    def test_it_ends_well_when_told_to(self, tmp_path: Path):
        with running_mosquitto(tmp_path) as broker:
            platform = PlatformSide(broker.port)
            file = tmp_path / "devices.json"
            devices = [{"identifier": "P-1", "kind": "person", "key": "k", "profile": PROFILES["person"]}]
            file.write_text(json.dumps({"devices": devices}))
            process = subprocess.Popen(
                [sys.executable, "-m", "devices.simulator", "--credentials", str(file),
                 "--mqtt", f"127.0.0.1:{broker.port}"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            wait_for(lambda: platform.stored)
            process.terminate()
            out, _ = process.communicate(timeout=10)
            platform.close()
        assert process.returncode == 0
        assert json.loads(out)["unsettled"] == 0


class TestCredentials:
    @pytest.mark.parametrize(
        "content",
        [
            "",
            "[]",
            "{}",
            '{"devices": []}',
            '{"devices": [{"identifier": "x"}]}',
            '{"devices": [{"identifier": "x", "kind": "person", "key": "k"}]}',
        ],
    )
    def test_a_file_that_does_not_do_is_refused(self, tmp_path: Path, content):
        (tmp_path / "d.json").write_text(content)
        with pytest.raises(CredentialsError):
            read_credentials(tmp_path / "d.json")
        with pytest.raises(CredentialsError):
            read_credentials(tmp_path / "absent.json")

    @pytest.mark.parametrize("address", ["", "host", ":1", "host:", "host:x", "host:0", "host:70000"])
    def test_an_address_that_is_none_is_refused(self, tmp_path: Path, address):
        (tmp_path / "d.json").write_text('{"devices": [{"identifier": "x", "kind": "person", "key": "k"}]}')
        with pytest.raises(CredentialsError):
            read_credentials(tmp_path / "d.json", address)


def test_the_simulator_knows_nothing_of_the_platform():
    allowed = {"devices.simulator", "devices.topics"}
    for file in Path(sys.modules[Mover.__module__].__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                top = name.split(".")[0]
                assert top in sys.stdlib_module_names | {"msgspec", "paho", "uvloop", "devices"}, f"{file.name}: {name}"
                assert top != "devices" or ".".join(name.split(".")[:2]) in allowed, f"{file.name}: {name}"
