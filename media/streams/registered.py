"""Which source a channel's pictures come from, by its device's protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from media.exceptions import NotOfferedError

if TYPE_CHECKING:
    from media.models import Channel
    from media.streams.source import Source

Make = Callable[["Channel"], "Source"]
_makers: dict[str, Make] = {}


def register_source(protocol: str, make: Make) -> None:
    """Say how channels of devices that speak ``protocol`` are opened.

    Parameters
    ----------
    protocol : str
        A value of :class:`media.models.VideoDevice.Protocol`.
    make : callable
        Gets the channel, its device loaded, and gives the source; does no more than that. Called outside the loop.

    Raises
    ------
    ValueError
        Somebody has said so already.
    """
    if protocol in _makers:
        raise ValueError(f"there is a source for {protocol!r} already")
    _makers[protocol] = make


def source_for(channel: Channel) -> Source:
    """The source of a channel.

    Raises
    ------
    NotOfferedError
        Nobody knows how devices of its protocol are opened.
    """
    make = _makers.get(channel.device.protocol)
    if make is None:
        raise NotOfferedError(f"no source for devices of protocol {channel.device.protocol!r}")
    return make(channel)
