"""GB/T 28181 process: one asyncio loop that cameras talk to, put together here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from devices.protocols.serving import Job, ProtocolServer
from media.analysis.analyses import Analyses
from media.asking import Answering
from media.cascade.cascade import Cascade
from media.cascade.link import Link
from media.cascade.passing import Passing, Running
from media.cascade.store import load_uppers, note_uplink
from media.cascade.upper import Shared
from media.gb28181.announcing import Announcements
from media.gb28181.answers import Answers
from media.gb28181.bodies import Bodies
from media.gb28181.calls import Calls
from media.gb28181.codes import is_code
from media.gb28181.downloads import Downloads
from media.gb28181.incoming import Incoming
from media.gb28181.newcomers import Newcomers
from media.gb28181.peers import Binding, Peers
from media.gb28181.playbacks import Playbacks
from media.gb28181.presence import Presence
from media.gb28181.registrar import Registrar
from media.gb28181.reports import Reports
from media.gb28181.stances import Stances
from media.gb28181.subscriptions import Subscriptions
from media.gb28181.talk import Talker
from media.reasons import MALFORMED
from media.recordings import places
from media.recordings.recorders import Recorders
from media.rtp.ports import Ports
from media.rtp.receiving import Sink
from media.sip.digest import Challenger
from media.sip.flows import Flow
from media.sip.transaction import ServerTransaction
from media.sip.transactions import Transactions
from media.sip.transports import Endpoint
from media.sources.answers import SourceAnswers
from media.sources.attendance import Attendance
from media.sources.making import publishers
from media.store import identity, load_cameras, load_known
from media.streams.stream import Joined
from media.whep.ice import IcePort
from media.whep.watching import Watching

logger = logging.getLogger(__name__)

MEDIA_PORTS = (30_000, 31_999)
REREAD_S = 3.0
WAY = "GB/T 28181"


class Gb28181Server(ProtocolServer):
    """The process's work.

    Parameters
    ----------
    media_ports : tuple of int
        First and last port that pictures may come to.
    browsers : IcePort, optional
        Where browsers come to for pictures; a free port of this machine alone where left out.
    """

    name = "gb28181"
    topics = frozenset({"video", "analysis"})

    def __init__(
        self,
        host: str,
        port: int,
        mqtt_url: str,
        database: dict[str, Any],
        media_ports: tuple[int, int] = MEDIA_PORTS,
        browsers: IcePort | None = None,
    ) -> None:
        super().__init__(host, port, mqtt_url, database)
        self._media_ports = media_ports
        self._browsers = browsers or IcePort("127.0.0.1", 0)
        self.peers = Peers()
        self._noting: set[asyncio.Task[None]] = set()

    async def begin(self) -> Sequence[Job]:
        """Listen, and go on with who was there before."""
        own = await self.database.do(identity)
        self.transactions = Transactions(self._begun)
        self.endpoint = Endpoint(
            self.host, self.port, self._receive, self._lost, self._refuse_bytes, own.public_address or ""
        )
        silence_s = own.keepalive_s * own.misses
        self.presence = Presence(self.peers, self.database, silence_s, self._came, self._gone)
        self.registrar = Registrar(
            self.peers,
            Challenger(own.realm, own.algorithms.split()),
            self.refuse,
            self.presence.registered,
            self.presence.went,
        )
        self.talker = Talker(self.transactions, self.peers, own.code, own.realm)
        self.reports = Reports(self.road)
        self.subscriptions = Subscriptions(self.talker)
        self.newcomers = Newcomers(self.talker, self.subscriptions, self.reports, self.database, self.presence.learnt)
        self.stances = Stances(self.reports, self.database)
        ports = Ports(*self._media_ports)
        self.calls = Calls(self.talker, ports, self.host, self.refuse)
        self.announcements = Announcements(self.talker, ports, self.host)
        passing = Passing(self.talker, ports, self.host, self._live, self.calls.begin)
        self.cascade = Cascade(self.talker, self.endpoint, passing, self._linked)
        self.bodies = Bodies(
            self.talker,
            self.reports,
            self.newcomers,
            self.stances,
            self.calls.recording_ended,
            self.cascade.alarm,
            self.cascade.moved,
        )
        self.incoming = Incoming(
            self.transactions,
            self.peers,
            self.registrar,
            self.presence,
            self.subscriptions,
            self.calls,
            self.announcements,
            self.bodies,
            self.cascade,
            self.refuse,
        )
        self.playbacks, self.downloads = Playbacks(self.calls), Downloads(self.calls)
        answers = Answers(self.talker, self.newcomers, self.calls).handlers
        self.attendance = Attendance(self.database)
        sources = SourceAnswers(self.database, self.attendance, answers)
        controls = {"gb28181": answers["control"], "onvif": sources.control}
        self.watching = Watching(self.database, self.calls, self._browsers, controls, self.playbacks)
        self.recorders = Recorders(
            self.watching.streams.join, self.watching.viewers.watched, places.folder(), self._parameters
        )
        self.analyses = Analyses(self.database, self.watching.streams.join)
        for part in (sources, self.playbacks, self.downloads, self.announcements, self.watching, self.analyses):
            answers = answers | part.handlers
        self.answering = Answering(self.road, answers)
        self.peers.learn(await self.database.do(load_known))
        self.reports.placed(await self.database.do(load_cameras), new=False)
        await self.endpoint.start()
        await self.watching.start()
        await self.presence.restore(self.endpoint)
        self.address = self.endpoint.address
        await self.answering.start()
        await self.cascade.learn(await self.database.do(load_uppers))
        return [
            self.presence.run(),
            self.reports.run(),
            self.newcomers.run(),
            self.stances.run(),
            self.downloads.run(),
            self.subscriptions.run(self._meet_again),
            self.watching.run(),
            self.attendance.run(),
            self.recorders.run(),
            self.analyses.run(),
        ]

    async def end(self) -> None:
        """Hang up on everybody, and write down who was there."""
        self.answering.stop()
        await self.cascade.stop()
        await self.watching.stop()
        await publishers.stop()
        await self.downloads.stop()
        await self.calls.stop()
        await self.announcements.stop_all()
        await self.endpoint.stop()
        await asyncio.gather(*self._noting)
        await self.presence.write()

    async def reread(self) -> None:
        """Read the register again."""
        known = await self.database.do(load_known)
        cameras = await self.database.do(load_cameras)
        for binding in self.peers.learn(known):
            self.presence.went(binding)
        self.reports.placed(cameras)
        self.attendance.learn()
        self.analyses.learn()
        await self.cascade.learn(await self.database.do(load_uppers))
        await asyncio.sleep(REREAD_S)  # catalogues of a thousand devices are a thousand changes

    def refuse(self, reason: str, detail: str, code: str, flow: Flow) -> None:
        """Count what is not taken."""
        device = code if is_code(code) else ""
        where = f"{WAY} {flow.transport} {flow.peer[0]}:{flow.peer[1]}"
        self.turned_away.add(reason, detail, device, where)

    # What the parts tell each other by way of here

    def _receive(self, data: bytes, flow: Flow) -> None:
        self.incoming.receive(data, flow)

    def _begun(self, transaction: ServerTransaction) -> None:
        self.incoming.begun(transaction)

    def _refuse_bytes(self, detail: str, flow: Flow) -> None:
        self.refuse(MALFORMED, detail, "", flow)

    def _lost(self, flow: Flow) -> None:
        self.transactions.lose(flow)
        self.cascade.lost(flow)
        self.presence.lost(flow)

    def _came(self, binding: Binding) -> None:
        self.newcomers.meet(binding)

    def _gone(self, binding: Binding) -> None:
        self.subscriptions.forget(binding.code)
        self.calls.device_went(binding.code)
        self.announcements.device_went(binding.code)
        self.reports.placed(
            [camera._replace(online=False) for camera in self.reports.cameras_of(binding.code) if camera.online]
        )

    def _meet_again(self, code: str) -> None:
        if (binding := self.peers.online(code)) is not None:
            self.newcomers.meet(binding)

    async def _live(self, shared: Shared, sink: Sink) -> Running:
        """A camera's pictures for a platform above, shared with everybody else who watches it."""
        return _Shared(await self.watching.streams.join(shared.pk, sink))

    def _linked(self, link: Link, why: str) -> None:
        self._noting.add(task := asyncio.create_task(self._note(link.upper.pk, link.online, why)))
        task.add_done_callback(self._noting.discard)

    async def _note(self, pk: int, online: bool, why: str) -> None:
        try:
            await self.database.do(note_uplink, pk, online, why)
        except Exception:
            logger.exception("gb28181: what became of a platform above could not be written")


class _Shared:
    """A place in a stream, as a source that was opened."""

    def __init__(self, joined: Joined) -> None:
        self._joined = joined

    async def stop(self) -> None:
        """Leave it."""
        self._joined.leave()
