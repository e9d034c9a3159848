import asyncio
import io
import json
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from devices.models import Device
from devices.replay import play as playing
from devices.replay.play import Player, PlayError, identifier_of, limited, play, shifted, timetable
from devices.replay.read import read_tracks
from devices.simulator.client import Broker
from devices.simulator.ground import distance_m
from devices.tests.broker import PlatformSide, running_mosquitto
from devices.topics import username
from twin.models import Asset

CSV = (
    "id,time,lon,lat,speed_kmh\n"
    "a,2026-01-01T00:00:00Z,121.50,31.20,36\n"
    "b,2026-01-01T00:00:20Z,121.60,31.20,\n"
    "a,2026-01-01T00:00:10Z,121.51,31.20,36\n"
    "b,2026-01-01T01:00:00Z,121.61,31.20,\n"
    "a,,121.52,31.20,\n"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "two cars.csv"
    path.write_text(CSV)
    return path


class TestTimetable:
    def test_as_recorded_from_now(self, file):
        _, due_s = timetable(read_tracks(file), 1)
        assert due_s.tolist() == [0, 10, 20, 3600]

    def test_faster(self, file):
        assert timetable(read_tracks(file), 10)[1].tolist() == [0, 1, 2, 360]

    def test_without_long_pauses(self, file):
        assert timetable(read_tracks(file), 1, longest_pause_s=30)[1].tolist() == [0, 10, 20, 50]

    def test_all_tracks_together(self, file):
        tracks, due_s = timetable(read_tracks(file), 1, together=True)
        assert due_s.tolist() == [0, 0, 10, 3580]
        assert list(tracks.track) == ["a", "b", "a", "b"]


class TestTracks:
    def test_the_first_tracks_are_chosen(self, file):
        assert set(limited(read_tracks(file), 1).track) == {"a"}

    def test_moved_elsewhere_they_keep_their_size(self, file):
        before = read_tracks(file)
        after = shifted(before, 114.0, 60.0)
        assert (after.lon.mean(), after.lat.mean()) == pytest.approx((114.0, 60.0))
        for n in range(3):
            was = distance_m((before.lon[n], before.lat[n]), (before.lon[n + 1], before.lat[n + 1]))
            now = distance_m((after.lon[n], after.lat[n]), (after.lon[n + 1], after.lat[n + 1]))
            assert now == pytest.approx(was, rel=1e-6)

    def test_every_track_gets_a_valid_identifier_of_its_own(self):
        names = ["a", "甲", "乙", "a b", "a/b", "x" * 100, "x" * 101, "#", "+"]
        identifiers = [identifier_of("vehicle", "file", name) for name in names]
        assert len(set(identifiers)) == len(names)
        assert all(username("vehicle", identifier) for identifier in identifiers)
        assert identifiers[0] == "replay-vehicle-file-a"


@pytest.fixture
def platform(tmp_path: Path, settings):
    with running_mosquitto(tmp_path) as broker:
        settings.MQTT_URL = f"mqtt://platform:x@127.0.0.1:{broker.port}"
        side = PlatformSide(broker.port)
        yield side
        side.close()


def replay(*arguments) -> tuple[str, str]:
    out, errors = io.StringIO(), io.StringIO()
    call_command("replay", *map(str, arguments), stdout=out, stderr=errors)
    return out.getvalue(), errors.getvalue()


@pytest.mark.django_db
class TestCommand:
    def test_a_file_is_published_as_if_live(self, file, platform):
        out, _ = replay(file, "--speed", "2000", "--datum", "gcj02", "--keep")
        rows = sorted(platform.stored.values(), key=lambda row: row["time"])
        assert [(row["lon"], row["lat"]) for row in rows] == [
            (121.5, 31.2),
            (121.51, 31.2),
            (121.6, 31.2),
            (121.61, 31.2),
        ]
        assert np.diff([row["time"] for row in rows]).tolist() == pytest.approx([5, 5, 1790], abs=0.01)
        assert (rows[0]["speed_m_s"], "speed_m_s" in rows[2]) == (10, False)
        for words in ("时间列：time", "不发布 1 行：没有时间", "2 条轨迹、4 个位置", "已确认 4"):
            assert words in out
        devices = Device.objects.order_by("identifier")
        assert [(d.kind, d.datum, bool(d.key_hash), d.asset.active) for d in devices] == [
            ("vehicle", "gcj02", True, True)
        ] * 2
        assert devices[0].asset.name == "回放 a"

    def test_what_was_registered_is_taken_back(self, file, platform):
        replay(file, "--speed", "20000", "--kind", "drone")
        assert [(d.revoked_at is not None, d.key_hash) for d in Device.objects.all()] == [(True, "")] * 2
        assert not Asset.objects.filter(active=True).exists()
        replay(file, "--speed", "20000", "--kind", "drone", "--keep")
        assert Device.objects.filter(revoked_at=None).count() == Asset.objects.filter(active=True).count() == 2

    def test_one_json_object_and_nothing_else(self, file, platform):
        out, errors = replay(file, "--speed", "20000", "--limit-devices", "1", "--shift-to", "114.05,22.55", "--json")
        figures = json.loads(out)
        assert (figures["devices"], figures["acked"], figures["unsettled"]) == (1, 2, 0)
        assert figures["rows_refused"] == {"no_time": 1}
        assert "时间列" in errors
        assert np.mean([row["lon"] for row in platform.stored.values()]) == pytest.approx(114.05)

    def test_positions_that_nobody_acknowledged_are_a_failure(self, file, platform, monkeypatch):
        monkeypatch.setattr(playing, "SETTLE_S", 0.2)
        platform.deaf = True
        with pytest.raises(CommandError, match="4 个位置没有得到确认"):
            replay(file, "--speed", "20000")
        assert not Asset.objects.filter(active=True).exists()

    def test_a_file_that_cannot_be_read_registers_nothing(self, tmp_path):
        (tmp_path / "x.csv").write_text("a,b\n1,2\n")
        with pytest.raises(CommandError, match=r"认不出 time 列.*a、b"):
            replay(tmp_path / "x.csv")
        assert not Device.objects.exists()

    @pytest.mark.parametrize(
        "arguments", [["--speed", "0"], ["--shift-to", "x"], ["--shift-to", "200,1"], ["--kind", "cow"]]
    )
    def test_options_that_make_no_sense_are_refused(self, file, arguments):
        with pytest.raises((CommandError, SystemExit)):
            replay(file, *arguments)


def test_a_broker_that_lets_nobody_in_is_said(file, tmp_path, monkeypatch):
    monkeypatch.setattr(playing, "CONNECT_WITHIN_S", 1.0)
    (tmp_path / "passwords").write_text("")
    tracks, due_s = timetable(read_tracks(file), 1000)
    players = [Player(name, "vehicle", f"R-{name}", "key") for name in ("a", "b")]

    async def scene(port):
        await play(
            Broker("127.0.0.1", port),
            players,
            tracks,
            due_s,
            loop=False,
            stop=asyncio.Event(),
            tell=lambda figures: None,
        )

    with (
        running_mosquitto(tmp_path, f"allow_anonymous false\npassword_file {tmp_path}/passwords\n") as broker,
        pytest.raises(PlayError, match="2 / 2: refused: Not authorized"),
    ):
        asyncio.run(scene(broker.port))


def test_it_begins_again_when_told_to_loop(file, tmp_path, monkeypatch):
    monkeypatch.setattr(playing, "ROUND_PAUSE_S", 0.05)
    tracks, due_s = timetable(read_tracks(file), 100_000)
    players = [Player(name, "vehicle", f"R-{name}", "key") for name in ("a", "b")]

    async def scene(platform, port):
        stop = asyncio.Event()
        task = asyncio.create_task(
            play(Broker("127.0.0.1", port), players, tracks, due_s, loop=True, stop=stop, tell=lambda figures: None)
        )
        async with asyncio.timeout(20):
            while len(platform.stored) < 12:
                await asyncio.sleep(0.02)
        stop.set()
        return await task

    with running_mosquitto(tmp_path) as broker:
        platform = PlatformSide(broker.port)
        figures = asyncio.run(scene(platform, broker.port))
        platform.close()
    assert figures["acked"] == len(platform.stored) >= 12
    times = [row["time"] for (base, *_), row in sorted(platform.stored.items()) if base.endswith("R-a")]
    assert times == sorted(set(times))
