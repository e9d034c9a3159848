"""What a real mosquitto writes about those it turns away, and a log that is followed through everything."""

from __future__ import annotations

import os

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from devices.tests.broker import Mosquitto, wait_for
from devices.warden.brokerlog import BrokerLog
from devices.warden.passwords import reload_broker
from launcher.broker import ACCESS, password_line

CONFIG = """allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
pid_file {folder}/mosquitto.pid
max_packet_size 100000
log_dest file {folder}/mosquitto.log
log_type all
"""
ME = "machine/33/W-0001"
DENIED = b"1795251671: Denied PUBLISH from x (d0, q0, r0, m0, 'st/v1/machine/1/W-%d/pos', ... (2 bytes))\n"


@pytest.fixture
def broker(tmp_path):
    (tmp_path / "acl").write_text(ACCESS)
    (tmp_path / "passwords").write_text(password_line(ME, "key"))
    broker = Mosquitto(tmp_path, CONFIG.format(folder=tmp_path))
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
def log(tmp_path):
    return BrokerLog(tmp_path / "mosquitto.log")


def connect(broker, key="key", protocol=mqtt.MQTTv5, client_id="our client (1)"):
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=protocol)
    client.username_pw_set(ME, key)
    client.reconnect_delay_set(30, 30)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    return client


def collect(log, n):
    found = []

    def enough():
        found.extend(log.refusals())
        log.done()
        return len(found) >= n

    wait_for(enough)
    return found


@pytest.mark.parametrize("protocol", [mqtt.MQTTv5, mqtt.MQTTv311])
def test_denied_publications(broker, log, protocol):
    client = connect(broker, protocol=protocol)
    wait_for(client.is_connected)
    for qos in (0, 1, 2):
        client.publish("st/v1/machine/7/it's ours/pos", b"hello", qos)
    client.publish("elsewhere", b"")
    client.publish(f"st/v1/{ME}/pos", b"mine")
    found = collect(log, 4)
    client.disconnect()
    client.loop_stop()
    assert [(r.reason, r.device, r.topic) for r in found] == [
        *[("foreign_topic", "it's ours", "st/v1/machine/7/it's ours/pos")] * 3,
        ("foreign_topic", "", "elsewhere"),
    ]
    assert found[0].detail == "client our client (1) may not publish there; 5 bytes"


@pytest.mark.parametrize("protocol", [mqtt.MQTTv5, mqtt.MQTTv311])
def test_refused_sign_ins_and_what_is_too_large_for_the_broker(broker, log, protocol):
    strangers = [connect(broker, key="guess", protocol=protocol)]
    assert [(r.reason, r.device) for r in collect(log, 1)] == [("not_authorised", "")]
    client = connect(broker, protocol=protocol)
    wait_for(client.is_connected)
    client.publish(f"st/v1/{ME}/pos", b"x" * 200_000)
    assert [(r.reason, r.device) for r in collect(log, 1)] == [("payload_too_large", "our client (1)")]
    for each in (*strangers, client):
        each.disconnect()
        each.loop_stop()


def test_what_is_in_order_is_no_refusal_whatever_it_is_called(tmp_path, log):
    """Devices and topics may be named like the words that are looked for."""
    (tmp_path / "mosquitto.log").write_bytes(
        b"1795251671: Received PUBLISH from a disconnected (d0, q0, r0, m0, ': Denied PUBLISH from ', ... (2 bytes))\n"
        + DENIED % 5
        + b"1795251671: Client a disconnected.\n"
        b"1795251671: Client b disconnected, not authorised.\n"
    )
    assert [(r.reason, r.device) for r in log.refusals()] == [("foreign_topic", "W-5"), ("not_authorised", "b")]


def numbers(found):
    return [int(r.device.removeprefix("W-")) for r in found]


def test_a_line_is_read_when_it_is_whole(tmp_path, log):
    path = tmp_path / "mosquitto.log"
    line = DENIED % 1
    with path.open("ab", buffering=0) as file:
        file.write(line[:30])
        assert log.refusals() == []
        log.done()
        file.write(line[30:] + (DENIED % 2)[:50])
        assert numbers(log.refusals()) == [1]
        log.done()
        file.write((DENIED % 2)[50:])
        assert numbers(log.refusals()) == [2]


def test_a_warden_that_was_killed_goes_on_where_it_was(tmp_path):
    """Nothing that was stored is counted again; what was only read is."""
    path = tmp_path / "mosquitto.log"
    first = BrokerLog(path)
    with path.open("ab", buffering=0) as file:
        for n in range(200):
            file.write(DENIED % n)
        assert numbers(first.refusals()) == list(range(200))
        first.done()
        for n in range(200, 203):
            file.write(DENIED % n)
        assert len(first.refusals()) == 3
        second = BrokerLog(path)
        file.write(DENIED % 203)
        assert numbers(second.refusals()) == [200, 201, 202, 203]
        second.done()
        assert BrokerLog(path).refusals() == []
        assert path.stat().st_blocks * 512 <= 8192


def test_a_log_begun_anew_is_followed(tmp_path, log):
    path = tmp_path / "mosquitto.log"
    path.write_bytes(DENIED % 1 + DENIED % 2)
    assert numbers(log.refusals()) == [1, 2]
    path.write_bytes(DENIED % 3)
    assert numbers(log.refusals() + log.refusals()) == [3]
    path.rename(tmp_path / "old.log")
    path.write_bytes(DENIED % 4)
    assert numbers(log.refusals() + log.refusals()) == [4]


def test_a_flood_is_read_in_pieces(tmp_path, log, monkeypatch):
    monkeypatch.setattr("devices.warden.brokerlog._MOST_AT_ONCE", 1000)
    (tmp_path / "mosquitto.log").write_bytes(b"".join(DENIED % n for n in range(100)))
    found = log.refusals()
    assert 0 < len(found) < 12
    for _ in range(30):
        log.done()
        found += log.refusals()
    assert numbers(found) == list(range(100))


def test_only_a_broker_is_told_to_read_its_keys(broker, tmp_path):
    assert reload_broker(tmp_path)
    (tmp_path / "mosquitto.pid").write_text(str(os.getpid()))
    assert not reload_broker(tmp_path)
    (tmp_path / "mosquitto.pid").unlink()
    assert not reload_broker(tmp_path)
