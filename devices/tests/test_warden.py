"""The keeper of the private broker's keys."""

import time
from contextlib import contextmanager
from threading import Thread

import paho.mqtt.client as mqtt
import pytest
from django.core.management import call_command
from paho.mqtt.enums import CallbackAPIVersion

from devices.keys import issue_key
from devices.models import Device
from devices.tests.broker import Mosquitto, wait_for
from devices.tests.road import BROKER_CONFIG
from devices.warden import warden as warden_module
from devices.warden.passwords import reload_broker
from devices.warden.warden import Warden
from gis.notices import connection_parameters
from launcher.broker import ACCESS, password_line

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def broker(tmp_path, settings):
    (tmp_path / "acl").write_text(ACCESS)
    for name in ("platform.line", "passwords"):
        (tmp_path / name).write_text(password_line("platform", "road"))
    (tmp_path / "mosquitto.log").touch()
    broker = Mosquitto(tmp_path, BROKER_CONFIG.format(folder=tmp_path))
    broker.start()
    settings.BROKER_DIR = tmp_path
    yield broker
    broker.kill()


@contextmanager
def calling(broker, device, key):
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set(device.username, key)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def test_keys_are_handed_over_once_before_anybody_calls(tmp_path, broker):
    device = Device.objects.create(identifier="W-0001", kind="machine")
    key = issue_key(device)
    call_command("warden", "--once")
    assert f"/{device.identifier}:" in (tmp_path / "passwords").read_text()
    with calling(broker, device, key) as client:
        wait_for(client.is_connected)


def test_a_broker_that_forgot_is_asked_again(tmp_path, broker, monkeypatch):
    """As mosquitto forgets what it is asked while it reads its files: a key that was revoked then would live on."""
    asked = []

    def forgetful(folder):
        asked.append(folder)
        return len(asked) == 1 or reload_broker(folder)

    monkeypatch.setattr(warden_module, "reload_broker", forgetful)
    monkeypatch.setattr(warden_module, "ASK_AGAIN_S", 0.3)
    device = Device.objects.create(identifier="W-0002", kind="machine")
    key = issue_key(device)
    warden = Warden(tmp_path, connection_parameters())
    warden.once()
    working = Thread(target=warden.run)
    working.start()
    try:
        with calling(broker, device, key) as client:
            wait_for(client.is_connected)
            # Its log says that it has read them: nobody asks any more.
            times = len(asked)
            time.sleep(1.5)
            assert len(asked) == times <= 3
    finally:
        warden.stop()
        working.join()
