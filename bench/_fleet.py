"""A city's load: hundreds of thousands of devices through one gateway that holds the platform's own account.

No machine of two cores holds that many connections beside what it measures. Everything else is as devices do it: each
numbers its positions, keeps what is not settled, and sends it again after five seconds.
"""

from __future__ import annotations

import math
import select
import socket
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import msgspec
from django.conf import settings

from bench._load import Registered
from devices.ingest import wire
from devices.topics import topic

STEP_S = 0.02
RESEND_S = 5.0
AHEAD_MOST_S = 2.0
"""A sender that fell behind its rate does not make up for more than this at once."""
WEST, SOUTH, EAST, NORTH = 121.2, 31.0, 121.8, 31.5


class _Acked(msgspec.Struct):
    acked: int
    refused: list[list]


@dataclass
class Fleet:
    """Devices that report in turn, ``rate`` positions a second together.

    Parameters
    ----------
    batch : int
        Positions in one message; 1: each in its own.
    backlog : int
        Positions a device sends beside each present one, from the hour before: what it kept while there was no
        network.
    """

    devices: list[Registered]
    rate: float
    batch: int = 1
    backlog: int = 0
    sent: int = 0
    settled: int = 0
    refused: int = 0
    resent: int = 0
    settled_ms: list[float] = field(default_factory=list)
    """From a present position's own time to the answer that it is stored."""

    def __post_init__(self) -> None:
        n = len(self.devices)
        self._number = {topic("machine", d.identifier, "acked"): i for i, d in enumerate(self.devices)}
        channel = "pos" if self.batch == 1 and not self.backlog else "batch"
        self._topics = [topic("machine", d.identifier, channel) for d in self.devices]
        # Spread evenly by two irrational steps: no two alike, and the same in every run.
        self._homes = [
            (WEST + i * 0.6180339887 % 1 * (EAST - WEST), SOUTH + i * 0.7548776662 % 1 * (NORTH - SOUTH))
            for i in range(n)
        ]
        self._last = [0] * n
        self._acked = [0] * n
        self._open: dict[tuple[int, int], tuple[float, bytes]] = {}
        self._waiting: dict[tuple[int, int], float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fleet", daemon=True)
        self._turn = 0
        self._error: BaseException | None = None

    def start(self) -> None:
        """Connect and begin to report."""
        self._socket = _connected()
        self._socket.sendall(wire.subscribe(1, ["st/v1/machine/+/+/acked"]))
        self._reporting_since = time.monotonic()
        self._thread.start()

    def stop_reporting(self) -> None:
        """Report nothing new; what is not settled is still sent again."""
        self.rate = 0.0

    def close(self) -> None:
        """Hang up. Raises what went wrong on the way."""
        self._stop.set()
        self._thread.join()
        self._socket.close()
        if self._error is not None:
            raise self._error

    @property
    def open(self) -> int:
        """Positions sent and not settled."""
        return sum(last - acked for last, acked in zip(self._last, self._acked, strict=True))

    def _run(self) -> None:
        try:
            due, then, resend_at = 0.0, time.monotonic(), time.monotonic() + 1
            rest = b""
            while not self._stop.is_set():
                now = time.monotonic()
                due = min(due + (now - then) * self.rate, AHEAD_MOST_S * self.rate)
                then = now
                per_message = self.batch + self.backlog
                messages = int(due // per_message)
                if messages:
                    due -= messages * per_message
                    self._socket.sendall(b"".join([self._message() for _ in range(messages)]))
                if now >= resend_at:
                    resend_at = now + 1
                    self._send_again(now)
                rest = self._hear(rest, STEP_S)
        except BaseException as error:  # told to whoever closes
            self._error = error

    def _message(self) -> bytes:
        i = self._turn % len(self.devices)
        self._turn += 1
        now_ms = time.time_ns() // 1_000_000
        lon, lat = self._homes[i]
        angle = self._turn / len(self.devices) / 5 + i
        rows = []
        count = self.batch + self.backlog
        oldest = self._acked[i] + 1
        for k in range(count):
            self._last[i] += 1
            # Positions of a batch are a tenth of a second apart; a backlog lies in the hour before.
            behind_ms = (count - 1 - k) * 100 if not self.backlog else (count - 1 - k) * (3_600_000 // count)
            rows.append(
                b'{"seq":%d,"oldest":%d,"time":%d,"lon":%.6f,"lat":%.6f,"speed_m_s":5.0,"working":true}'
                % (
                    self._last[i],
                    oldest,
                    now_ms - behind_ms,
                    lon + 0.001 * math.cos(angle - k / 100),
                    lat + 0.001 * math.sin(angle - k / 100),
                )
            )
        payload = rows[0] if self._topics[i].endswith("/pos") else b'{"rows":[' + b",".join(rows) + b"]}"
        packet = wire.publish(self._topics[i], payload)
        self._open[i, self._last[i]] = (time.monotonic(), packet)
        self._waiting[i, self._last[i]] = now_ms
        self.sent += count
        return packet

    def _hear(self, rest: bytes, wait_s: float) -> bytes:
        ready, _, _ = select.select([self._socket], [], [], wait_s)
        if not ready:
            return rest
        data = self._socket.recv(1 << 20)
        if not data:
            raise ConnectionError("the broker hung up")
        packets, rest = wire.split(rest + data)
        now_ms = time.time_ns() / 1e6
        for first, body in packets:
            if first >> 4 == wire.PUBLISH:
                address, payload, _number = wire.read_publish(first, body)
                i = self._number.get(address)
                if i is not None:
                    self._settle(i, msgspec.json.decode(payload, type=_Acked), now_ms)
        return rest

    def _settle(self, i: int, answer: _Acked, now_ms: float) -> None:
        self.refused += len(answer.refused)
        for number in range(self._acked[i] + 1, answer.acked + 1):
            self._open.pop((i, number), None)
            said_ms = self._waiting.pop((i, number), None)
            if said_ms is not None:
                self.settled_ms.append(now_ms - said_ms)
            self.settled += 1
        self._acked[i] = max(self._acked[i], answer.acked)

    def _send_again(self, now: float) -> None:
        """Messages that found no answer; the oldest stand first."""
        late = []
        for key, (at, packet) in self._open.items():
            if now - at < RESEND_S:
                break
            late.append((key, packet))
        for key, packet in late:
            del self._open[key]
            self._open[key] = (now, packet)
        if late:
            self.resent += len(late)
            self._socket.sendall(b"".join(packet for _key, packet in late))
        elif now - self._reporting_since > RESEND_S:
            self._socket.sendall(wire.PING)


def _connected() -> socket.socket:
    address = urlsplit(settings.MQTT_URL)
    link = socket.create_connection((address.hostname or "127.0.0.1", address.port or 1883), 10)
    link.sendall(
        wire.connect("bench-fleet", unquote(address.username or ""), unquote(address.password or ""), 60, 0, 1000)
    )
    data = b""
    while not (found := wire.split(data, most=1))[0]:
        data += link.recv(1024)
    ((_first, body),) = found[0]
    if wire.read_reason(body) >= wire.FAILURE:
        raise ConnectionRefusedError(f"the broker refused the platform's account: {wire.read_reason(body):#x}")
    link.settimeout(None)
    return link
