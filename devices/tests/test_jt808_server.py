"""JT/T 808 terminals over real sockets: let in by key, answered when stored, commanded, and kept within limits."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone as clock

from access.models import AuditRecord
from devices.exceptions import RefusedError
from devices.keys import issue_key, revoke_key
from devices.models import Device, DeviceCommand, DeviceEvent, Refusal, RefusalCount
from devices.protocols import jt808, jt808_server, jt808_terminal
from devices.protocols.jt808_frames import Framer, Message, read_message, write_message
from devices.protocols.jt808_server import Jt808Server
from devices.tests.broker import wait_for
from devices.tests.road import Road
from gis.notices import connection_parameters
from twin.models import Asset, State

pytestmark = pytest.mark.slow
PHONE = "13812345678"


def position(seconds_ago=0, lon=121.5, status=3, alarm=0):
    stamp = datetime.now(timezone(timedelta(hours=8))) - timedelta(seconds=seconds_ago)
    return struct.pack(
        ">IIIIhHH6s", alarm, status, 31_200_000, round(lon * 1e6), 4, 360, 90, bytes.fromhex(f"{stamp:%y%m%d%H%M%S}")
    ) + bytes.fromhex("300119")


class Phone:
    """A terminal's side of a connection."""

    def __init__(self, server, edition=2013, phone=PHONE):
        self.socket = socket.create_connection(server.address, timeout=10)
        self.framer, self.edition, self.phone, self.serial = Framer(), edition, phone, 0
        self.inbox = []
        server.phones.append(self)

    def send(self, id_, body=b"", phone=None, part=None):
        self.serial += 1
        self.socket.sendall(write_message(Message(id_, phone or self.phone, self.serial, body, self.edition, part)))
        return self.serial

    def receive(self):
        while not self.inbox:
            data = self.socket.recv(4096)
            if not data:
                raise EOFError
            for frame in self.framer.feed(data):
                assert not isinstance(frame, RefusedError)
                self.inbox.append(read_message(frame))
        return self.inbox.pop(0)

    def ask(self, id_, body=b"", **more):
        """Send, and the result of the answer to that."""
        serial = self.send(id_, body, **more)
        answer = self.receive()
        assert answer.id == jt808.ANSWER
        to, what, result = struct.unpack(">HHB", answer.body)
        assert (to, what) == (serial, id_)
        return result

    def sign_in(self, key):
        code = key.encode()
        more = bytes([len(code)]) + code + b"8" * 15 + b"\0" * 20
        return self.ask(jt808.AUTHENTICATE, more if self.edition == 2019 else code)

    def ended(self):
        """Whether the other side has closed the connection."""
        try:
            while self.socket.recv(4096):
                pass
        except ConnectionResetError:
            pass
        return True


def reasons():
    return dict(RefusalCount.objects.values_list("reason", "count"))


def tracks():
    with connection.cursor() as cursor:
        cursor.execute("SELECT lon, speed_m_s FROM twin_track ORDER BY ts")
        return cursor.fetchall()


@pytest.fixture
def road(tmp_path, settings, transactional_db):
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE twin_track")
    road = Road(tmp_path)
    settings.MQTT_URL = f"mqtt://platform:road@127.0.0.1:{road.broker.port}"
    yield road
    road.stop()


@pytest.fixture
def device(road):
    asset = Asset.objects.create(kind="vehicle", code="沪A12345", name="运输车")
    return Device.objects.create(identifier=PHONE, kind="vehicle", asset=asset)


@pytest.fixture
def server(road, settings):
    server = Jt808Server("127.0.0.1", 0, settings.MQTT_URL, connection_parameters())
    server.phones = []
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: server.address and server.road.connected.is_set())
    yield server
    for phone in server.phones:
        phone.socket.close()
    server.stop()
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def worker(road, device):
    worker = road.ingest()
    wait_for(lambda: PHONE in worker._devices)
    wait_for(worker._pushes._client.is_connected)
    return worker


@pytest.fixture
def key(device):
    return issue_key(device)


@pytest.mark.parametrize("edition", [2013, 2019])
def test_positions_are_answered_when_stored(worker, server, key, edition):
    phone = Phone(server, edition)
    assert phone.sign_in(key) == 0
    assert phone.ask(jt808.HEARTBEAT) == 0
    assert phone.ask(jt808.LOCATION, position(3)) == 0
    assert tracks() == [(121.5, 10.0)]
    state = State.objects.get()
    assert (state.status, state.attrs) == (1, {"signal": 25})
    bodies = [position(2, 121.6), position(1, 121.7)]
    batch = struct.pack(">HB", 2, 1) + b"".join(struct.pack(">H", len(b)) + b for b in bodies)
    assert phone.ask(jt808.LOCATIONS, batch) == 0
    assert phone.ask(jt808.LOCATION, bodies[0]) == 0  # sent again: it was not sure
    assert [round(lon, 6) for lon, _speed in tracks()] == [121.5, 121.6, 121.7]
    assert phone.ask(0x0900, b"x") == jt808.UNSUPPORTED
    assert phone.ask(jt808.LOCATION, position()[:20]) == jt808.WRONG
    assert phone.ask(jt808.LOGOUT) == 0
    assert phone.ended()


def test_a_batch_in_parts_is_one_message(worker, server, key):
    phone = Phone(server)
    phone.sign_in(key)
    bodies = [position(ago) for ago in range(40, 0, -1)]
    whole = struct.pack(">HB", 40, 0) + b"".join(struct.pack(">H", len(b)) + b for b in bodies)
    cuts = [whole[i : i + 500] for i in range(0, len(whole), 500)]
    first = phone.serial + 1
    for number, cut in enumerate(cuts, 1):
        phone.send(jt808.LOCATIONS, cut, part=(len(cuts), number))
    answers = [struct.unpack(">HHB", phone.receive().body) for _ in cuts]
    assert answers[-1] == (first, jt808.LOCATIONS, 0)
    assert len(tracks()) == 40


def test_without_a_fix_or_of_another_year(worker, server, key):
    phone = Phone(server)
    phone.sign_in(key)
    assert phone.ask(jt808.LOCATION, position(status=1)) == 0
    assert phone.ask(jt808.LOCATION, position(-86_400)) == 0
    assert tracks() == []
    wait_for(lambda: reasons() == {"not_located": 1, "time_in_future": 1})


def test_nothing_is_answered_that_is_not_stored(server, key, monkeypatch):
    monkeypatch.setattr(type(server.road).forward, "__defaults__", (0.2,))
    phone = Phone(server)
    assert phone.sign_in(key) == 0
    phone.send(jt808.LOCATION, position())
    time.sleep(0.6)
    assert phone.ask(jt808.HEARTBEAT) == 0  # the first answer that comes


def test_a_device_out_of_the_register_is_told_to_keep_its_positions(worker, server, key, device):
    phone = Phone(server)
    phone.sign_in(key)
    Asset.objects.update(active=False)
    wait_for(lambda: worker._devices[PHONE].asset is None)
    assert phone.ask(jt808.LOCATION, position()) == jt808.FAILED
    assert reasons() == {"no_asset": 1}


def test_strangers_get_three_attempts(server, key):
    phone = Phone(server)
    assert phone.ask(jt808.LOCATION, position()) == jt808.FAILED
    assert phone.sign_in("wrong") == jt808.FAILED
    assert phone.sign_in("") == jt808.FAILED
    assert phone.ended()
    other = Phone(server, phone="13900000000")
    assert other.sign_in(key) == jt808.FAILED
    wait_for(lambda: reasons() == {"not_authorised": 3, "unknown_device": 1})
    assert set(Refusal.objects.values_list("device", flat=True)) == {PHONE, "13900000000"}


def test_a_terminal_registers_itself_once_where_that_was_allowed(server, device):
    def register(phone):
        phone.send(jt808.REGISTER, b"\0" * 37)
        answer = phone.receive()
        assert answer.id == jt808.REGISTERED
        return answer.body[2], answer.body[3:].decode()

    phone = Phone(server)
    assert register(phone) == (jt808.TERMINAL_TAKEN, "")
    assert register(Phone(server, phone="13900000000")) == (jt808.NO_TERMINAL, "")
    Device.objects.update(registrable_until=clock.now() + timedelta(minutes=30))
    result, code = register(phone)
    assert result == jt808.NEW
    assert phone.sign_in(code) == 0
    assert register(Phone(server)) == (jt808.TERMINAL_TAKEN, "")
    record = AuditRecord.objects.filter(actor_name="jt808", model="devices.Device").first()
    assert "key_hash" in record.changes
    assert code not in str(record.changes)


def test_a_key_that_ends_closes_the_connection(server, device, key):
    phone = Phone(server)
    assert phone.sign_in(key) == 0
    revoke_key(device)
    assert phone.ended()
    assert Phone(server).sign_in(key) == jt808.FAILED


def test_a_second_connection_takes_over(server, key):
    first, second = Phone(server), Phone(server)
    assert first.sign_in(key) == second.sign_in(key) == 0
    assert first.ended()
    assert second.ask(jt808.HEARTBEAT) == 0


def test_a_number_that_changes_ends_the_connection(server, key):
    phone = Phone(server)
    phone.sign_in(key)
    phone.send(jt808.HEARTBEAT, phone="13900000000")
    assert phone.ended()


def test_commands_go_through_and_back(worker, server, device, key):
    from devices.commands import publish_command

    def ask(name, args, **more):
        command = DeviceCommand.objects.create(
            device=device, name=name, args=args, expires_at=clock.now() + timedelta(minutes=1), **more
        )
        publish_command(command)
        return command

    def outcome(command):
        wait_for(lambda: DeviceCommand.objects.get(pk=command.pk).state != "sent")
        return DeviceCommand.objects.values_list("state", "reply_text").get(pk=command.pk)

    phone = Phone(server)
    phone.sign_in(key)
    interval = ask("interval", {"seconds": 10})
    asked = phone.receive()
    assert (asked.id, asked.body.hex()) == (jt808.PARAMETERS, "0100000029040000000a")
    publish_command(interval)  # again, before the answer: not asked again
    phone.send(jt808.GENERAL, struct.pack(">HHB", asked.serial, asked.id, 0))
    assert outcome(interval) == ("ok", "")
    locate = ask("locate", {})
    asked = phone.receive()
    assert asked.id == jt808.QUERY
    serial = phone.send(jt808.LOCATION_ANSWER, struct.pack(">H", asked.serial) + position())
    assert outcome(locate) == ("ok", "")
    assert struct.unpack(">HHB", phone.receive().body) == (serial, jt808.LOCATION_ANSWER, 0)
    assert len(tracks()) == 1
    text = ask("text", {"text": "返场"})
    asked = phone.receive()
    phone.send(jt808.GENERAL, struct.pack(">HHB", asked.serial, asked.id, 3))
    assert outcome(text) == ("refused", "not supported by the terminal")
    assert outcome(ask("stop", {})) == ("refused", "JT/T 808 has no command stop")
    publish_command(interval)  # answered long ago: answered again, and stored once
    assert phone.ask(jt808.HEARTBEAT) == 0


@pytest.mark.parametrize("located", [True, False])
def test_a_call_for_help_is_an_event_once(worker, server, key, located):
    """From a terminal that does not know where it is, too, and whose clock may be years behind."""
    phone = Phone(server)
    phone.sign_in(key)
    for ago in (3, 2):
        ago += 0 if located else 10**9
        assert phone.ask(jt808.LOCATION, position(ago, status=3 if located else 1, alarm=1)) == 0
    wait_for(lambda: DeviceEvent.objects.count() == 1)
    body = DeviceEvent.objects.get().body
    assert (body["code"], "lon" in body) == ("sos", located)


def test_whoever_floods_is_cut_off(server, key, monkeypatch):
    monkeypatch.setattr(jt808_terminal, "MOST_MESSAGES", 20)
    phone = Phone(server)
    phone.sign_in(key)
    beat = write_message(Message(jt808.HEARTBEAT, PHONE, 1, b"", 2013))
    phone.socket.sendall(beat * 500)
    assert phone.ended()
    wait_for(lambda: reasons().get("flooding") == 1)


def test_rubbish_ends_a_connection(server):
    phone = Phone(server)
    phone.socket.sendall(b"GET / HTTP/1.1\r\n\r\n~" * 40)
    assert phone.ended()
    wait_for(lambda: reasons() == {"bad_frame": 20})


def test_the_slow_and_the_silent_are_left(server, key, monkeypatch):
    monkeypatch.setattr(jt808_terminal, "SIGN_IN_S", 0.3)
    monkeypatch.setattr(jt808_terminal, "FRAME_S", 0.3)
    assert Phone(server).ended()
    phone = Phone(server)
    assert phone.sign_in(key) == 0
    time.sleep(0.4)
    assert phone.ask(jt808.HEARTBEAT) == 0  # signed in, it may be silent for a while
    with pytest.raises(OSError):
        for _ in range(50):
            phone.socket.sendall(b"\x55")
            time.sleep(0.05)


def test_strangers_are_few(server, monkeypatch):
    monkeypatch.setattr(jt808_server, "MOST_STRANGERS", 2)
    Phone(server)
    Phone(server)
    wait_for(lambda: len(server._inside) == 2)
    assert Phone(server).ended()


def test_the_example_of_the_page(worker, server, key, tmp_path):
    """What a reader copies runs as it stands."""
    page = Path(__file__).resolve().parents[2] / "docs/protocols/jt808.md"
    script = tmp_path / "jt808.py"
    script.write_text(page.read_text().split("```python\n")[1].split("```")[0])
    host, port = server.address
    done = subprocess.run(
        [sys.executable, script, host, str(port), PHONE, key], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout.split() == ["0x0102:", "0", "0x0200:", "0"]
    assert len(tracks()) == 1
