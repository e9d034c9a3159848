"""A real mosquitto for tests, and a platform's side small enough to misbehave on demand."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion


def wait_for(condition: Callable[[], Any], timeout_s: float = 30.0) -> Any:
    """The condition's first true value; fails the test after ``timeout_s``.

    Asks less and less often: some ask whole pages, of the very process they wait for.
    """
    deadline, pause_s = time.monotonic() + timeout_s, 0.01
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(pause_s)
        pause_s = min(0.2, 1.3 * pause_s)
    raise AssertionError("waited in vain")


class Mosquitto:
    """A broker in a folder of its own, on a free port, that can be killed and started again."""

    def __init__(self, folder: Path, config: str = "allow_anonymous true\n") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.config = folder / "mosquitto.conf"
        # Started as root, mosquitto would become a user who cannot read a test's folder.
        user = "user root\n" if os.geteuid() == 0 else ""
        self.config.write_text(f"listener {self.port} 127.0.0.1\nset_tcp_nodelay true\n{user}{config}")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it and wait until it listens."""
        self.process = subprocess.Popen(
            ["mosquitto", "-c", str(self.config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

        def listens() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        try:
            wait_for(listens)
        except AssertionError:
            self.kill()
            raise

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def running_mosquitto(folder: Path, config: str = "allow_anonymous true\n") -> Iterator[Mosquitto]:
    """A broker for the length of the block."""
    broker = Mosquitto(folder, config)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


class PlatformSide:
    """Settles positions as the protocol page says; ``deaf`` makes it lose what comes, ``refuse`` refuse it."""

    def __init__(self, port: int) -> None:
        self.stored: dict[tuple[str, int, int], dict[str, Any]] = {}
        self.messages: list[tuple[str, Any]] = []
        self.deaf = False
        self.lose: set[int] = set()
        self.refuse: Callable[[dict[str, Any]], str | None] = lambda row: None
        self._numbers: dict[tuple[str, int], set[int]] = {}
        self._acked: dict[tuple[str, int], int] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.on_message = self._on_message
        self._client.on_connect = lambda client, *rest: client.subscribe("st/v1/+/+/+/+", 1)
        self._client.reconnect_delay_set(0.1, 0.2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        wait_for(self._client.is_connected)

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def command(self, base: str, body: dict[str, Any]) -> None:
        """Send a command to the device of topic prefix ``base``."""
        self._client.publish(f"{base}/cmd", json.dumps(body), qos=1)

    def answer(self, base: str, body: Any) -> None:
        """Send any ``acked`` message."""
        self._client.publish(f"{base}/acked", json.dumps(body))

    def of(self, channel: str) -> list[Any]:
        """Bodies that came on one channel."""
        return [body for topic, body in self.messages if topic.endswith(f"/{channel}")]

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        base, channel = message.topic.rsplit("/", 1)
        if channel in ("acked", "cmd") or self.deaf:
            return
        body = json.loads(message.payload)
        self.messages.append((message.topic, body))
        if channel not in ("pos", "batch"):
            return
        rows = body["rows"] if channel == "batch" else [body]
        refused = []
        for row in rows:
            if row["seq"] in self.lose:
                self.lose.remove(row["seq"])
                continue
            series = (base, row["epoch"])
            numbers = self._numbers.setdefault(series, set())
            numbers.update(range(self._acked.get(series, 0) + 1, row.get("oldest", 0)))
            numbers.add(row["seq"])
            if reason := self.refuse(row):
                refused.append([row["seq"], reason])
            else:
                self.stored[base, row["epoch"], row["seq"]] = row
        for series in {(base, row["epoch"]) for row in rows}:
            self._acknowledge(series, refused)

    def _acknowledge(self, series: tuple[str, int], refused: list[list[Any]]) -> None:
        numbers = self._numbers.get(series, set())
        acked = self._acked.get(series, 0)
        while acked + 1 in numbers:
            acked += 1
        self._acked[series] = acked
        ahead = [[n, n] for n in sorted(numbers) if n > acked]
        self.answer(series[0], {"epoch": series[1], "acked": acked, "ahead": ahead, "refused": refused})
