"""A broker, a warden, an ingest worker and devices that talk to them, for tests of the whole road."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

import paho.mqtt.client as mqtt
from django.db import connection
from paho.mqtt.enums import CallbackAPIVersion

from devices.ingest.worker import IngestWorker
from devices.keys import issue_key
from devices.models import Device
from devices.tests.broker import Mosquitto, wait_for
from devices.topics import topic
from devices.warden.warden import Warden
from gis.notices import connection_parameters
from launcher.broker import ACCESS, password_line
from twin.models import Asset

BROKER_CONFIG = """allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
pid_file {folder}/mosquitto.pid
max_packet_size 4194304
log_dest file {folder}/mosquitto.log
log_type all
"""


class Road:
    """A broker, a warden and an ingest worker on the test database."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "acl").write_text(ACCESS)
        line = password_line("platform", "road")
        (folder / "platform.line").write_text(line)
        (folder / "passwords").write_text(line)
        (folder / "mosquitto.log").touch()
        self.broker = Mosquitto(folder, BROKER_CONFIG.format(folder=folder))
        self.broker.start()
        self.runners = []
        self.threads = []
        self.start(Warden(folder, connection_parameters()))

    def start(self, runner):
        thread = threading.Thread(target=runner.run)
        thread.start()
        self.runners.append(runner)
        self.threads.append(thread)
        return runner

    def ingest(self, name="t"):
        url = f"mqtt://platform:road@127.0.0.1:{self.broker.port}"
        worker = self.start(IngestWorker(name, url, connection_parameters()))
        assert worker._receiver.connected.wait(30)
        wait_for(lambda: worker._leases.tokens)
        return worker

    @property
    def workers(self):
        return [runner for runner in self.runners if isinstance(runner, IngestWorker)]

    def stop(self):
        for runner in self.runners:
            runner.stop()
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()
        self.broker.kill()


class Station:
    """A registered device with its key, connected; of an asset that is there, or of a new machine."""

    def __init__(self, road, identifier="W-0001", numbered=True, datum="wgs84", asset=None):
        self.asset = asset or Asset.objects.create(kind="machine", code=identifier, name="焊机")
        self.kind = self.asset.kind
        self.device = Device.objects.create(
            identifier=identifier, kind=self.kind, asset=self.asset, numbered=numbered, datum=datum
        )
        self.key = issue_key(self.device)
        self.answers = []
        wait_for(lambda: f"/{identifier}:" in (road.folder / "passwords").read_text())
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self.client.username_pw_set(self.device.username, self.key)
        self.client.on_message = lambda _c, _d, m: self.answers.append(json.loads(m.payload))
        self.client.on_connect = lambda c, *_: c.subscribe(topic(self.kind, identifier, "acked"))
        self.client.on_connect_fail = None
        self.client.reconnect_delay_set(0.1, 0.2)
        self.client.connect("127.0.0.1", road.broker.port)
        self.client.loop_start()
        wait_for(self.client.is_connected)
        # The workers hear of the device by a notice.
        wait_for(lambda: all(identifier in worker._devices for worker in road.workers))

    def send(self, channel="pos", qos=0, at=None, **fields):
        body = {"time": (at or datetime.now(UTC)).isoformat(), "lon": 121.5, "lat": 31.2, **fields}
        return self.client.publish(topic(self.kind, self.device.identifier, channel), json.dumps(body), qos)

    def raw(self, payload, channel="pos", qos=0):
        return self.client.publish(topic(self.kind, self.device.identifier, channel), payload, qos)

    def tracks(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT seq, lon, lat, ts FROM twin_track WHERE asset_id = %s ORDER BY ts", [self.asset.pk])
            return cursor.fetchall()

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
