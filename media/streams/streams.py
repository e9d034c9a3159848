"""All streams of the process: whoever wants a channel's pictures joins them here."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from media.exceptions import NotOfferedError
from media.faults import TOO_MANY_VIEWERS
from media.rtp.receiving import Sink
from media.streams.health import WINDOW_S, bits_per_s, streams_open, viewers_open
from media.streams.source import Source
from media.streams.stream import Joined, State, Stream

MOST_STREAMS = 1000
MOST_SINKS = 500
"""Of one stream: a wall everybody looks at, and not a script that never leaves."""


class Streams:
    """Streams by channel, each opened with its first sink and closed a while after its last.

    Parameters
    ----------
    source_of : callable
        Gives the source of a channel, by its primary key; raises :class:`MediaError` where there is none.
    """

    def __init__(self, source_of: Callable[[int], Awaitable[Source]]) -> None:
        self._source_of = source_of
        self._streams: dict[int, Stream] = {}

    async def join(self, channel: int, sink: Sink) -> Joined:
        """Give ``sink`` a channel's frames, those since the last key frame first.

        Parameters
        ----------
        channel : int
            Primary key of :class:`media.models.Channel`.
        sink : Sink
            Is told of the end only when the stream ends for everybody: a source that is lost is opened again.

        Raises
        ------
        MediaError
            The source could not be opened, or there are too many; the sink has been told nothing.
        """
        stream = self._streams.get(channel)
        if stream is None or stream.state is State.CLOSED:
            if len(self._streams) >= MOST_STREAMS:
                raise NotOfferedError(TOO_MANY_VIEWERS)
            before = stream.task if stream is not None else None
            stream = self._streams[channel] = Stream(channel, self._source_of, self._closed, before)
        if stream.viewers >= MOST_SINKS:
            raise NotOfferedError(TOO_MANY_VIEWERS)
        return await stream.join(sink)

    def get(self, channel: int) -> Stream | None:
        """The stream of a channel, where it is open."""
        return self._streams.get(channel)

    def describe(self, channel: int) -> dict[str, Any]:
        """How a channel's stream is; ``state`` is ``closed`` where nobody watches."""
        stream = self._streams.get(channel)
        if stream is None:
            return {"channel": channel, "state": State.CLOSED.value}
        health = stream.health
        lost, full = stream.missing
        return {
            "channel": channel,
            "state": stream.state.value,
            "why": stream.why,
            "codec": stream.codec,
            "sound": stream.sound,
            "viewers": stream.viewers,
            "fps": round(health.fps, 1),
            "kilobits": round(health.kilobits),
            "frames": health.frames,
            "damaged": health.damaged,
            "lost": lost,
            "full": full,
            "reopened": health.reopened,
        }

    async def run(self) -> None:
        """Keep the figures; until cancelled."""
        while True:
            await asyncio.sleep(WINDOW_S)
            now = asyncio.get_running_loop().time()
            for stream in self._streams.values():
                stream.health.look(now)
            states = Counter(stream.state for stream in self._streams.values())
            for state in State:
                streams_open.labels(state.value).set(states[state])
            viewers_open.set(sum(stream.viewers for stream in self._streams.values()))
            bits_per_s.set(round(sum(stream.health.kilobits for stream in self._streams.values()) * 1000))

    async def stop(self) -> None:
        """Close them all; the process ends."""
        await asyncio.gather(*(stream.close("stopping") for stream in list(self._streams.values())))

    def _closed(self, stream: Stream) -> None:
        if self._streams.get(stream.channel) is stream:
            del self._streams[stream.channel]
