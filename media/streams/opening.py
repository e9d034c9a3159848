"""Which source belongs to a key of :class:`media.streams.streams.Streams`, in the process that talks to cameras."""

from __future__ import annotations

from media.exceptions import NotOfferedError
from media.gb28181.calls import Calls
from media.gb28181.playbacks import FIRST, Playbacks
from media.gb28181.source import CallSource
from media.models import Channel, VideoDevice
from media.streams.registered import source_for
from media.streams.sounding import Sounding, sounded_key
from media.streams.source import Source
from media.streams.streams import Streams
from media.streams.transcoding import Transcoding, transcoded_key
from twin.database import DatabaseThread


class Opening:
    """Finds sources: of channels (their primary keys), of playbacks, and of their transcoded pictures and sound."""

    def __init__(self, database: DatabaseThread, calls: Calls, playbacks: Playbacks) -> None:
        self._database, self._calls, self._playbacks = database, calls, playbacks
        self._transcoding, self._sounding = Transcoding(), Sounding()
        self.streams = Streams(self.source_of)

    async def source_of(self, key: int) -> Source:
        """The source of ``key``.

        Raises
        ------
        NotOfferedError
            There is no such channel, it is switched off, or nobody knows its device's protocol.
        """
        if (sounded := sounded_key(key)) is not None:
            return self._sounding.source(self.streams, sounded)
        if key < 0:
            return self._transcoding.source(self.streams, transcoded_key(key))
        if key >= FIRST:
            return self._playbacks.source(key)
        channel = await self._database.do(load_channel, key)
        if channel is None or not channel.device.active:
            raise NotOfferedError("no such channel")
        if channel.device.protocol == VideoDevice.Protocol.GB28181:
            return CallSource(self._calls, channel.device.code, channel.code)
        return await self._database.do(source_for, channel)


def load_channel(key: int) -> Channel | None:
    """A channel with its device; blocks."""
    return Channel.objects.select_related("device").filter(pk=key).first()
