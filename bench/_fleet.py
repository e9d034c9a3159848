"""A city's load: hundreds of thousands of devices through one gateway that holds the platform's own account.

No machine of two cores holds that many connections beside what it measures. Everything else is as devices do it: each
numbers its positions, keeps what is not settled, and sends it again where nothing moves on. Messages are written and
answers read as columns, so that the feeder takes little of the machine it measures.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from bench._answers import Answers, read_answers
from bench._load import Registered
from bench._messages import Messages
from devices.ingest import wire
from devices.simulator.numbering import JITTER, RESEND_AFTER_S, RESEND_AT_MOST_S, RESEND_WINDOW
from devices.topics import topic

STEP_S = 0.05
AHEAD_MOST_S = 2.0
"""A sender that fell behind its rate does not make up for more than this at once."""
REMEMBERED_S = 60  # of positions under way for longer the time is wrong when they are sent again
KEPT_BATCH = 100
KNOWN_WITHIN_S = 180
_STREAM_BYTES = 1 << 20

Whole = NDArray[np.int64]


@dataclass
class Fleet:
    """Devices that report in turn, ``rate`` positions a second together.

    Parameters
    ----------
    batch : int
        Positions in one message; 1: each in its own.
    kept : int
        Positions of the hour before that each device kept while there was no network. They go out beside the present
        ones, ``kept_rate`` a second, a hundred in a message.
    """

    devices: list[Registered]
    rate: float
    batch: int = 1
    kept: int = 0
    kept_rate: float = 0.0
    sent: int = 0
    resent: int = 0
    refused: int = 0
    settled_ms: list[float] = field(default_factory=list)
    """From a present position's own time to the answer that it is stored."""

    error: BaseException | None = None
    """What ended it early."""

    def __post_init__(self) -> None:
        n = len(self.devices)
        channel = "pos" if self.batch == 1 else "batch"
        self._messages = Messages([topic("machine", d.identifier, channel) for d in self.devices])
        # What is sent again goes in batches, as the past does.
        self._old = Messages([topic("machine", d.identifier, "batch") for d in self.devices])
        self._rng = np.random.default_rng(1)
        self._last = np.full(n, self.kept, np.int64)
        self._kept_sent = np.zeros(n, np.int64)
        self._width = max(min(self.kept, KEPT_BATCH), 1)
        self._acked, self._high = np.zeros(n, np.int64), np.zeros(n, np.int64)
        each_s = n * self.batch / max(self.rate, 1e-9)
        self._ring = np.zeros((n, max(8, self.batch * (int(REMEMBERED_S / each_s) + 2))), np.int64)
        self._due_at, self._wait_s = np.full(n, np.inf), np.full(n, RESEND_AFTER_S)
        self._patient_until = np.zeros(n)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fleet", daemon=True)
        self._turn = self._kept_turn = 0
        self._rest = b""

    def start(self) -> None:
        """Connect, and wait until the ingest knows the devices."""
        self._socket = _connected()
        self._socket.sendall(wire.subscribe(1, ["st/v1/machine/+/+/acked"]))
        self._offline_ms = time.time_ns() // 1_000_000
        self._wait_to_be_known()

    def begin(self) -> None:
        """Begin to report."""
        self._thread.start()

    def _wait_to_be_known(self) -> None:
        """The last device calls until it is answered.

        Raises
        ------
        TimeoutError
            Nobody answers.
        """
        last = len(self.devices) - 1
        count = self._kept_sent if self.kept else self._last
        count[last] = self.sent = 1
        self._ring[last, 1] = self._offline_ms
        deadline = time.monotonic() + KNOWN_WITHIN_S
        while not self._acked[last]:
            if time.monotonic() > deadline:
                raise TimeoutError("the ingest does not answer")
            one = np.array([1])
            self._again(np.array([last]), one, one)
            self._hear(time.monotonic() + 1)
        self.resent = 0
        self.settled_ms.clear()

    def stop_reporting(self) -> None:
        """Report nothing new; what is not settled is still sent again."""
        self.rate = 0.0

    def close(self) -> None:
        """Hang up. Raises what went wrong on the way."""
        self._stop.set()
        self._thread.join()
        self._socket.close()
        if self.error is not None:
            raise self.error

    @property
    def settled(self) -> int:
        """Positions below which all are settled, over all devices."""
        return int(self._acked.sum())

    def acked(self) -> list[int]:
        """For each device, the number up to which all are settled."""
        return self._acked.tolist()

    @property
    def open(self) -> int:
        """Positions sent, or kept to be sent, and not settled."""
        return int((self._last - self._acked).sum())

    def _run(self) -> None:
        try:
            now = then = pinged_at = time.monotonic()
            resend_at, due, kept_due = now + 1, 0.0, 0.0
            while not self._stop.is_set():
                now = time.monotonic()
                due = min(due + (now - then) * self.rate, AHEAD_MOST_S * self.rate)
                kept_due = min(kept_due + (now - then) * self.kept_rate, AHEAD_MOST_S * self.kept_rate)
                then = now
                try:
                    if count := min(int(due / self.batch), len(self.devices)):
                        due -= count * self.batch
                        self._report(count, now)
                    if count := int(kept_due / self._width):
                        kept_due -= count * self._width
                        self._send_kept(count, now)
                    if now >= resend_at:
                        resend_at = now + 1
                        self._send_again(now)
                    if now - pinged_at > RESEND_AFTER_S:
                        pinged_at = now
                        self._socket.sendall(wire.PING)
                    self._hear(now + STEP_S)
                except OSError:
                    self._connect_again()
        except BaseException as error:  # told to whoever closes
            self.error = error

    def _connect_again(self) -> None:
        """The broker went away: come back, and send again what is not settled."""
        self._socket.close()
        self._rest = b""
        while not self._stop.wait(0.2):
            try:
                self._socket = _connected()
                self._socket.sendall(wire.subscribe(1, ["st/v1/machine/+/+/acked"]))
                break
            except OSError:
                continue
        self._patient_until[:] = 0
        self._due_at[self._acked < self._last] = time.monotonic()

    def _report(self, count: int, now: float) -> None:
        """A message each of the next ``count`` devices."""
        at = (self._turn + np.arange(count)) % len(self.devices)
        self._turn += count
        now_ms = time.time_ns() // 1_000_000
        seq = self._last[at][:, None] + np.arange(1, self.batch + 1)
        # Positions of a batch are a tenth of a second apart.
        times = now_ms - 100 * (self.batch - 1 - np.arange(self.batch)) + np.zeros_like(seq)
        self._ring[at[:, None], seq % self._ring.shape[1]] = times
        self._last[at] += self.batch
        self._socket.sendall(self._messages.write(at, seq, times, self._acked[at] + 1))
        self.sent += count * self.batch
        self._await(at, now)

    def _send_kept(self, count: int, now: float) -> None:
        """A message each of the next ``count`` devices, of what they kept."""
        at = (self._kept_turn + np.arange(count)) % len(self.devices)
        self._kept_turn += count
        at = at[self._kept_sent[at] < self.kept]
        for width in np.unique(left := np.minimum(self.kept - self._kept_sent[at], KEPT_BATCH)).tolist():
            some = at[left == width]
            seq = self._kept_sent[some][:, None] + np.arange(1, width + 1)
            self._socket.sendall(self._old.write(some, seq, self._times(some, seq), self._acked[some] + 1))
            self._kept_sent[some] += width
            self.sent += len(some) * width
        self._await(at, now)

    def _times(self, at: Whole, seq: Whole) -> Whole:
        """Times of positions, milliseconds: of kept ones evenly in the hour before the start."""
        kept = self._offline_ms - 3_600_000 + seq * 3_600_000 // max(self.kept + 1, 1)
        return np.where(seq <= self.kept, kept, self._ring[at[:, None], seq % self._ring.shape[1]])

    def _await(self, at: Whole, now: float) -> None:
        idle = at[np.isinf(self._due_at[at])]
        self._due_at[idle] = np.maximum(now + self._jittered(idle), self._patient_until[idle])

    def _hear(self, until: float) -> None:
        while (wait_s := until - time.monotonic()) > 0:
            ready, _, _ = select.select([self._socket], [], [], wait_s)
            if not ready:
                return
            data = self._socket.recv(_STREAM_BYTES)
            if not data:
                raise ConnectionError("the broker hung up")
            answers, self._rest = read_answers(self._rest + data)
            if len(answers.device):
                self._settle(answers, time.time_ns() / 1e6, time.monotonic())
            # What comes meanwhile is read at once.
            self._stop.wait(min(0.01, max(until - time.monotonic(), 0)))

    def _settle(self, answers: Answers, now_ms: float, now: float) -> None:
        at = answers.device
        self.refused += answers.refused
        before, high = self._acked[at], self._high[at]
        # Settled newly, and present ones: up to ``acked``, and in the last range beyond a gap.
        first = np.maximum(np.maximum(high, self.kept) + 1, answers.high_from)
        self._note(at, first, answers.high, now_ms)
        np.maximum.at(self._acked, at, answers.acked)
        np.maximum.at(self._high, at, answers.high)
        moved = at[self._acked[at] > before]
        self._wait_s[moved] = RESEND_AFTER_S
        self._due_at[moved] = now + self._jittered(moved)
        self._patient_until[at] = now + answers.wait_s * self._rng.uniform(1, 1 + JITTER, len(at))
        due = self._due_at[at]
        self._due_at[at] = np.where(
            answers.wait_s > 0, np.maximum(due, self._patient_until[at]), np.minimum(due, now + self._jittered(at))
        )
        self._due_at[at[self._acked[at] >= self._last[at]]] = np.inf

    def _note(self, at: Whole, first: Whole, last: Whole, now_ms: float) -> None:
        some = last >= first
        at, first, count = at[some], first[some], (last - first + 1)[some]
        count = np.minimum(count, self._ring.shape[1])
        who = np.repeat(at, count)
        seq = np.repeat(first, count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        self.settled_ms += (now_ms - self._ring[who, seq % self._ring.shape[1]]).tolist()

    def _send_again(self, now: float) -> None:
        """What found no answer, from the lowest number on."""
        late = np.flatnonzero(self._due_at < now)
        if not len(late):
            return
        self._wait_s[late] = np.minimum(2 * self._wait_s[late], RESEND_AT_MOST_S)
        self._due_at[late] = now + self._jittered(late)
        low, kept_sent = self._acked[late] + 1, self._kept_sent[late]
        old = low <= kept_sent
        low, high = np.where(old, low, np.maximum(low, self.kept + 1)), np.where(old, kept_sent, self._last[late])
        self._again(late, low, np.minimum(high, low + RESEND_WINDOW - 1))

    def _jittered(self, at: Whole) -> NDArray[np.float64]:
        return self._wait_s[at] * self._rng.uniform(1, 1 + JITTER, len(at))

    def _again(self, at: Whole, low: Whole, high: Whole) -> None:
        """Send numbers ``low`` to ``high`` (int64[m]) of devices, a message each."""
        width = high - low + 1
        for each in np.unique(width[width > 0]).tolist():
            some = width == each
            who, seq = at[some], low[some][:, None] + np.arange(each)
            self.resent += seq.size
            self._socket.sendall(self._old.write(who, seq, self._times(who, seq), self._acked[who] + 1))


def _connected() -> socket.socket:
    address = urlsplit(settings.MQTT_URL)
    link = socket.create_connection((address.hostname or "127.0.0.1", address.port or 1883), 10)
    link.sendall(
        wire.connect("bench-fleet", unquote(address.username or ""), unquote(address.password or ""), 60, 0, 1000)
    )
    data = b""
    while not (found := wire.split(data, most=1))[0]:
        piece = link.recv(1024)
        if not piece:
            raise ConnectionError("the broker hung up")
        data += piece
    ((_first, body),) = found[0]
    if wire.read_reason(body) >= wire.FAILURE:
        raise ConnectionRefusedError(f"the broker refused the platform's account: {wire.read_reason(body):#x}")
    link.settimeout(None)
    return link
