"""From a channel in the register to its source: address, login and way of taking out of the device's row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.conf import settings

from access.exceptions import PersonalDataError
from media.exceptions import NotOfferedError
from media.models import Channel, VideoDevice
from media.passwords import password_of
from media.rtp.receiving import Sink
from media.sources.faults import LOGIN, NO_PICTURE
from media.sources.whip.publishers import Publishers, WhipSource
from media.streams.registered import register_source
from media.streams.source import Running, Source

if TYPE_CHECKING:
    from media.sources.files import FileSource
    from media.sources.onvif.device import OnvifDevice
    from media.sources.rtsp.source import RtspSource

UDP = VideoDevice.Media.UDP
publishers = Publishers()
"""Of this process; there are some only in the one that has the streams."""


class Probed(Protocol):
    """What can be asked whether it is there."""

    async def answers(self) -> None:
        """See whether it is; raises MediaError where it is not."""


class OnvifSource:
    """Pictures of an ONVIF device: it is asked for their address each time, for addresses are good for a while only."""

    def __init__(self, device: OnvifDevice, profile: str, login: tuple[str, str], *, udp: bool) -> None:
        self._device, self._profile, self._login, self._udp = device, profile, login, udp

    async def open(self, sink: Sink) -> Running:
        """Begin; frames follow.

        Raises
        ------
        MediaError
            There will be none; the sink has been told nothing.
        """
        from media.sources.rtsp.source import RtspSource

        if not self._profile:
            raise NotOfferedError(NO_PICTURE)
        address = await self._device.stream_uri(self._profile)
        return await RtspSource(address, *self._login, udp=self._udp).open(sink)


def login_of(device: VideoDevice) -> tuple[str, str]:
    """User name and password that a device is asked with.

    Raises
    ------
    NotOfferedError
        The password was sealed with a key that is no longer there.
    """
    if not device.sealed:
        return device.username, ""
    try:
        return device.username, password_of(device.code, device.provider, bytes(device.sealed))
    except PersonalDataError:
        raise NotOfferedError(LOGIN) from None


def onvif_device(device: VideoDevice) -> OnvifDevice:
    """An ONVIF device by its row; raises MediaError where the row makes no sense."""
    from media.sources.onvif.device import OnvifDevice

    return OnvifDevice(device.address, *login_of(device))


def make_source(channel: Channel) -> Source:
    """The source of a channel.

    Parameters
    ----------
    channel : Channel
        Its device loaded.

    Raises
    ------
    MediaError
        The row makes no sense.
    """
    device = channel.device
    match device.protocol:
        case VideoDevice.Protocol.ONVIF:
            return OnvifSource(onvif_device(device), channel.profile, login_of(device), udp=device.media == UDP)
        case VideoDevice.Protocol.WHIP:
            return WhipSource(publishers, channel.pk)
    return _plain(device)


def make_probe(device: VideoDevice, channel: int | None) -> Probed:
    """What to ask whether a device is there, without pulling anything; raises MediaError where the row makes no sense.

    Parameters
    ----------
    channel : int, optional
        Primary key of its first channel.
    """
    match device.protocol:
        case VideoDevice.Protocol.ONVIF:
            return onvif_device(device)
        case VideoDevice.Protocol.WHIP:
            return WhipSource(publishers, channel or 0)
    return _plain(device)


def _plain(device: VideoDevice) -> FileSource | RtspSource:
    """A device that is its own one channel: what is opened is what is asked."""
    # Imported here: web processes know of sources, and need neither PyAV nor sockets for that.
    if device.protocol == VideoDevice.Protocol.FILE:
        from media.sources.files import FileSource

        return FileSource(settings.VIDEO_FILES_DIR, device.address)
    from media.sources.rtsp.source import RtspSource

    return RtspSource(device.address, *login_of(device), udp=device.media == UDP)


def register_sources() -> None:
    """Say how channels of each protocol are opened."""
    for protocol in VideoDevice.Protocol:
        if protocol != VideoDevice.Protocol.GB28181:
            register_source(protocol, make_source)
