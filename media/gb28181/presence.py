"""Who is there: signed in, fallen silent, gone, back; and that it is written down."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import Counter, Gauge

from media.gb28181.peers import Binding, Peers
from media.sip.flows import Flow
from media.sip.transports import Endpoint
from media.store import Seen, load_registrations, write_presence
from twin.database import DatabaseThread

logger = logging.getLogger(__name__)

HOUSE_S = 1.0
WRITE_S = 1.0
NOTED_S = 60.0
GRACE_S = 30.0
"""After a start, what was signed in before is believed to be for at least as long."""
MOST_UNWRITTEN = 5000

devices_online = Gauge("sandtable_gb28181_devices", "Video devices signed in by GB/T 28181")
lost_total = Counter("sandtable_gb28181_lost", "Devices that fell silent or whose registration ran out")


@dataclass
class Presence:
    """Knows who is there.

    Attributes
    ----------
    silence_s : float
        How long a device may say nothing.
    came : callable
        Told of each device that has signed in anew, or is back.
    gone : callable
        Told of each that is there no longer.
    """

    peers: Peers
    database: DatabaseThread
    silence_s: float
    came: Callable[[Binding], None]
    gone: Callable[[Binding], None]

    def __post_init__(self) -> None:
        self._unwritten: dict[str, Binding] = {}

    async def restore(self, endpoint: Endpoint) -> None:
        """Go on with devices that were signed in before a restart: many keep sending without a new REGISTER."""
        now = time.time()
        for code, seen in (await self.database.do(load_registrations)).items():
            known = self.peers.known.get(code)
            if known is None or not seen.online or seen.expires_at < now or seen.transport != "UDP":
                continue
            flow = endpoint.flow_to((seen.host, seen.port))
            heard = max(seen.seen_at, now - self.silence_s + GRACE_S)
            self.peers.bind(Binding(known, flow, "", seen.registered_at, seen.expires_at, heard, seen.version))

    def registered(self, binding: Binding, news: bool) -> None:
        """A device has signed in, or is heard again; ``news``: it was not there before."""
        self._unwritten[binding.code] = binding
        if news:
            self.came(binding)

    def learnt(self, binding: Binding) -> None:
        """Something of it that is written down has changed."""
        self._unwritten[binding.code] = binding

    def went(self, binding: Binding) -> None:
        """A device is gone."""
        if binding.online:
            binding.online = False
            lost_total.inc()
        self.gone(binding)
        self._unwritten[binding.code] = binding

    def lost(self, flow: Flow) -> None:
        """A TCP connection has ended: with it whoever was signed in by it (9.1, NAT)."""
        for binding in [binding for binding in self.peers.bindings.values() if binding.flow is flow]:
            self.went(binding)

    async def run(self) -> None:
        """Keep house until cancelled."""
        written = noted = time.monotonic()
        while True:
            await asyncio.sleep(HOUSE_S)
            now = time.time()
            for code, binding in list(self.peers.bindings.items()):
                if binding.online and (now > binding.expires_at or now - binding.seen_at > self.silence_s):
                    self.went(binding)
                if now > binding.expires_at + self.silence_s:
                    self.peers.unbind(code)
            devices_online.set(sum(binding.online for binding in self.peers.bindings.values()))
            if time.monotonic() - noted >= NOTED_S:
                # Whoever is there is noted as heard once a minute, not with every keepalive.
                noted = time.monotonic()
                self._unwritten |= {code: b for code, b in self.peers.bindings.items() if b.online}
            if time.monotonic() - written >= WRITE_S or len(self._unwritten) >= MOST_UNWRITTEN:
                written = time.monotonic()
                await self.write()

    async def write(self) -> None:
        """Store what has changed."""
        unwritten, self._unwritten = self._unwritten, {}
        rows = [seen_of(binding) for binding in unwritten.values()]
        try:
            if rows:
                await self.database.do(write_presence, rows)
        except Exception:
            logger.exception("gb28181: registrations could not be written; trying again")
            self._unwritten = unwritten | self._unwritten


def seen_of(binding: Binding) -> Seen:
    """A binding as it is stored."""
    host, port = binding.flow.peer
    return Seen(
        binding.known.pk,
        binding.online,
        binding.flow.transport,
        host,
        port,
        binding.registered_at,
        binding.expires_at,
        binding.seen_at,
        binding.version,
        *binding.about,
    )
