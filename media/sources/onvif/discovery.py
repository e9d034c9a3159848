"""WS-Discovery (OASIS, 1.0 of 2005-04 as ONVIF has it, Core Specification 7): who on the local network is a camera."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import uuid
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from media.exceptions import NoReplyError
from media.gb28181.xml import XmlError, read_xml
from media.sources.onvif.soap import ENVELOPE, PORTS, child, children, text

GROUP = ("239.255.255.250", 3702)
WAIT_S = 3.0
MOST_FOUND = 500
MOST_DATAGRAM = 32_768
_ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
_DISCOVERY = "http://schemas.xmlsoap.org/ws/2005/04/discovery"


@dataclass(frozen=True)
class Found:
    """A device that answered.

    Attributes
    ----------
    address : str
        Of its device service, at the host that the answer came from.
    name, hardware : str
        From its scopes; empty where it did not say.
    """

    address: str
    name: str
    hardware: str


def write_probe(number: str) -> bytes:
    """The question: any network video transmitter."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{ENVELOPE}" xmlns:a="{_ADDRESSING}">'
        f"<s:Header><a:MessageID>uuid:{number}</a:MessageID>"
        "<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
        f"<a:Action>{_DISCOVERY}/Probe</a:Action></s:Header>"
        f'<s:Body><d:Probe xmlns:d="{_DISCOVERY}"><d:Types xmlns:n="http://www.onvif.org/ver10/network/wsdl">'
        "n:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>"
    ).encode()


def read_matches(data: bytes, number: str, host: str) -> list[Found]:
    """Devices in one answer; none where it is no answer to our question.

    Parameters
    ----------
    number : str
        Of the question.
    host : str
        Where it came from. Addresses of other hosts are not believed: who answers must not send us elsewhere.
    """
    if len(data) > MOST_DATAGRAM:
        return []
    try:
        envelope = read_xml(data, "utf-8")
    except XmlError:
        return []
    if not text(envelope, "Header", "RelatesTo").endswith(number):
        return []
    found = []
    for match in children(child(envelope, "Body", "ProbeMatches"), "ProbeMatch"):
        scopes = text(match, "Scopes").split()
        address = _own(text(match, "XAddrs").split(), host)
        if address:
            found.append(Found(address, _scope(scopes, "name"), _scope(scopes, "hardware")))
    return found


def _own(addresses: list[str], host: str) -> str:
    for address in addresses:
        try:
            parts = urlsplit(address)
            port = parts.port or PORTS.get(parts.scheme, 0)
        except ValueError:
            continue
        if parts.scheme in PORTS and parts.hostname == host and len(address) < 300:
            return f"{parts.scheme}://{host}:{port}{parts.path or '/'}"
    return ""


def _scope(scopes: list[str], what: str) -> str:
    head = f"onvif://www.onvif.org/{what}/"
    value = next((unquote(scope[len(head) :]) for scope in scopes if scope.lower().startswith(head)), "")
    return "".join(c for c in value if c.isprintable())[:80]


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, number: str) -> None:
        self.number = number
        self.found: dict[str, Found] = {}

    def datagram_received(self, data: bytes, address: tuple) -> None:
        for one in read_matches(data, self.number, address[0]):
            if len(self.found) < MOST_FOUND:
                self.found.setdefault(one.address, one)


async def discover(wait_s: float = WAIT_S, group: tuple[str, int] = GROUP) -> list[Found]:
    """Ask the local network; only ever done when a person asks for it.

    Raises
    ------
    NoReplyError
        There is no network to ask.
    """
    number = str(uuid.uuid4())
    loop = asyncio.get_running_loop()
    listener = _Listener(number)
    way = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    way.setblocking(False)
    # Answers come from any interface, to this port, for three seconds, and are believed about their sender only.
    way.bind(("", 0))
    transport, _protocol = await loop.create_datagram_endpoint(lambda: listener, sock=way)
    try:
        way.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        # Twice, since a datagram may be lost (SOAP-over-UDP, appendix I).
        for _time in range(2):
            if not _send(way, write_probe(number), group):
                raise NoReplyError("no network to ask")
            await asyncio.sleep(wait_s / 2)
    finally:
        transport.close()
    return sorted(listener.found.values(), key=lambda one: one.address)


def _send(way: socket.socket, data: bytes, group: tuple[str, int]) -> int:
    """Send by every interface, for cameras are seldom on the one that leads outside; returns by how many it went."""
    went = 0
    for index, _name in socket.if_nameindex():
        with contextlib.suppress(OSError):
            way.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), index))
            way.sendto(data, group)
            went += 1
    return went
