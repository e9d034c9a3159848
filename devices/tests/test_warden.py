"""The keeper of the private broker's keys."""

import paho.mqtt.client as mqtt
import pytest
from django.core.management import call_command
from paho.mqtt.enums import CallbackAPIVersion

from devices.keys import issue_key
from devices.models import Device
from devices.tests.broker import Mosquitto, wait_for
from devices.tests.road import BROKER_CONFIG
from launcher.broker import ACCESS, password_line

pytestmark = pytest.mark.django_db(transaction=True)


def test_keys_are_handed_over_once_before_anybody_calls(tmp_path, settings):
    (tmp_path / "acl").write_text(ACCESS)
    for name in ("platform.line", "passwords"):
        (tmp_path / name).write_text(password_line("platform", "road"))
    (tmp_path / "mosquitto.log").touch()
    broker = Mosquitto(tmp_path, BROKER_CONFIG.format(folder=tmp_path))
    broker.start()
    device = Device.objects.create(identifier="W-0001", kind="machine")
    key = issue_key(device)
    settings.BROKER_DIR = tmp_path
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.username_pw_set(device.username, key)
    try:
        call_command("warden", "--once")
        assert f"/{device.identifier}:" in (tmp_path / "passwords").read_text()
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        wait_for(client.is_connected)
    finally:
        client.disconnect()
        client.loop_stop()
        broker.kill()
