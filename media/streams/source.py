"""Where pictures come from: whatever can be opened and gives frames to a sink until it is stopped."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from media.rtp.receiving import Sink


class Running(Protocol):
    """A source that was opened."""

    async def stop(self) -> None:
        """Let go of it; the sink hears nothing afterwards. Twice does no harm."""


@runtime_checkable
class Counted(Protocol):
    """A source that knows what did not come."""

    @property
    def lost(self) -> int:
        """RTP packets that never came, by their numbers."""

    @property
    def full(self) -> int:
        """Of those, datagrams that this machine threw away because nobody took them in time."""


class Source(Protocol):
    """Pictures and sound of one channel."""

    async def open(self, sink: Sink) -> Running:
        """Begin; frames follow.

        Raises
        ------
        MediaError
            There will be none; the sink has been told nothing.
        """
