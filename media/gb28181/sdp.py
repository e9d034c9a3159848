"""SDP as GB/T 28181 has it (annex G; RFC 4566 with y= and f=)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from media.exceptions import NotOfferedError

MOST_BYTES = 8192
"""Real ones have some 400."""

CODECS: Mapping[int, str] = {
    96: "ps", 97: "mpeg4", 98: "h264", 99: "svac", 100: "h265", 8: "g711a", 0: "g711u", 4: "g723", 9: "g722",
    18: "g729", 102: "aac",
}  # fmt: skip
_BY_NAME = {
    "ps": "ps", "mp2p": "ps", "h264": "h264", "h265": "h265", "hevc": "h265", "mpeg4": "mpeg4", "pcma": "g711a",
    "pcmu": "g711u", "mpeg4-generic": "aac", "svac": "svac",
}  # fmt: skip
_RTPMAP = re.compile(r"rtpmap:\s*(\d{1,3})\s+([A-Za-z0-9_.-]+)")


@dataclass(frozen=True)
class Offer:
    """What one side says of its media.

    Attributes
    ----------
    host : str
        Where it sends from or wants to have it; empty where it did not say.
    setup : str
        ``active``: this side dials; ``passive``: it listens; empty for UDP.
    codecs : mapping
        Payload types it names, and what each is.
    ssrc : int or None
        The number in ``y=``.
    size : int or None
        Bytes of a download.
    """

    host: str
    port: int
    media: str = "video"
    tcp: bool = False
    setup: str = ""
    codecs: Mapping[int, str] = field(default_factory=dict)
    ssrc: int | None = None
    size: int | None = None
    session: str = ""
    direction: str = ""
    begins: int = 0
    """Of what is recorded, seconds since 1970; 0: live."""
    ends: int = 0
    speed: int = 0
    """How many times faster a download is to come; 0: not said."""


def read_sdp(body: bytes) -> Offer:
    """Read a description: its first medium with a port.

    Raises
    ------
    NotOfferedError
        Too large, or without a medium that can be used.
    """
    if len(body) > MOST_BYTES:
        raise NotOfferedError(f"SDP of {len(body)} bytes")
    text = body.decode("latin-1")
    values: dict[str, str] = {}
    medium: list[str] = []
    attributes: list[str] = []
    for line in text.replace("\r", "\n").split("\n"):
        key, equals, value = line.strip().partition("=")
        key, value = key.strip(), value.strip()
        if not equals:
            continue
        if key == "m":
            if medium and medium[1] != "0":
                break
            medium, attributes = value.split(), []
            if len(medium) < 4 or not medium[1].partition("/")[0].isdecimal():
                raise NotOfferedError("an m= line that cannot be read")
        elif key == "a":
            attributes.append(value)
        else:
            values.setdefault(key, value) if key != "c" or not medium else values.update(c=value)
    if not medium:
        raise NotOfferedError("no m= line")
    port = int(medium[1].partition("/")[0])
    if port > 65_535:
        raise NotOfferedError("a port beyond 65535")
    flags = {name: rest for name, _colon, rest in (attribute.partition(":") for attribute in attributes)}
    size, speed = flags.get("filesize", "").strip(), flags.get("downloadspeed", "").strip()
    times = [int(word) if word.isdecimal() and len(word) < 12 else 0 for word in values.get("t", "").split()[:2]]
    begins, ends = times if len(times) == 2 and times[0] < times[1] else (0, 0)
    return Offer(
        _host(values),
        port,
        medium[0],
        medium[2].upper().startswith("TCP"),
        flags.get("setup", "").strip().lower(),
        _codecs(medium[3:], attributes),
        _ssrc(values.get("y", "")),
        int(size) if size.isdecimal() and 0 < int(size) < 2**50 else None,
        values.get("s", ""),
        next((word for word in ("sendrecv", "sendonly", "recvonly", "inactive") if word in flags), ""),
        begins,
        ends,
        int(speed) if speed.isdecimal() and 0 < int(speed[:4]) <= 64 else 0,
    )


def _host(values: Mapping[str, str]) -> str:
    """Address of the medium; empty where the device left it out, or wrote one that cannot be."""
    for name in ("c", "o"):
        word = values.get(name, "").split()[-1:] or [""]
        try:
            address = ipaddress.ip_address(word[0].partition("/")[0])
        except ValueError:
            continue
        if not address.is_unspecified and not address.is_multicast:
            return str(address)
    return ""


def _codecs(payload_types: list[str], attributes: list[str]) -> dict[int, str]:
    named = {int(m[1]): _BY_NAME.get(m[2].lower(), "") for m in map(_RTPMAP.match, attributes) if m}
    types = [int(word) for word in payload_types if word.isdecimal() and int(word) < 128]
    return {type_: named.get(type_) or CODECS.get(type_, "") for type_ in types}


def _ssrc(text: str) -> int | None:
    digits = text.strip()[:10]
    return int(digits) if digits.isdecimal() and int(digits) < 2**32 else None


@dataclass(frozen=True)
class Wanted:
    """What we ask for, or offer.

    Attributes
    ----------
    session : str
        ``Play``, ``Playback`` or ``Download``.
    setup : str
        ``passive``: the device dials; ``active``: we do; empty: UDP.
    begins, ends : datetime, optional
        Of what is recorded.
    """

    code: str
    host: str
    port: int
    ssrc: str
    session: str = "Play"
    channel: str = ""
    setup: str = ""
    begins: datetime | None = None
    ends: datetime | None = None
    speed: int = 0
    audio: bool = False
    direction: str = "recvonly"
    answer: bool = False
    """What will be sent, and not what could be taken."""
    size: int = 0
    """Bytes of a download."""


def write_sdp(wanted: Wanted) -> bytes:
    """The description; ``y=`` comes behind every ``a=``, where Hikvision looks for it."""
    kind = "IP6" if ":" in wanted.host else "IP4"
    lines = [
        "v=0",
        f"o={wanted.code} 0 0 IN {kind} {wanted.host}",
        f"s={wanted.session}",
    ]
    if wanted.session != "Play":
        lines.append(f"u={wanted.channel}:0")
    lines.append(f"c=IN {kind} {wanted.host}")
    if wanted.begins is not None and wanted.ends is not None:
        lines.append(f"t={int(wanted.begins.timestamp())} {int(wanted.ends.timestamp())}")  # Unix seconds, not NTP's
    else:
        lines.append("t=0 0")
    profile = "TCP/RTP/AVP" if wanted.setup else "RTP/AVP"
    if wanted.audio:
        lines += [f"m=audio {wanted.port} {profile} 8", f"a={wanted.direction}", "a=rtpmap:8 PCMA/8000"]
    else:
        types = "96" if wanted.answer else "96 98 100"
        lines += [f"m=video {wanted.port} {profile} {types}", f"a={wanted.direction}", "a=rtpmap:96 PS/90000"]
        if not wanted.answer:
            lines += ["a=rtpmap:98 H264/90000", "a=rtpmap:100 H265/90000"]
    if wanted.setup:
        lines += [f"a=setup:{wanted.setup}", "a=connection:new"]
    if wanted.speed:
        lines.append(f"a=downloadspeed:{wanted.speed}")
    if wanted.size:
        lines.append(f"a=filesize:{wanted.size}")
    return (
        "\r\n".join([*lines, f"y={wanted.ssrc}", "f=" + ("v/////a/1/8/1" if wanted.audio else "")]) + "\r\n"
    ).encode()
