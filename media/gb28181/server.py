"""GB/T 28181 process: one asyncio loop that cameras talk to.

What comes from whoever is not signed in is looked at as little as possible and answered not at all, but for REGISTER.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import threading
import time
from typing import Any

from prometheus_client import Counter, Gauge

from devices.protocols.road import Road
from devices.protocols.turned_away import TurnedAway
from gis.notices import listen
from media.asking import Answering
from media.gb28181.answers import Answers
from media.gb28181.bodies import Bodies
from media.gb28181.calls import Calls
from media.gb28181.codes import is_code
from media.gb28181.guard import MOST_PEER, PEER_S, Buckets
from media.gb28181.newcomers import Newcomers
from media.gb28181.peers import Binding, Peers
from media.gb28181.registrar import Registrar, code_of
from media.gb28181.reports import Reports
from media.gb28181.subscriptions import Subscriptions
from media.gb28181.talk import Talker
from media.gb28181.xml import XmlError, read_xml
from media.reasons import FLOODING, FORGED, MALFORMED, STRANGER, UNREADABLE
from media.rtp.ports import Ports
from media.sip.digest import Challenger
from media.sip.exceptions import MalformedError
from media.sip.flows import Flow
from media.sip.message import Request, Response, read_message
from media.sip.transaction import ServerTransaction
from media.sip.transactions import Transactions, observe
from media.sip.transports import Endpoint
from media.store import (
    Seen,
    identity,
    load_cameras,
    load_known,
    load_registrations,
    switch_off,
    write_registrations,
)
from media.whep.ice import IcePort
from media.whep.watching import Watching
from twin.database import DatabaseThread

logger = logging.getLogger(__name__)

MEDIA_PORTS = (30_000, 31_999)
HOUSE_S = 1.0
WRITE_S = 1.0
NOTED_S = 60.0
REREAD_S = 3.0
GRACE_S = 30.0
"""After a start, what was signed in before is believed to be for at least as long."""
MOST_UNWRITTEN = 5000
WAY = "GB/T 28181"
_KEEPALIVE = re.compile(rb"<CmdType>\s*Keepalive\s*<", re.IGNORECASE)

devices_online = Gauge("sandtable_gb28181_devices", "Video devices signed in by GB/T 28181")
messages_total = Counter("sandtable_gb28181_messages", "SIP requests taken, by method", ["method"])
lost_total = Counter("sandtable_gb28181_lost", "Devices that fell silent or whose registration ran out")


class Gb28181Server:
    """The process's work.

    Parameters
    ----------
    host, port : str, int
        Where to listen, UDP and TCP; port 0 takes a free one, see ``address``.
    mqtt_url : str
        Broker, with the platform's account.
    database : dict
        Keyword arguments of :func:`psycopg.connect`.
    media_ports : tuple of int
        First and last port that pictures may come to.
    browsers : IcePort, optional
        Where browsers come to for pictures; a free port of this machine alone where left out.
    """

    def __init__(
        self,
        host: str,
        port: int,
        mqtt_url: str,
        database: dict[str, Any],
        media_ports: tuple[int, int] = MEDIA_PORTS,
        browsers: IcePort | None = None,
    ) -> None:
        self._host, self._port, self._parameters = host, port, database
        self._media_ports, self._browsers = media_ports, browsers or IcePort("127.0.0.1", 0)
        self.road = Road(mqtt_url)
        self.database = DatabaseThread("gb28181-database")
        self.turned_away = TurnedAway(database)
        self.address: tuple[str, int] | None = None
        self.peers = Peers()
        self._messages = Buckets(PEER_S, MOST_PEER)
        self._unwritten: dict[str, Binding] = {}
        self._stop = asyncio.Event()
        self._stopping = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self) -> None:
        """Serve until stopped."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """End soon; safe from a signal handler and from other threads."""
        self._stopping.set()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._stop.set)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._prepare()
        self.road.start()
        await self.endpoint.start()
        await self.watching.start()
        self.address = self.endpoint.address
        assert self.address is not None
        logger.info("gb28181: %s listening on %s:%d, UDP and TCP", self.talker.code, *self.address)
        await self._restore()
        await self.answering.start()
        running = (
            self._keep_house(),
            self._watch(),
            self.reports.run(),
            self.newcomers.run(),
            self.subscriptions.run(self._meet_again),
            self.watching.run(),
        )
        jobs = [asyncio.create_task(job) for job in running]
        if self._stopping.is_set():
            self._stop.set()
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait([stopped, *jobs], return_when=asyncio.FIRST_COMPLETED)
        for job in (stopped, *jobs):
            job.cancel()
        ended = await asyncio.gather(*jobs, return_exceptions=True)
        self.answering.stop()
        await self.watching.stop()
        await self.calls.stop()
        await self.endpoint.stop()
        await self._write()
        await self.road.stop()
        await asyncio.to_thread(self.turned_away.write)
        await self.database.stop()
        for fault in ended:
            if isinstance(fault, Exception):
                raise fault

    async def _prepare(self) -> None:
        own = await self.database.do(identity)
        self.keepalive_s, self.misses = own.keepalive_s, own.misses
        self.transactions = Transactions(self._begun)
        self.endpoint = Endpoint(
            self._host, self._port, self._receive, self._lost, self._refuse_bytes, own.public_address or ""
        )
        self.registrar = Registrar(
            self.peers, Challenger(own.realm, own.algorithms.split()), self.refuse, self._registered, self._unregistered
        )
        self.talker = Talker(self.transactions, self.peers, own.code, own.realm)
        self.reports = Reports(self.road)
        self.subscriptions = Subscriptions(self.talker)
        self.newcomers = Newcomers(self.talker, self.subscriptions, self.reports, self.database, self._learnt)
        self.calls = Calls(self.talker, Ports(*self._media_ports), self._host, self.refuse)
        self.bodies = Bodies(self.talker, self.reports, self.newcomers, self.calls.recording_ended)
        answers = Answers(self.talker, self.newcomers, self.calls).handlers
        self.watching = Watching(self.database, self.calls, self._browsers, {"gb28181": answers["control"]})
        self.answering = Answering(self.road, answers | self.watching.handlers)
        self.peers.learn(await self.database.do(load_known))
        self.reports.placed(await self.database.do(load_cameras), new=False)

    async def _restore(self) -> None:
        """Go on with devices that were signed in before a restart: many keep sending without a new REGISTER."""
        now = time.time()
        for code, seen in (await self.database.do(load_registrations)).items():
            known = self.peers.known.get(code)
            if known is None or not seen.online or seen.expires_at < now or seen.transport != "UDP":
                continue
            flow = self.endpoint.flow_to((seen.host, seen.port))
            heard = max(seen.seen_at, now - self.silence_s + GRACE_S)
            self.peers.bind(Binding(known, flow, "", seen.registered_at, seen.expires_at, heard, seen.version))

    @property
    def silence_s(self) -> float:
        """How long a device may say nothing."""
        return self.keepalive_s * self.misses

    # What comes in

    def _receive(self, data: bytes, flow: Flow) -> None:
        try:
            message = read_message(data, stream=flow.transport == "TCP")
        except MalformedError as error:
            self._refuse_bytes(str(error), flow)
            return
        if isinstance(message, Response):
            self.transactions.receive_response(message, flow)
            return
        try:
            self._request(message, flow)
        except Exception:
            logger.exception("gb28181: a request was dropped by a fault of ours")

    def _request(self, request: Request, flow: Flow) -> None:
        if self.transactions.known(request, flow):
            return
        if request.method == "REGISTER":
            welcome = self.registrar.hears(request, flow)
        else:
            welcome = self._is_from_a_peer(request, flow)
        if welcome:
            messages_total.labels(request.method if request.method in METHODS else "other").inc()
            observe(request, flow)
            self.transactions.begin(request, flow)

    def _is_from_a_peer(self, request: Request, flow: Flow) -> bool:
        code = code_of(request)
        binding = self.peers.find(code, flow)
        if binding is None or binding.expires_at < time.time():
            self.refuse(STRANGER, request.method[:20], code, flow)
            return False
        if not self._messages.take(binding.code, time.monotonic()):
            self.refuse(FLOODING, "more than 50 messages a second", binding.code, flow)
            return False
        # Where it really is now: NAT and 4G change ports, and the next request has to find it.
        if flow.peer != binding.flow.peer or flow.transport != binding.flow.transport:
            self.peers.move(binding, flow)
        binding.seen_at = time.time()
        if not binding.online:
            binding.online = True
            self._registered(binding, True)
        return True

    def _begun(self, transaction: ServerTransaction) -> None:
        match transaction.request.method:
            case "REGISTER":
                self.registrar.take(transaction)
            case "MESSAGE":
                self._message(transaction)
            case "NOTIFY":
                self._notify(transaction)
            case "BYE":
                self._bye(transaction)
            case "CANCEL":
                transaction.answer(481)
            case "INFO":
                transaction.answer(200)
            case "OPTIONS":
                transaction.answer(200, (("allow", ", ".join(METHODS)),))
            case _:
                transaction.answer(405, (("allow", ", ".join(METHODS)),))

    def _message(self, transaction: ServerTransaction) -> None:
        request, flow = transaction.request, transaction.flow
        transaction.answer(200)  # at once and whatever it says: a device without it believes us gone
        if not request.body or _KEEPALIVE.search(request.body, 0, 400):
            return  # its having come is all it says
        self._body(request, flow)

    def _notify(self, transaction: ServerTransaction) -> None:
        request, flow = transaction.request, transaction.flow
        binding = self.peers.find(code_of(request), flow)
        if binding is None or not self.subscriptions.hears(request, binding.code):
            transaction.answer(481)
            return
        transaction.answer(200)
        if request.body:
            self._body(request, flow)

    def _bye(self, transaction: ServerTransaction) -> None:
        binding = self.peers.find(code_of(transaction.request), transaction.flow)
        if binding is None:
            self.refuse(FORGED, "BYE", code_of(transaction.request), transaction.flow)
            transaction.answer(481)
            return
        self.calls.hear_bye(transaction, binding)

    def _body(self, request: Request, flow: Flow) -> None:
        binding = self.peers.find(code_of(request), flow)
        if binding is None:
            return
        body = request.body
        if request.surplus and b"</" not in body[-40:]:
            body += request.surplus  # its Content-Length counts characters
        try:
            root = read_xml(body, binding.known.charset)
        except XmlError as error:
            self.refuse(UNREADABLE, str(error), binding.code, flow)
            return
        self.bodies.take(binding, root)

    def _lost(self, flow: Flow) -> None:
        """A TCP connection has ended: with it whoever was signed in by it (9.1, NAT)."""
        self.transactions.lose(flow)
        for binding in [binding for binding in self.peers.bindings.values() if binding.flow is flow]:
            self._went(binding)

    # Who is there

    def _registered(self, binding: Binding, news: bool) -> None:
        self._unwritten[binding.code] = binding
        if news:
            self.newcomers.meet(binding)

    def _learnt(self, binding: Binding) -> None:
        self._unwritten[binding.code] = binding

    def _unregistered(self, binding: Binding) -> None:
        self._went(binding)

    def _went(self, binding: Binding) -> None:
        if binding.online:
            binding.online = False
            lost_total.inc()
        self.subscriptions.forget(binding.code)
        self.calls.device_went(binding.code)
        self.reports.placed(
            [camera._replace(online=False) for camera in self.reports.cameras_of(binding.code) if camera.online]
        )
        self._unwritten[binding.code] = binding

    def _meet_again(self, code: str) -> None:
        if (binding := self.peers.online(code)) is not None:
            self.newcomers.meet(binding)

    async def _keep_house(self) -> None:
        written = noted = time.monotonic()
        while True:
            await asyncio.sleep(HOUSE_S)
            await asyncio.to_thread(self.turned_away.write)
            now = time.time()
            for code, binding in list(self.peers.bindings.items()):
                if binding.online and (now > binding.expires_at or now - binding.seen_at > self.silence_s):
                    self._went(binding)
                if now > binding.expires_at + self.silence_s:
                    self.peers.unbind(code)
            devices_online.set(sum(binding.online for binding in self.peers.bindings.values()))
            if time.monotonic() - noted >= NOTED_S:
                # Whoever is there is noted as heard once a minute, not with every keepalive.
                noted = time.monotonic()
                self._unwritten |= {code: b for code, b in self.peers.bindings.items() if b.online}
            if time.monotonic() - written >= WRITE_S or len(self._unwritten) >= MOST_UNWRITTEN:
                written = time.monotonic()
                await self._write()

    async def _write(self) -> None:
        unwritten, self._unwritten = self._unwritten, {}
        rows = [seen_of(binding) for binding in unwritten.values()]
        gone = [binding.known.pk for binding in unwritten.values() if not binding.online]
        try:
            if rows:
                await self.database.do(write_registrations, rows)
            if gone:
                await self.database.do(switch_off, gone)
        except Exception:
            logger.exception("gb28181: registrations could not be written; trying again")
            self._unwritten = unwritten | self._unwritten

    async def _watch(self) -> None:
        """Read the register again when it changes."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()

        def watch() -> None:
            for _topics in listen({"video"}, stop=self._stopping, parameters=self._parameters):
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(changed.set)

        threading.Thread(target=watch, name="notices", daemon=True).start()
        while True:
            await changed.wait()
            changed.clear()
            try:
                known = await self.database.do(load_known)
                cameras = await self.database.do(load_cameras)
            except Exception:
                logger.exception("gb28181: the register could not be read; trying again")
                changed.set()
                await asyncio.sleep(1)
                continue
            for binding in self.peers.learn(known):
                self._went(binding)
            self.reports.placed(cameras)
            await asyncio.sleep(REREAD_S)  # catalogues of a thousand devices are a thousand changes

    # What is turned away

    def refuse(self, reason: str, detail: str, code: str, flow: Flow) -> None:
        """Count what is not taken."""
        device = code if is_code(code) else ""
        where = f"{WAY} {flow.transport} {flow.peer[0]}:{flow.peer[1]}"
        self.turned_away.add(reason, detail, device, where)

    def _refuse_bytes(self, detail: str, flow: Flow) -> None:
        self.refuse(MALFORMED, detail, "", flow)


METHODS = ("REGISTER", "MESSAGE", "NOTIFY", "INVITE", "ACK", "BYE", "CANCEL", "INFO", "OPTIONS", "SUBSCRIBE")


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
