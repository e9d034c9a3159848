"""Who publishes to which channel: one at a time, from the offer until the connection is gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from media.exceptions import NotOfferedError, OfflineError, RefusedByDeviceError
from media.rtp.receiving import Sink
from media.sources.faults import ALL_TAKEN, BUSY, NOT_PUBLISHED

if TYPE_CHECKING:
    from media.sources.whip.publication import Joined, Publication

MOST = 200


class Publishers:
    """All of them; belongs to the process that has the streams."""

    def __init__(self) -> None:
        self._by_channel: dict[int, Publication] = {}

    def publishes(self, channel: int) -> bool:
        """Whether something comes for a channel."""
        there = self._by_channel.get(channel)
        return there is not None and there.live

    async def publish(self, channel: int, offer: str) -> tuple[str, str]:
        """Let somebody publish.

        Parameters
        ----------
        channel : int
            Primary key.
        offer : str
            The publisher's SDP.

        Returns
        -------
        tuple of str
            Number of the publication, and our answer.

        Raises
        ------
        RefusedByDeviceError
            Another publishes there now. One that has fallen silent gives way: a phone that changed networks comes anew.
        NotOfferedError
            The offer is nothing we take, or there are too many publishers.
        """
        # Imported when the first one comes: most processes that import this module never see one.
        from media.sources.whip.publication import Publication

        there = self._by_channel.get(channel)
        if there is not None and there.live:
            raise RefusedByDeviceError(BUSY)
        if len(self._by_channel) >= MOST:
            raise NotOfferedError(ALL_TAKEN)
        publication = Publication(lambda one: self._ended(channel, one))
        self._by_channel[channel] = publication
        if there is not None:
            await there.close()
        try:
            answer = await publication.accept(offer)
        except BaseException:
            await publication.close()
            raise
        return publication.number, answer

    def _ended(self, channel: int, publication: Publication) -> None:
        if self._by_channel.get(channel) is publication:
            del self._by_channel[channel]

    async def end(self, channel: int, number: str) -> bool:
        """Hang up on a publication; returns whether there was one of that number."""
        there = self._by_channel.get(channel)
        if there is None or there.number != number:
            return False
        await there.close()
        return True

    def join(self, channel: int, sink: Sink) -> Joined:
        """Take what comes for a channel.

        Raises
        ------
        OfflineError
            Nobody publishes there.
        """
        there = self._by_channel.get(channel)
        if there is None:
            raise OfflineError(NOT_PUBLISHED)
        return there.join(sink)

    async def stop(self) -> None:
        """Hang up on everybody."""
        await asyncio.gather(*(one.close() for one in list(self._by_channel.values())))


class WhipSource:
    """What is pushed to a channel, as its pictures."""

    def __init__(self, publishers: Publishers, channel: int) -> None:
        self._publishers, self._channel = publishers, channel

    async def open(self, sink: Sink) -> Joined:
        """Begin; frames follow with the next key frame, which is asked for every few seconds.

        Raises
        ------
        OfflineError
            Nobody publishes.
        """
        return self._publishers.join(self._channel, sink)

    async def answers(self) -> None:
        """See whether somebody publishes.

        Raises
        ------
        OfflineError
            Nobody does.
        """
        if not self._publishers.publishes(self._channel):
            raise OfflineError(NOT_PUBLISHED)
