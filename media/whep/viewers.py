"""Everybody who watches from a browser: sessions opened, asked about, closed, and looked after."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from aiortc import RTCCertificate
from prometheus_client import Counter, Gauge

from media.exceptions import MediaError, NotOfferedError
from media.faults import STREAM_ENDED, TOO_MANY_VIEWERS
from media.rtp.frames import VIDEO
from media.streams.sounding import DECODERS, sounding_key
from media.streams.streams import Streams
from media.streams.transcoding import transcoded_key
from media.whep.ice import IcePort
from media.whep.ledger import Asked
from media.whep.offer import Own, choose, read_offer, write_answer
from media.whep.packing import Packer
from media.whep.session import Session
from media.whep.viewing import Ear, Viewing

logger = logging.getLogger(__name__)

MOST_VIEWERS = 400
MOST_OF_A_USER = 40
"""Two walls of sixteen, and some."""
PERMITTED_S = 3.0
"""Who signs out, loses a grant, or whose camera leaves the district sees no more after so long."""
ENDED_REMEMBERED = 1000

viewers_open = Gauge("sandtable_whep_viewers", "Browsers that watch")
ended_total = Counter("sandtable_whep_ended", "Viewings, by how they ended", ["how"])


Ended = Callable[[Viewing, str], None]
Refused = Callable[[list[Asked]], Awaitable[dict[str, str]]]


class Viewers:
    """All of them.

    Parameters
    ----------
    streams : Streams
        Where pictures come from.
    port : IcePort
        Where browsers come to.
    on_ended : callable
        Told of each viewing's end, with the reason: the ledger has its beginning already.
    refused : callable
        Asked about everybody, gives the keys of those who may not go on, and why.
    """

    def __init__(self, streams: Streams, port: IcePort, on_ended: Ended, refused: Refused) -> None:
        self._streams, self._port, self._on_ended, self._refused = streams, port, on_ended, refused
        self._certificate = RTCCertificate.generateCertificate()
        self._open: dict[str, Viewing] = {}
        self._packers: dict[int, Packer] = {}
        self._ended: OrderedDict[str, tuple[int, str]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def watched(self) -> set[int]:
        """Channels that somebody sees as they are now."""
        return {viewing.channel for viewing in self._open.values() if viewing.stream == viewing.channel}

    async def open(
        self, channel: int, user: int, text: str, stream: int | None = None, login: str = ""
    ) -> dict[str, str]:
        """Answer a browser's offer.

        Parameters
        ----------
        channel, user : int
            Primary keys; whether the one may watch the other was asked before.
        text : str
            The offer.
        stream : int, optional
            Key of what is to be watched, where it is not the channel as it is now: a playback of it.
        login : str
            The session the user is signed in with: when that ends, so does the viewing.

        Returns
        -------
        dict
            ``session`` (its name from now on) and ``answer``.

        Raises
        ------
        MediaError
            The offer is of no use, too many watch, or the camera gives nothing.
        """
        stream = channel if stream is None else stream
        offer = read_offer(text)
        chosen = choose(offer)
        mine = sum(viewing.user == user for viewing in self._open.values())
        if len(self._open) >= MOST_VIEWERS or mine >= MOST_OF_A_USER:
            raise NotOfferedError(TOO_MANY_VIEWERS)
        path = self._port.path(offer.ufrag)
        key = secrets.token_urlsafe(16)
        session = Session(
            path, self._packers.setdefault(stream, Packer()), chosen, self._certificate,
            lambda why: self._over(key, why), lambda codec: self._switch(key, codec),
        )  # fmt: skip
        viewing = self._open[key] = Viewing(key, user, channel, stream, session, login)
        viewers_open.set(len(self._open))
        setup = "passive" if offer.setup == "active" else "active"
        own = Own(
            path.ufrag,
            path.password,
            [(each.algorithm, each.value) for each in self._certificate.getFingerprints()[:1]],
            self._port.candidates,
            secrets.randbits(62),
            session.sources,
        )
        try:
            joined = await self._streams.join(stream, session)
        except BaseException:
            session.end("refused")
            raise
        if key not in self._open:
            joined.leave()
            raise NotOfferedError(STREAM_ENDED)
        if viewing.joined is None:  # else it was given another's frames meanwhile
            viewing.joined = joined
        session.connect(offer, setup)
        viewing.answered = True
        return {"session": key, "answer": write_answer(offer, chosen, own, setup)}

    def _switch(self, key: str, codec: str) -> None:
        """The camera sends what this browser cannot show: pictures made anew for all who cannot."""
        viewing = self._open.get(key)
        if viewing is None:
            return
        if codec in VIDEO and not viewing.transcoded:
            viewing.transcoded = True
            task = asyncio.create_task(self._transcode(viewing, codec))
        elif codec in DECODERS and "opus" in viewing.session.takes and not viewing.sounded:
            viewing.sounded = True
            task = asyncio.create_task(self._sound(viewing))
        else:
            return
        viewing.tasks.add(task)
        task.add_done_callback(viewing.tasks.discard)

    async def _sound(self, viewing: Viewing) -> None:
        """Sound in Opus beside the pictures; a picture without sound is better than none."""
        try:
            heard = await self._streams.join(sounding_key(viewing.stream), Ear(viewing.session))
        except MediaError as error:
            logger.info("whep: sound of channel %d cannot be heard: %s", viewing.channel, error)
            return
        if viewing.key not in self._open:
            heard.leave()
            return
        viewing.heard = heard

    async def _transcode(self, viewing: Viewing, codec: str) -> None:
        try:
            if "h264" not in viewing.session.takes:
                raise NotOfferedError(f"{codec} and the browser takes no H.264")
            other = transcoded_key(viewing.stream)
            viewing.session.packer = self._packers.setdefault(other, Packer())
            joined = await self._streams.join(other, viewing.session)
        except MediaError as error:
            logger.info("whep: %s of channel %d cannot be shown: %s", codec, viewing.channel, error)
            viewing.session.end(f"needs {codec}")
            return
        if viewing.key not in self._open:
            joined.leave()
            return
        if viewing.joined is not None:
            viewing.joined.leave()
        viewing.joined = joined

    def describe(self, key: str, user: int) -> dict[str, Any]:
        """How a viewing is; of one that has ended, why.

        Raises
        ------
        NotOfferedError
            There is none, or it is somebody else's.
        """
        viewing = self._open.get(key)
        if viewing is not None and viewing.user == user:
            session = viewing.session
            return self._streams.describe(viewing.stream) | {
                "connected": session.connected,
                "sent": session.codec,
                "transcoded": viewing.transcoded,
                "heard": viewing.heard is not None,
                "ended": "",
            }
        owner, why = self._ended.get(key, (None, ""))
        if owner != user:
            raise NotOfferedError("no such viewing")
        return {"ended": why}

    def close(self, key: str, user: int) -> None:
        """End a viewing, one that has ended as well; raises as :meth:`describe` does.

        A browser that leaves says so twice, by its connection and by the door; either may be here first.
        """
        viewing = self._open.get(key)
        if viewing is None and self._ended.get(key, (None, ""))[0] == user:
            return
        if viewing is None or viewing.user != user:
            raise NotOfferedError("no such viewing")
        viewing.session.end("closed")

    def peer_of(self, key: str, user: int) -> str:
        """The ICE name of a viewing's browser: another one would be a restart, which is a new viewing here."""
        viewing = self._open.get(key)
        if viewing is None or viewing.user != user:
            raise NotOfferedError("no such viewing")
        return viewing.session.path.peer

    def _over(self, key: str, why: str) -> None:
        viewing = self._open.pop(key, None)
        if viewing is None:
            return
        for joined in (viewing.joined, viewing.heard):
            if joined is not None:
                joined.leave()
        viewers_open.set(len(self._open))
        ended_total.labels(why if why in KNOWN_ENDS else "other").inc()
        self._ended[key] = viewing.user, why
        if len(self._ended) > ENDED_REMEMBERED:
            self._ended.popitem(last=False)
        if viewing.stream not in {each.stream for each in self._open.values()}:
            for stream in (viewing.stream, transcoded_key(viewing.stream)):
                self._packers.pop(stream, None)
        if viewing.answered:  # what was refused has no beginning on the record either
            self._on_ended(viewing, why)

    async def run(self) -> None:
        """Ask again, now and then, who may watch; until cancelled."""
        while True:
            await asyncio.sleep(PERMITTED_S)
            asked = [Asked(each.key, each.user, each.channel, each.login) for each in self._open.values()]
            if not asked:
                continue
            try:
                ending = await self._refused(asked)
            except Exception:
                logger.exception("whep: who may watch could not be read; trying again")
                continue
            for key, why in ending.items():
                if (viewing := self._open.get(key)) is not None:
                    viewing.session.end(why)

    async def stop(self) -> None:
        """End them all; the process ends."""
        ending = [viewing.session for viewing in self._open.values()]
        for session in ending:
            session.end("stopping")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                await asyncio.gather(*(session.closed() for session in ending))
        self._port.close()


KNOWN_ENDS = frozenset(
    {
        "closed",
        "left",
        "silent",
        "not connected",
        "handshake failed",
        "refused",
        "not permitted",
        "signed out",
        "stopping",
    }
)
