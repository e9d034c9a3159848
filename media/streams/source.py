"""Where pictures come from: whatever can be opened and gives frames to a sink until it is stopped."""

from __future__ import annotations

from typing import Protocol

from media.rtp.receiving import Sink


class Running(Protocol):
    """A source that was opened."""

    async def stop(self) -> None:
        """Let go of it; the sink hears nothing afterwards. Twice does no harm."""


class Source(Protocol):
    """Pictures and sound of one channel."""

    async def open(self, sink: Sink) -> Running:
        """Begin; frames follow.

        Raises
        ------
        MediaError
            There will be none; the sink has been told nothing.
        """
