import asyncio
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from devices.simulator import numbering
from devices.simulator.client import Broker, Command, DeviceClient, client_id_of, new_unsettled, now_ms
from devices.simulator.numbering import Acked, Unsettled
from devices.tests.broker import Mosquitto, PlatformSide, running_mosquitto
from devices.topics import parse_topic, shard_of, topic, username


def position(n: int = 0) -> dict:
    return {"time": 1_760_000_000_000 + n, "lon": 121.5, "lat": 31.2}


def numbers(rows: list[dict]) -> list[int]:
    return [row["seq"] for row in rows]


class TestTopics:
    def test_the_worked_example_of_the_protocol_page(self):
        assert (shard_of("W-0001"), shard_of("P-0001"), shard_of("patrol.07")) == (33, 25, 29)
        assert username("machine", "W-0001") == "machine/33/W-0001"
        assert topic("machine", "W-0001", "pos") == "st/v1/machine/33/W-0001/pos"
        assert parse_topic("st/v1/machine/33/W-0001/pos") == ("machine", 33, "W-0001", "pos")

    @pytest.mark.parametrize("identifier", ["", "a/b", "a+b", "#", "焊机", "x" * 65, "a b", "a\n"])
    def test_identifiers_that_would_break_a_topic_are_refused(self, identifier):
        with pytest.raises(ValueError, match="identifier"):
            topic("machine", identifier, "pos")

    @pytest.mark.parametrize(
        "text",
        ["", "st/v1/machine/33/W-0001", "st/v2/machine/33/W-0001/pos", "st/v1/machine/64/W-0001/pos",
         "st/v1/machine/033/W-0001/pos", "st/v1/machine/-1/W-0001/pos", "st/v1/machine/٣/W-0001/pos",
         "st/v1/machine/33/W-0001/pos/x", "st/v1/machine/33/W-0001/other", "st/v1//33/W-0001/pos"],
    )  # fmt: skip
    def test_other_topics_are_refused(self, text):
        with pytest.raises(ValueError):
            parse_topic(text)


class TestUnsettled:
    @pytest.fixture(autouse=True)
    def exact(self, monkeypatch):
        monkeypatch.setattr(numbering, "JITTER", 0)

    def test_positions_are_numbered_from_one_and_kept_until_settled(self):
        held = Unsettled(epoch=7)
        for n in range(3):
            held.add(position(n))
        assert [(r["seq"], r["epoch"], r["time"]) for r in held.take(0)] == [
            (1, 7, position(0)["time"]), (2, 7, position(1)["time"]), (3, 7, position(2)["time"]),
        ]  # fmt: skip
        assert held.take(0) == []
        held.settle(Acked(7, 2), 0)
        assert (len(held), held.settled, held.oldest) == (1, 2, 3)

    def test_after_five_seconds_without_progress_what_is_missing_is_sent_again(self):
        held = Unsettled(epoch=1)
        for _ in range(6):
            held.add(position())
        held.take(100.0)
        held.settle(Acked(1, 1, [(3, 4)]), 101.0)
        assert not held.due(105.9)
        assert held.due(106.0)
        assert numbers(held.take(106.0)) == [2, 5, 6]

    def test_a_gap_is_sent_again_although_later_numbers_go_on_settling(self):
        held = Unsettled(epoch=1)
        held.add(position())
        held.take(0)
        for n in range(2, 12):
            held.add(position())
            held.take(n)
            held.settle(Acked(1, 0, [(2, n)]), n)
            if held.due(n):
                assert 1 in numbers(held.take(n))
                return
        pytest.fail("number 1 was never sent again")

    def test_waits_double_up_to_a_minute_and_start_again_at_five_seconds(self):
        held = Unsettled(epoch=1)
        held.add(position())
        now, waits = 0.0, []
        for _ in range(6):
            held.take(now)
            start = now
            while not held.due(now):
                now += 1
            waits.append(now - start)
        assert waits == [5, 10, 20, 40, 60, 60]
        held.take(now)
        held.settle(Acked(1, 1), now)
        held.add(position())
        held.take(now)
        assert held.due(now + 5)

    def test_waits_are_longer_by_chance_and_never_shorter(self, monkeypatch):
        monkeypatch.setattr(numbering, "JITTER", 0.5)
        ends = set()
        for _ in range(30):
            held = Unsettled(epoch=1)
            held.add(position())
            held.take(0)
            assert 5 <= held.wait_s(0) <= 7.5
            ends.add(held.wait_s(0))
        assert len(ends) > 1

    def test_until_something_is_settled_no_more_than_a_hundred_are_sent_again(self):
        held = Unsettled(epoch=1)
        for _ in range(700):
            held.add(position())
        while held.take(0):
            pass
        assert held.due(5)
        assert numbers(held.take(5)) == list(range(1, 101))
        held.add(position())
        assert held.take(6) == []
        held.settle(Acked(1, 60), 7)
        sent = []
        while rows := held.take(7):
            sent += numbers(rows)
        assert sent == list(range(101, 561))

    def test_what_waits_its_turn_there_is_not_sent_again_meanwhile(self):
        held = Unsettled(epoch=1)
        for _ in range(3):
            held.add(position())
        held.take(100.0)
        held.settle(Acked(1, 0, [(3, 3)], wait_s=30), 101.0)
        assert not held.due(130.9)
        assert held.due(131.0)
        assert numbers(held.take(131.0)) == [1, 2]
        held.settle(Acked(1, 0, wait_s=1e9), 132.0)
        assert held.due(192.0)

    def test_patience_holds_for_what_is_sent_later_and_ends_with_an_answer_that_does_not_ask_for_it(self):
        held = Unsettled(epoch=1)
        held.add(position())
        held.take(100.0)
        held.settle(Acked(1, 1, wait_s=45), 101.0)
        held.add(position())
        held.take(110.0)
        assert held.wait_s(110.0) == 36
        # The platform has seen a later number, and this one is missing.
        held.settle(Acked(1, 1), 112.0)
        assert held.wait_s(112.0) == 5
        held.settle(Acked(1, 1), 115.0)
        assert held.due(117.0)

    def test_no_more_than_the_window_is_under_way(self):
        held = Unsettled(epoch=1)
        for _ in range(1000):
            held.add(position())
        first = [held.take(0) for _ in range(4)]
        assert [len(rows) for rows in first] == [200, 200, 100, 0]
        held.settle(Acked(1, 300), 1)
        assert numbers(held.take(1)) == list(range(501, 701))

    def test_when_room_runs_out_the_oldest_go_and_the_platform_is_told(self):
        held = Unsettled(epoch=1, capacity=3)
        for _ in range(5):
            held.add(position())
        rows = held.take(0)
        assert (numbers(rows), rows[0]["oldest"], held.dropped) == ([3, 4, 5], 3, 2)
        assert "oldest" not in rows[1]

    def test_refused_positions_are_settled_and_counted(self):
        held = Unsettled(epoch=1)
        held.add(position())
        held.add(position())
        held.take(0)
        held.settle(Acked(1, 0, refused=[(2, "time_in_future")]), 0)
        held.settle(Acked(1, 2, refused=[(2, "time_in_future")]), 0)
        assert (len(held), held.settled, dict(held.refused)) == (0, 2, {"time_in_future": 1})

    @pytest.mark.parametrize("answer", [Acked(9, 0), Acked(5, 4)])
    def test_an_answer_about_numbers_never_given_starts_a_higher_series(self, answer):
        held = Unsettled(epoch=5)
        held.add(position(1))
        held.add(position(2))
        held.take(0)
        held.settle(answer, 0)
        rows = held.take(0)
        assert [(r["epoch"], r["seq"], r["time"]) for r in rows] == [
            (answer.epoch + 1, 1, position(1)["time"]), (answer.epoch + 1, 2, position(2)["time"]),
        ]  # fmt: skip

    def test_an_answer_about_an_older_series_is_ignored(self):
        held = Unsettled(epoch=5)
        held.add(position())
        held.settle(Acked(4, 100), 0)
        assert len(held) == 1

    def test_of_an_absurd_range_only_what_is_held_is_looked_at(self, monkeypatch):
        held = Unsettled(epoch=1)
        of_it = [held.add(position(n)) for n in range(3)]
        looked_at, let_go = [], held._let_go

        def noted(seq: int) -> bool:
            looked_at.append(seq)
            assert len(looked_at) <= len(of_it), "a number that is not held was looked at"
            return let_go(seq)

        monkeypatch.setattr(held, "_let_go", noted)
        held.settle(Acked(1, 0, [(1, 10**15)]), 0)
        assert (len(held), looked_at) == (0, of_it)

    def test_the_file_carries_positions_and_numbers_over_a_crash(self, tmp_path: Path):
        path = tmp_path / "W-0001.json"
        held = Unsettled(epoch=3, path=path)
        held.add(position(1))
        held.save()
        held.add(position(2))  # not saved: lost in the crash, its number must not be used again
        again = Unsettled(epoch=99, path=path)
        number = again.add(position(3))
        assert (again.epoch, len(again)) == (3, 2)
        assert number > 2
        assert numbers(again.take(0)) == [1, number]
        again.settle(Acked(3, 1, [(number, number)]), 0)
        assert again.add(position(4)) == number + 1
        row = again.take(0)[0]
        assert row["oldest"] == number + 1, "the platform must learn that the numbers between were never used"


@pytest.fixture
def broker(tmp_path: Path):
    with running_mosquitto(tmp_path) as running:
        yield running


@pytest.fixture
def platform(broker: Mosquitto):
    side = PlatformSide(broker.port)
    yield side
    side.close()


@pytest.fixture(autouse=True)
def quick_resends(monkeypatch):
    monkeypatch.setattr("devices.simulator.client.TICK_S", 0.05)


BASE = "st/v1/machine/33/W-0001"


def client_on(port: int, path: Path | None = None, **more) -> DeviceClient:
    return DeviceClient(Broker("127.0.0.1", port), "machine", "W-0001", "key", new_unsettled(path), **more)


async def until(condition, timeout_s: float = 15.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.02)


class TestDeviceClient:
    def test_what_is_reported_is_stored_once_and_let_go(self, broker, platform):
        async def scene():
            client = client_on(broker.port)
            for n in range(450):
                client.position(position(n))
            client.start()
            assert await client.drained(10)
            client.position(position(450))
            assert await client.drained(10)
            await client.stop()
            return client

        client = asyncio.run(scene())
        assert len(platform.stored) == 451
        assert client.sent == 451
        assert len(platform.of("batch")) == 3
        assert len(platform.of("pos")) == 1

    def test_what_was_lost_on_the_way_is_sent_again(self, broker, platform, monkeypatch):
        monkeypatch.setattr(numbering, "RESEND_AFTER_S", 0.2)
        platform.lose = {2, 5}

        async def scene():
            client = client_on(broker.port)
            client.unsettled._wait_s = 0.2
            client.start()
            for n in range(8):
                client.position(position(n))
                await asyncio.sleep(0.03)
            assert await client.drained(10)
            await client.stop()

        asyncio.run(scene())
        assert sorted(seq for _, _, seq in platform.stored) == list(range(1, 9))

    def test_a_killed_broker_loses_nothing(self, broker, platform):
        async def scene():
            client = client_on(broker.port)
            client.start()
            client.position(position(0))
            assert await client.drained(10)
            broker.kill()
            for n in range(1, 50):
                client.position(position(n))
            await until(lambda: not client.connected)
            await asyncio.to_thread(broker.start)
            assert await client.drained(15)
            await client.stop()
            return client

        client = asyncio.run(scene())
        assert len(platform.stored) == 50
        assert client.connections == 2

    def test_refusals_are_honoured(self, broker, platform):
        platform.refuse = lambda row: "time_in_future" if row["seq"] % 2 else None

        async def scene():
            client = client_on(broker.port)
            client.start()
            for n in range(10):
                client.position(position(n))
            assert await client.drained(10)
            await client.stop()
            return client

        client = asyncio.run(scene())
        assert dict(client.unsettled.refused) == {"time_in_future": 5}
        assert len(platform.stored) == 5

    def test_commands_are_done_once_and_answered_every_time(self, broker, platform):
        done = []

        def obey(name, args):
            done.append((name, args))
            if name == "interval":
                return "ok", f"{args['seconds']}"
            return "refused", f"unknown command {name}"

        async def scene():
            client = client_on(broker.port, on_command=obey)
            client.start()
            await until(lambda: client.connected)
            platform.command(BASE, {"id": "1", "name": "interval", "args": {"seconds": 5}})
            platform.command(BASE, {"id": "1", "name": "interval", "args": {"seconds": 5}})
            platform.command(BASE, {"id": 2, "name": "interval", "args": {}})
            platform.command(BASE, {"id": 3, "name": "locate", "args": {}, "expires_at": "2020-01-01T00:00:00Z"})
            platform.command(BASE, {"id": 4, "name": "dance", "args": {}, "expires_at": now_ms() + 60_000})
            await until(lambda: len(platform.of("reply")) == 5)
            await client.stop()

        asyncio.run(scene())
        assert platform.of("reply") == [
            {"id": "1", "result": "ok", "text": "5"},
            {"id": "1", "result": "ok", "text": "5"},
            {"id": 2, "result": "refused", "text": "bad arguments: 'seconds'"},
            {"id": 3, "result": "refused", "text": "expired"},
            {"id": 4, "result": "refused", "text": "unknown command dance"},
        ]
        assert [name for name, _ in done] == ["interval", "interval", "dance"]

    def test_nonsense_from_the_platform_is_counted_and_survived(self, broker, platform):
        async def scene():
            client = client_on(broker.port)
            client.start()
            await until(lambda: client.connected)
            for body in (17, {"epoch": 1}, {"epoch": "x", "acked": 1}, [], None):
                platform.answer(BASE, body)
            platform.command(BASE, {"id": [], "name": "locate"})
            await until(lambda: client.bad_answers == 6)
            client.position(position())
            assert await client.drained(10)
            await client.stop()

        asyncio.run(scene())

    def test_status_and_events_survive_being_offline(self, broker, platform):
        async def scene():
            client = client_on(broker.port)
            client.status("on", battery_pct=80)
            client.event("gas_low", text="保护气不足")
            client.start()
            await until(lambda: platform.of("event"))
            await client.stop()

        asyncio.run(scene())
        assert platform.of("status")[0]["power"] == "on"
        assert platform.of("event")[0]["code"] == "gas_low"

    def test_a_wrong_key_is_said(self, tmp_path: Path):
        passwords = tmp_path / "passwords"
        passwords.write_text("")

        async def scene(port):
            client = client_on(port)
            client.start()
            await until(lambda: client.last_error)
            await client.stop()
            return client

        with running_mosquitto(tmp_path, f"allow_anonymous false\npassword_file {passwords}\n") as strict:
            client = asyncio.run(scene(strict.port))
        assert "Not authorized" in client.last_error
        assert not client.connected

    def test_nobody_takes_the_session_over_who_knows_only_the_user_name(self, broker, platform):
        user = username("machine", "W-0001")
        assert client_id_of(user, "one key") != client_id_of(user, "another")

        async def scene(guess):
            client = client_on(broker.port)
            client.start()
            await until(lambda: client.connected)
            stranger = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=guess(client), protocol=mqtt.MQTTv5)
            stranger.connect("127.0.0.1", broker.port)
            stranger.loop_start()
            await until(stranger.is_connected)
            await asyncio.sleep(0.3)
            thrown_off = client.connections > 1 or not client.connected
            await asyncio.to_thread(stranger.disconnect)
            stranger.loop_stop()
            await client.stop()
            return thrown_off

        for guess in ("W-0001", user):
            assert not asyncio.run(scene(lambda _, name=guess: name))
        # The danger is real: whoever has the client id has the session.
        assert asyncio.run(scene(lambda client: client._mqtt._client_id.decode()))

    def test_what_is_unsettled_survives_a_restart_of_the_device(self, broker, platform, tmp_path: Path):
        path = tmp_path / "state.json"
        platform.deaf = True

        async def first():
            client = client_on(broker.port, path)
            client.start()
            await until(lambda: client.connected)
            for n in range(5):
                client.position(position(n))
            await asyncio.sleep(0.2)
            await client.stop()

        async def second():
            client = client_on(broker.port, path)
            client.start()
            client.position(position(5))
            assert await client.drained(10)
            await client.stop()

        asyncio.run(first())
        assert not platform.stored
        platform.deaf = False
        asyncio.run(second())
        assert sorted(row["time"] for row in platform.stored.values()) == [position(n)["time"] for n in range(6)]


def test_expiry_is_read_as_text_and_as_milliseconds():
    assert Command("1", "x", {}, "2026-01-01T00:00:00+08:00").expired(1_767_200_000)
    assert not Command("1", "x", {}, 2_000_000_000_000).expired(1_767_200_000)
    assert not Command("1", "x").expired(1e12)
