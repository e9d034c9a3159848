"""Pictures pulled from an RTSP server: DESCRIBE, SETUP, PLAY, kept alive, over TCP or UDP."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, field

from media.exceptions import MediaError, NoReplyError, NotOfferedError
from media.rtp.datagrams import Datagrams
from media.rtp.ports import UdpPort
from media.rtp.receiving import Receiving, Sink
from media.sources.faults import NO_MEDIA, STOPPED, STRANGE, TRANSPORT
from media.sources.gate import Gate
from media.sources.rtsp.address import Address, read_address
from media.sources.rtsp.connection import Connection
from media.sources.rtsp.description import Medium, read_description
from media.sources.rtsp.dressing import Dresser
from media.sources.rtsp.messages import Answer, read_parameters

FIRST_S = 10.0
SILENT_S = 10.0
"""Without a packet for so long, a stream has ended, whatever the camera thinks."""
USUAL_TIMEOUT_S = 60
LONGEST_KEEPALIVE_S = 30.0
UDP_PORTS = (30_000, 31_999)
"""Those that pictures of GB/T 28181 come to, too: one range for the firewall."""
PORTS_TRIED = 20


class RtspSource:
    """One stream of an RTSP server.

    Parameters
    ----------
    address : str
        ``rtsp://host[:port]/path``, or ``rtsps://`` for TLS.
    udp : bool
        Packets by UDP; else on the connection, as they always are where that is by TLS.
    first_s, silent_s : float
        How long may pass before the first packet, and between two.
    """

    def __init__(
        self,
        address: str,
        username: str = "",
        password: str = "",
        *,
        udp: bool = False,
        first_s: float = FIRST_S,
        silent_s: float = SILENT_S,
    ) -> None:
        self.address = address
        self._login = (username, password)
        self._udp, self._first_s, self._silent_s = udp, first_s, silent_s

    async def open(self, sink: Sink) -> RtspSession:
        """Begin; frames follow.

        Raises
        ------
        MediaError
            There will be none; the sink has been told nothing.
        """
        session = RtspSession(read_address(self.address), self._login, Gate(sink), self._first_s, self._silent_s)
        try:
            await session.begin(udp=self._udp)
        except BaseException:
            session.gate.shut()
            await session.stop()
            raise
        return session

    async def answers(self) -> None:
        """See whether anybody is there, without pulling anything.

        Raises
        ------
        MediaError
            Nobody is.
        """
        address = read_address(self.address)
        connection = Connection(*self._login)
        try:
            await connection.open(address.host, address.port, secure=address.secure)
            # DESCRIBE and not OPTIONS: only it shows that the path is there and the password right.
            await connection.ask("DESCRIBE", address.url, {"Accept": "application/sdp"})
        finally:
            connection.close()


@dataclass
class _Track:
    medium: Medium
    dresser: Dresser
    receiving: Receiving
    ports: list[UdpPort | Datagrams] = field(default_factory=list)


class RtspSession:
    """A stream that is open.

    Attributes
    ----------
    receivings : list of Receiving
        One a medium, with their counts.
    """

    def __init__(self, address: Address, login: tuple[str, str], gate: Gate, first_s: float, silent_s: float) -> None:
        self.gate = gate
        self._address, self._first_s, self._silent_s = address, first_s, silent_s
        self._connection = Connection(*login, on_data=self._data, on_end=self._end)
        self._tracks: list[_Track] = []
        self._channels: dict[int, Receiving] = {}
        self._session = ""
        self._timeout_s = float(USUAL_TIMEOUT_S)
        self._base = address.url
        self._playing = False
        self._keeps_by = "OPTIONS"
        self._job: asyncio.Task[None] | None = None

    @property
    def receivings(self) -> list[Receiving]:
        """Of each medium."""
        return [track.receiving for track in self._tracks]

    @property
    def lost(self) -> int:
        """RTP packets that never came."""
        return sum(receiving.counts.lost for receiving in self.receivings)

    @property
    def full(self) -> int:
        """Of those, what this machine threw away because nobody took it in time."""
        return sum(port.full for track in self._tracks for port in track.ports)

    async def begin(self, *, udp: bool) -> None:
        """Go all the way to PLAY.

        Raises
        ------
        MediaError
            The server is not there, refuses, or has nothing we can take.
        """
        connection, address = self._connection, self._address
        await connection.open(address.host, address.port, secure=address.secure)
        options = await connection.ask("OPTIONS", address.url)
        if "GET_PARAMETER" in ",".join(options.headers.get("public", ())).upper():
            self._keeps_by = "GET_PARAMETER"
        described = await connection.ask("DESCRIBE", address.url, {"Accept": "application/sdp"})
        base = described.get("content-base") or described.get("content-location")
        self._base = base if base.lower().startswith(("rtsp://", "rtsps://")) else address.url
        begun_at = asyncio.get_running_loop().time()
        for medium in read_description(described.body, self._base):
            dresser = Dresser(medium, self.gate, begun_at)
            receiving = Receiving(dresser, {medium.type: medium.codec}, -1, clock_hz=medium.clock_hz)
            track = _Track(medium, dresser, receiving)
            self._tracks.append(track)
            await (self._setup_udp(track) if udp and not address.secure else self._setup_tcp(track))
        played = await connection.ask("PLAY", self._base, {**self._named, "Range": "npt=0.000-"})
        self._playing = True
        self._begin_media(played)
        self._job = asyncio.create_task(self._live())

    @property
    def _named(self) -> dict[str, str]:
        return {"Session": self._session} if self._session else {}

    async def _setup_tcp(self, track: _Track) -> None:
        first = 2 * (len(self._tracks) - 1)
        wanted = f"RTP/AVP/TCP;unicast;interleaved={first}-{first + 1}"
        given = await self._setup(track, wanted)
        channel = given.get("interleaved", str(first)).partition("-")[0]
        if not (channel.isascii() and channel.isdecimal()) or int(channel) > 255:
            raise NotOfferedError(f"{STRANGE}: interleaved={channel[:20]}")
        self._channels[int(channel)] = track.receiving

    async def _setup_udp(self, track: _Track) -> None:
        hosts = {self._connection.peer}
        port = self._bind(track, hosts)
        given = await self._setup(track, f"RTP/AVP;unicast;client_port={port}-{port + 1}")
        if "tcp" in next(iter(given), ""):
            raise NotOfferedError(TRANSPORT)
        ssrc = given.get("ssrc", "")
        with contextlib.suppress(ValueError):
            track.receiving.agree(int(ssrc, 16) if 0 < len(ssrc) <= 8 else None, {})
        theirs = given.get("server_port", "").partition("-")[0]
        if theirs.isascii() and theirs.isdecimal() and 0 < int(theirs) < 65_535:
            # One datagram each way opens the path through a firewall between us; servers overlook an empty packet.
            for number, way in enumerate(track.ports):
                way.sendto(b"\x80\x60" + bytes(10), (self._connection.peer, int(theirs) + number))

    def _bind(self, track: _Track, hosts: set[str]) -> int:
        """Two ports, an even one and the one behind it, for packets and for their reports."""
        first, last = UDP_PORTS
        local = self._connection.local
        for _try in range(PORTS_TRIED):
            port = random.randrange(first, last, 2)  # noqa: S311 (to miss others' ports, not attackers)
            pictures = UdpPort(track.receiving, hosts)
            try:
                pictures.listen(local, port)
                track.ports.append(pictures)
                track.ports.append(Datagrams(local, port + 1, lambda _data, _address: None))
            except OSError:
                _close(track)
            else:
                return port
        raise NoReplyError("no port for media is left")

    async def _setup(self, track: _Track, transport: str) -> dict[str, str]:
        answer = await self._connection.ask("SETUP", track.medium.control, {**self._named, "Transport": transport})
        session = read_parameters(answer.get("session"))
        self._session = self._session or next(iter(answer.get("session").split(";")), "").strip()
        timeout = session.get("timeout", "")
        if timeout.isascii() and timeout.isdecimal() and int(timeout[:6]) > 0:
            self._timeout_s = float(timeout[:6])
        return read_parameters(answer.get("transport"))

    def _begin_media(self, played: Answer) -> None:
        """Which RTP time of each medium is the beginning; believed for all media or for none."""
        said = played.get("rtp-info").split(",")
        times = [read_parameters(part).get("rtptime", "") for part in said]
        sure = len(said) == len(self._tracks) and all(
            time.isascii() and time.isdecimal() and int(time[:11]) < 2**32 for time in times
        )
        for number, track in enumerate(self._tracks):
            track.dresser.begin(int(times[number]) if sure else None)

    def _data(self, channel: int, packet: bytes) -> None:
        receiving = self._channels.get(channel)
        if receiving is not None:
            receiving.packet(packet, channel)

    async def _live(self) -> None:
        """Keep it alive, and notice when it no longer is."""
        loop = asyncio.get_running_loop()
        begun = asked = loop.time()
        every = max(1.0, min(LONGEST_KEEPALIVE_S, self._timeout_s / 2))
        while self.gate.open:
            await asyncio.sleep(min(1.0, self._silent_s / 2))
            now = loop.time()
            heard = max(track.receiving.heard_at for track in self._tracks)
            if not heard and now - begun > self._first_s:
                self._end(NO_MEDIA)
            elif heard and now - heard > self._silent_s:
                self._end(STOPPED)
            elif now - asked >= every:
                asked = now
                try:
                    await self._connection.ask(self._keeps_by, self._base, self._named)
                except MediaError as error:
                    self._end(str(error))

    def _end(self, why: str) -> None:
        """The far end is lost."""
        if not self._playing:
            return  # whoever opens it hears of it there
        self._release()
        for receiving in self.receivings:
            receiving.end(why)
        self.gate.ended(why)

    def _release(self) -> None:
        for track in self._tracks:
            _close(track)
        if self._session:
            self._connection.tell("TEARDOWN", self._base, self._named)
        self._connection.close()

    async def stop(self) -> None:
        """Let go of it; the sink hears nothing afterwards. Twice does no harm."""
        self.gate.shut()
        self._playing = False
        self._release()
        if self._job is not None and self._job is not asyncio.current_task():
            self._job.cancel()
            await asyncio.gather(self._job, return_exceptions=True)


def _close(track: _Track) -> None:
    for port in track.ports:
        port.close()
    track.ports.clear()
