"""A camera of GB/T 28181 as a source: a call."""

from __future__ import annotations

from media.gb28181.call import Call
from media.gb28181.calls import Calls
from media.rtp.receiving import Sink


class CallSource:
    """See :class:`media.streams.source.Source`.

    Parameters
    ----------
    device, channel : str
        Codes.
    """

    def __init__(self, calls: Calls, device: str, channel: str) -> None:
        self._calls, self._device, self._channel = calls, device, channel

    async def open(self, sink: Sink) -> Call:
        """Call the camera; raises as :meth:`Calls.begin` does."""
        return await self._calls.begin(self._device, self._channel, sink)
