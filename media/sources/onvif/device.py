"""One ONVIF device: its clock, services, profiles, stream addresses, and its head."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from xml.sax.saxutils import escape, quoteattr

from media.exceptions import NoReplyError, NotOfferedError
from media.gb28181.xml import Element
from media.sources.faults import NO_PICTURE, STRANGE
from media.sources.onvif.soap import attribute, call, child, children, text

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
SCHEMA = "http://www.onvif.org/ver10/schema"
PATH = "/onvif/device_service"
MOST_PRESETS = 300


@dataclass(frozen=True)
class Profile:
    """One way a device offers a picture.

    Attributes
    ----------
    source : str
        Which eye it comes from; a device has several profiles of one.
    """

    token: str
    name: str
    source: str
    codec: str
    pixels: int
    ptz: bool


@dataclass(frozen=True)
class Preset:
    """A place its head can be turned to."""

    token: str
    name: str


def read_endpoint(address: str) -> tuple[str, int, str]:
    """Host, port and path: of ``http://host[:port]/path``, or of a bare ``host[:port]``.

    Raises
    ------
    NotOfferedError
        It is no such address, or holds a user or password, which have a place of their own.
    """
    address = address.strip()
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        host, port = parts.hostname or "", parts.port or 80
    except ValueError as error:
        raise NotOfferedError(str(error)) from None
    path = parts.path if parts.path not in ("", "/") else PATH
    if parts.scheme != "http" or not host or "@" in parts.netloc or not re.fullmatch(r"[!-~]+", host + path):
        raise NotOfferedError("no http:// address of an ONVIF device")
    return host, port, path


class OnvifDevice:
    """A device, asked anew each time it is used.

    Parameters
    ----------
    address : str
        See :func:`read_endpoint`.
    """

    def __init__(self, address: str, username: str = "", password: str = "") -> None:
        self.host, self._port, self._path = read_endpoint(address)
        self._login = (username, password)
        self._ahead = timedelta()
        self._services: dict[str, tuple[int, str]] = {}

    async def answers(self) -> None:
        """See whether it is there, and how its clock differs: digests hold for its own time (5.12.2).

        Raises
        ------
        MediaError
            It is not.
        """
        said = await call(self.host, self._port, self._path, f'<GetSystemDateAndTime xmlns="{DEVICE}"/>')
        moment = child(said, "SystemDateAndTime", "UTCDateTime")
        try:
            year, month, day = (int(text(moment, "Date", name)) for name in ("Year", "Month", "Day"))
            hour, minute, second = (int(text(moment, "Time", name)) for name in ("Hour", "Minute", "Second"))
            self._ahead = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - datetime.now(UTC)
        except (ValueError, OverflowError):
            self._ahead = timedelta()  # it may leave its time out (5.8 of the schema); then ours has to do

    async def _ask(self, service: str, body: str) -> Element:
        if not self._services:
            await self.answers()
            await self._learn_services()
        if service not in self._services:
            raise NotOfferedError(f"{STRANGE}: no {service} service")
        port, path = self._services[service]
        return await call(self.host, port, path, body, self._login, datetime.now(UTC) + self._ahead)

    async def _learn_services(self) -> None:
        body = f'<GetCapabilities xmlns="{DEVICE}"><Category>All</Category></GetCapabilities>'
        at = datetime.now(UTC) + self._ahead
        said = child(await call(self.host, self._port, self._path, body, self._login, at), "Capabilities")
        services = {"Device": (self._port, self._path)}
        for name in ("Media", "PTZ"):
            if address := text(said, name, "XAddr"):
                services[name] = self._near(address)
        self._services = services

    def _near(self, address: str) -> tuple[int, str]:
        """Port and path of an address, at the host we know: behind NAT a device names one that is not reached, and
        nobody's answer sends our user name to another host."""
        try:
            parts = urlsplit(address)
            port = parts.port or 80
        except ValueError:
            raise NoReplyError(f"{STRANGE}: {address[:60]}") from None
        path = parts.path or "/"
        if not re.fullmatch(r"[!-~]+", path):
            raise NoReplyError(f"{STRANGE}: {address[:60]}")
        return (port if parts.hostname == self.host else self._port), path

    async def about(self) -> dict[str, str]:
        """Manufacturer, model and firmware.

        Raises
        ------
        MediaError
            It does not say.
        """
        said = await self._ask("Device", f'<GetDeviceInformation xmlns="{DEVICE}"/>')
        names = {"manufacturer": "Manufacturer", "model": "Model", "firmware": "FirmwareVersion"}
        return {ours: text(said, theirs)[:64] for ours, theirs in names.items()}

    async def profiles(self) -> list[Profile]:
        """Everything it offers (Media Service, 5.2.2).

        Raises
        ------
        MediaError
            It does not say.
        """
        said = await self._ask("Media", f'<GetProfiles xmlns="{MEDIA}"/>')
        found = []
        for profile in children(said, "Profiles"):
            encoder = child(profile, "VideoEncoderConfiguration")
            sizes = [text(encoder, "Resolution", name) for name in ("Width", "Height")]
            width, height = (int(size) if size.isdecimal() and len(size) < 6 else 0 for size in sizes)
            found.append(
                Profile(
                    attribute(profile, "token")[:64],
                    text(profile, "Name")[:80],
                    text(profile, "VideoSourceConfiguration", "SourceToken")[:64],
                    text(encoder, "Encoding").upper(),
                    width * height,
                    child(profile, "PTZConfiguration") is not None,
                )
            )
        return [profile for profile in found if profile.token]

    async def stream_uri(self, profile: str) -> str:
        """Where a profile's pictures are pulled by RTSP, at the host we know (Media Service, 5.15.1).

        Raises
        ------
        MediaError
            It does not say.
        """
        said = await self._ask(
            "Media",
            f'<GetStreamUri xmlns="{MEDIA}"><StreamSetup><Stream xmlns="{SCHEMA}">RTP-Unicast</Stream>'
            f'<Transport xmlns="{SCHEMA}"><Protocol>RTSP</Protocol></Transport></StreamSetup>'
            f"<ProfileToken>{escape(profile)}</ProfileToken></GetStreamUri>",
        )
        uri = text(said, "MediaUri", "Uri")
        try:
            parts = urlsplit(uri)
            port = parts.port or 554
        except ValueError:
            raise NoReplyError(f"{STRANGE}: {uri[:60]}") from None
        if parts.scheme.lower() != "rtsp":
            raise NotOfferedError(f"{NO_PICTURE}: {uri[:60]}")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return urlunsplit(("rtsp", f"{host}:{port}", parts.path, parts.query, ""))

    async def move(self, profile: str, pan: float, tilt: float, zoom: float) -> None:
        """Turn and zoom until told otherwise, -1 to 1; all zero stops (PTZ Service, 5.3.3 and 5.3.5).

        Raises
        ------
        MediaError
            It does not.
        """
        token = f"<ProfileToken>{escape(profile)}</ProfileToken>"
        if not (pan or tilt or zoom):
            await self._ask("PTZ", f'<Stop xmlns="{PTZ}">{token}<PanTilt>true</PanTilt><Zoom>true</Zoom></Stop>')
            return
        speeds = ""
        # What is not to move is left out: cameras without a zoom refuse a speed for it.
        if pan or tilt:
            speeds += f'<PanTilt xmlns="{SCHEMA}" x={quoteattr(f"{pan:g}")} y={quoteattr(f"{tilt:g}")}/>'
        if zoom:
            speeds += f'<Zoom xmlns="{SCHEMA}" x={quoteattr(f"{zoom:g}")}/>'
        body = f'<ContinuousMove xmlns="{PTZ}">{token}<Velocity>{speeds}</Velocity></ContinuousMove>'
        await self._ask("PTZ", body)

    async def presets(self, profile: str) -> list[Preset]:
        """Places its head knows.

        Raises
        ------
        MediaError
            It does not say.
        """
        said = await self._ask(
            "PTZ", f'<GetPresets xmlns="{PTZ}"><ProfileToken>{escape(profile)}</ProfileToken></GetPresets>'
        )
        rows = [Preset(attribute(one, "token"), text(one, "Name")[:80]) for one in children(said, "Preset")]
        return [row for row in rows if row.token][:MOST_PRESETS]

    async def preset(self, profile: str, action: str, number: int) -> None:
        """Go to, set or delete the preset of that number, as :func:`numbered` counts them.

        Raises
        ------
        MediaError
            There is none, or it does not.
        """
        there = numbered(await self.presets(profile))
        known = there.get(number)
        token = f"<ProfileToken>{escape(profile)}</ProfileToken>"
        if known is None and action != "set":
            raise NotOfferedError(f"no preset {number}")
        which = f"<PresetToken>{escape(known.token)}</PresetToken>" if known is not None else ""
        word = {"call": "GotoPreset", "delete": "RemovePreset", "set": "SetPreset"}[action]
        name = f"<PresetName>{number}</PresetName>" if known is None else ""
        await self._ask("PTZ", f'<{word} xmlns="{PTZ}">{token}{name}{which}</{word}>')


def numbered(presets: list[Preset]) -> Mapping[int, Preset]:
    """Presets by number: the one at the end of a token or name where they all have different ones, else in turn."""
    ends = [re.search(r"(\d{1,3})$", preset.token) or re.fullmatch(r"(\d{1,3})", preset.name) for preset in presets]
    numbers = [int(found[1]) for found in ends if found is not None]
    if len(numbers) == len(set(numbers)) == len(presets) and all(1 <= number <= 255 for number in numbers):
        return dict(zip(numbers, presets, strict=True))
    return dict(enumerate(presets, 1))


def eyes(profiles: list[Profile]) -> list[Profile]:
    """The best profile of each of a device's eyes: H.264 before others, then the largest picture.

    Raises
    ------
    NotOfferedError
        There is none.
    """
    best: dict[str, Profile] = {}
    for profile in profiles:
        other = best.get(profile.source)
        if other is None or _rank(profile) > _rank(other):
            best[profile.source] = profile
    if not best:
        raise NotOfferedError(NO_PICTURE)
    return [best[source] for source in sorted(best)]


def _rank(profile: Profile) -> tuple[bool, bool, int]:
    # H.265 has no name in this service, and cameras leave it empty or write it all the same.
    return profile.codec == "H264", profile.codec in ("H264", "H265", ""), profile.pixels


def as_answer(presets: Mapping[int, Preset]) -> list[dict[str, Any]]:
    """Presets as questions about them are answered, whatever the protocol."""
    return [{"number": number, "name": preset.name} for number, preset in sorted(presets.items())]
