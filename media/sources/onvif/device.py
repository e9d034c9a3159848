"""One ONVIF device: its clock, services, profiles, stream addresses, and its head."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from xml.sax.saxutils import escape, quoteattr

from media.exceptions import NoReplyError, NotOfferedError, RefusedByDeviceError
from media.gb28181.xml import Element
from media.sources.faults import LOGIN, NO_PICTURE, STRANGE, WRONG_LOGIN
from media.sources.onvif.profiles import MEDIA, MEDIA2, Profile, read_profile, read_profile2
from media.sources.onvif.soap import PORTS, Endpoint, attribute, call, child, children, text
from media.sources.rtsp import address as rtsp

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
SCHEMA = "http://www.onvif.org/ver10/schema"
PATH = "/onvif/device_service"
NAMES = {DEVICE: "Device", MEDIA: "Media", MEDIA2: "Media2", PTZ: "PTZ"}
MOST_PRESETS = 300


@dataclass(frozen=True)
class Preset:
    """A place its head can be turned to."""

    token: str
    name: str


def read_endpoint(address: str) -> Endpoint:
    """Where a device is asked: of ``http://host[:port]/path``, ``https://…``, or of a bare ``host[:port]``.

    Raises
    ------
    NotOfferedError
        It is no such address, or holds a user or password, which have a place of their own.
    """
    address = address.strip()
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise NotOfferedError(str(error)) from None
    path = parts.path if parts.path not in ("", "/") else PATH
    if parts.scheme not in PORTS or not host or "@" in parts.netloc or not re.fullmatch(r"[!-~]+", host + path):
        raise NotOfferedError("no http:// or https:// address of an ONVIF device")
    return Endpoint(host, port, path, parts.scheme == "https")


class OnvifDevice:
    """A device, asked anew each time it is used.

    Parameters
    ----------
    address : str
        See :func:`read_endpoint`.
    """

    def __init__(self, address: str, username: str = "", password: str = "") -> None:
        self._at = read_endpoint(address)
        self.host = self._at.host
        self._login = (username, password)
        self._ahead = timedelta()
        self._services: dict[str, Endpoint] = {}

    async def answers(self) -> None:
        """See whether it is there, and how its clock differs: digests hold for its own time (5.12.2).

        Raises
        ------
        MediaError
            It is not.
        """
        said = await call(self._at, f'<GetSystemDateAndTime xmlns="{DEVICE}"/>')
        moment = child(said, "SystemDateAndTime", "UTCDateTime")
        try:
            year, month, day = (int(text(moment, "Date", name)) for name in ("Year", "Month", "Day"))
            hour, minute, second = (int(text(moment, "Time", name)) for name in ("Hour", "Minute", "Second"))
            self._ahead = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - datetime.now(UTC)
        except (ValueError, OverflowError):
            self._ahead = timedelta()  # it may leave its time out (5.8 of the schema); then ours has to do

    async def _ask(self, service: str, body: str) -> Element:
        await self._know_services()
        if service not in self._services:
            raise NotOfferedError(f"{STRANGE}: no {service} service")
        return await call(self._services[service], body, self._login, self._now)

    @property
    def _now(self) -> datetime:
        """By the device's clock."""
        return datetime.now(UTC) + self._ahead

    async def _know_services(self) -> None:
        if not self._services:
            await self.answers()
            await self._learn_services()

    async def _learn_services(self) -> None:
        """Its services by name; Media2 is told of by GetServices alone (5.3.2), which old devices do not know."""
        services = {"Device": self._at}
        body = f'<GetServices xmlns="{DEVICE}"><IncludeCapability>false</IncludeCapability></GetServices>'
        try:
            said = await call(self._at, body, self._login, self._now)
        except RefusedByDeviceError as error:
            if str(error).startswith((LOGIN, WRONG_LOGIN)):
                raise
        else:
            for one in children(said, "Service"):
                name, address = NAMES.get(text(one, "Namespace").rstrip("/"), ""), text(one, "XAddr")
                if name and address:
                    services[name] = self._near(address)
        if len(services) == 1:
            body = f'<GetCapabilities xmlns="{DEVICE}"><Category>All</Category></GetCapabilities>'
            told = child(await call(self._at, body, self._login, self._now), "Capabilities")
            for name in ("Media", "PTZ"):
                if address := text(told, name, "XAddr"):
                    services[name] = self._near(address)
        self._services = services

    def _near(self, address: str) -> Endpoint:
        """An address at the host we know, by TLS where the device itself is spoken to so: behind NAT a device names one
        that is not reached, and nobody's answer sends our user name to another host, or in the clear."""
        try:
            parts = urlsplit(address)
            port = parts.port or PORTS.get(parts.scheme, 0)
        except ValueError:
            raise NoReplyError(f"{STRANGE}: {address[:60]}") from None
        path = parts.path or "/"
        if not re.fullmatch(r"[!-~]+", path):
            raise NoReplyError(f"{STRANGE}: {address[:60]}")
        same = parts.hostname == self.host and (parts.scheme == "https") == self._at.secure
        return self._at._replace(port=port if same else self._at.port, path=path)

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
        await self._know_services()
        if "Media2" in self._services:
            body = f'<GetProfiles xmlns="{MEDIA2}"><Type>All</Type></GetProfiles>'
            rows = [read_profile2(one) for one in children(await self._ask("Media2", body), "Profiles")]
        else:
            said = await self._ask("Media", f'<GetProfiles xmlns="{MEDIA}"/>')
            rows = [read_profile(one) for one in children(said, "Profiles")]
        return [profile for profile in rows if profile.token]

    async def stream_uri(self, profile: str) -> str:
        """Where a profile's pictures are pulled by RTSP, at the host we know (Media Service, 5.15.1).

        Raises
        ------
        MediaError
            It does not say.
        """
        await self._know_services()
        token = f"<ProfileToken>{escape(profile)}</ProfileToken>"
        if "Media2" in self._services:
            body = f'<GetStreamUri xmlns="{MEDIA2}"><Protocol>RTSP</Protocol>{token}</GetStreamUri>'
            uri = text(await self._ask("Media2", body), "Uri")
        else:
            body = (
                f'<GetStreamUri xmlns="{MEDIA}"><StreamSetup><Stream xmlns="{SCHEMA}">RTP-Unicast</Stream>'
                f'<Transport xmlns="{SCHEMA}"><Protocol>RTSP</Protocol></Transport></StreamSetup>{token}</GetStreamUri>'
            )
            uri = text(await self._ask("Media", body), "MediaUri", "Uri")
        try:
            parts = urlsplit(uri)
            port = parts.port or rtsp.PORTS.get(parts.scheme.lower(), 0)
        except ValueError:
            raise NoReplyError(f"{STRANGE}: {uri[:60]}") from None
        if parts.scheme.lower() not in rtsp.PORTS:
            raise NotOfferedError(f"{NO_PICTURE}: {uri[:60]}")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return urlunsplit((parts.scheme.lower(), f"{host}:{port}", parts.path, parts.query, ""))

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


def as_answer(presets: Mapping[int, Preset]) -> list[dict[str, Any]]:
    """Presets as questions about them are answered, whatever the protocol."""
    return [{"number": number, "name": preset.name} for number, preset in sorted(presets.items())]
