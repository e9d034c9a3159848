"""What a browser offers (RFC 8866, RFC 8829) and what it is answered (RFC 9429; ICE-lite, RFC 8445)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from media.exceptions import NotOfferedError

MOST_BYTES = 64 << 10
"""A browser's offer to watch has some 4 kB."""
MOST_SECTIONS = 8
VIDEO = {"H264": "h264", "H265": "h265"}
SOUND = {"PCMA": "g711a", "PCMU": "g711u", "OPUS": "opus"}
CLOCKS = {"PCMA": "8000", "PCMU": "8000", "OPUS": "48000/2"}
FEEDBACK = ("nack", "nack pli")
_TOKEN = re.compile(r"\A[A-Za-z0-9+/=_-]{4,256}\Z")
_MID = re.compile(r"\A[A-Za-z0-9_.-]{1,16}\Z")
_PROFILES = ("64", "4d", "42e0", "42")
"""Of H.264, the richest first: what cameras send is rarely less, and browsers decode by the stream's own."""


@dataclass
class Section:
    """One ``m=`` of an offer."""

    kind: str
    protocol: str
    mid: str = ""
    direction: str = "sendrecv"
    names: dict[int, str] = field(default_factory=dict)
    parameters: dict[int, str] = field(default_factory=dict)
    feedback: dict[int, set[str]] = field(default_factory=dict)

    @property
    def receives(self) -> bool:
        """Whether the browser wants to be sent this."""
        return self.direction in ("recvonly", "sendrecv")


@dataclass
class Offer:
    """A browser's offer, as far as it matters to a sender."""

    sections: list[Section]
    ufrag: str
    setup: str
    fingerprints: list[tuple[str, str]]


@dataclass(frozen=True)
class Chosen:
    """Payload types for one section, by codec."""

    section: int
    types: dict[str, int]


@dataclass(frozen=True)
class Own:
    """What a session of ours is known by."""

    ufrag: str
    password: str
    fingerprints: Sequence[tuple[str, str]]
    addresses: Sequence[tuple[str, int]]
    session: int
    sources: dict[int, int]
    """SSRC by section."""


def read_offer(text: str) -> Offer:
    """Read an offer.

    Raises
    ------
    NotOfferedError
        It is none, or not of WebRTC, or too long.
    """
    if len(text) > MOST_BYTES:
        raise NotOfferedError(f"the offer is longer than {MOST_BYTES} bytes")
    lines = text.replace("\r\n", "\n").split("\n")
    if not lines or lines[0] != "v=0":
        raise NotOfferedError("this is no session description")
    sections: list[Section] = []
    common: dict[str, str] = {}
    fingerprints: list[tuple[str, str]] = []
    for line in lines:
        name, _, value = line.partition("=")
        if name == "m":
            words = value.split()
            if len(words) < 4 or len(sections) >= MOST_SECTIONS:
                raise NotOfferedError("an m= line that says nothing, or too many of them")
            sections.append(Section(words[0], words[2]))
        elif name == "a":
            key, _, rest = value.partition(":")
            if key in ("ice-ufrag", "setup"):
                common.setdefault(key, rest)
            elif key == "fingerprint" and len(words := rest.split()) == 2:
                fingerprints.append((words[0].lower(), words[1]))
            elif sections:
                _attribute(sections[-1], key, rest)
    if not sections or not _TOKEN.match(common.get("ice-ufrag", "")) or not fingerprints:
        raise NotOfferedError("the offer has no media, no ICE or no fingerprint: it is not of WebRTC")
    if any(not _MID.match(section.mid) for section in sections):
        raise NotOfferedError("a section without a=mid")
    return Offer(sections, common["ice-ufrag"], common.get("setup", "actpass"), sorted(set(fingerprints)))


def _attribute(section: Section, key: str, rest: str) -> None:
    if key in ("sendrecv", "recvonly", "sendonly", "inactive"):
        section.direction = key
    elif key == "mid":
        section.mid = rest
    elif key in ("rtpmap", "fmtp", "rtcp-fb"):
        number, _, said = rest.partition(" ")
        if not number.isdigit() or int(number) > 127:
            return
        if key == "rtpmap":
            section.names[int(number)] = said.split("/")[0].upper()
        elif key == "fmtp":
            section.parameters[int(number)] = said
        else:
            section.feedback.setdefault(int(number), set()).add(said)


def choose(offer: Offer) -> list[Chosen]:
    """Which payload types are sent, by section: the first that wants pictures, and the first that wants sound.

    Raises
    ------
    NotOfferedError
        The browser takes neither H.264 nor H.265.
    """
    chosen: list[Chosen] = []
    for kind, codecs in (("video", VIDEO), ("audio", SOUND)):
        for number, section in enumerate(offer.sections):
            if section.kind != kind or not section.receives or "RTP/SAVPF" not in section.protocol:
                continue
            types = {
                codec: best for name, codec in codecs.items() if (best := _best(section, name)) is not None
            }  # fmt: skip
            if types:
                chosen.append(Chosen(number, types))
                break
    if not any(set(each.types) & set(VIDEO.values()) for each in chosen):
        raise NotOfferedError("the browser offers neither H.264 (packetization-mode 1) nor H.265")
    return chosen


def _best(section: Section, name: str) -> int | None:
    types = [number for number, found in section.names.items() if found == name]
    if name in SOUND:
        types += [number for number, static in ((8, "PCMA"), (0, "PCMU")) if static == name and not types]
        return types[0] if types and name in section.names.values() else None
    if name != "H264":
        return types[0] if types else None
    ranked = []
    for number in types:
        said = dict(
            pair.strip().lower().split("=", 1) for pair in section.parameters.get(number, "").split(";") if "=" in pair
        )
        if said.get("packetization-mode") != "1":
            continue
        profile = said.get("profile-level-id", "42e01f")
        rank = next((i for i, begin in enumerate(_PROFILES) if profile.startswith(begin)), len(_PROFILES))
        ranked.append((rank, number))
    return min(ranked)[1] if ranked else None


def write_answer(offer: Offer, chosen: Sequence[Chosen], own: Own, setup: str) -> str:
    """The answer: every section in the offer's order, those that are not sent refused (RFC 9429, 5.3.1)."""
    by_section = {each.section: each for each in chosen}
    mids = " ".join(offer.sections[number].mid for number in sorted(by_section))
    lines = [
        "v=0",
        f"o=- {own.session} 1 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {mids}",
        "a=ice-lite",
        "a=msid-semantic: WMS *",
    ]
    for number, section in enumerate(offer.sections):
        each = by_section.get(number)
        if each is None:
            lines += [f"m={section.kind} 0 {section.protocol} 0", "c=IN IP4 0.0.0.0", f"a=mid:{section.mid}"]
            lines += ["a=inactive"]
            continue
        types = list(each.types.values())
        lines += [
            f"m={section.kind} 9 {section.protocol} {' '.join(map(str, types))}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{section.mid}",
            "a=sendonly",
            f"a=ice-ufrag:{own.ufrag}",
            f"a=ice-pwd:{own.password}",
            *(f"a=fingerprint:{kind} {value}" for kind, value in own.fingerprints),
            f"a=setup:{setup}",
            "a=rtcp-mux",
            "a=rtcp-rsize",
            f"a=msid:camera {section.kind}",
            f"a=ssrc:{own.sources[number]} cname:{own.session}",
        ]
        for type_ in types:
            name = section.names[type_]
            lines.append(f"a=rtpmap:{type_} {name}/{CLOCKS.get(name, '90000')}")
            if type_ in section.parameters:
                lines.append(f"a=fmtp:{type_} {section.parameters[type_]}")
            offered = section.feedback.get(type_, set())
            lines += [f"a=rtcp-fb:{type_} {said}" for said in FEEDBACK if said in offered]
        lines += [
            f"a=candidate:{i} 1 udp {2130706431 - i} {host} {port} typ host"
            for i, (host, port) in enumerate(own.addresses, 1)
        ]
        lines.append("a=end-of-candidates")
    return "\r\n".join(lines) + "\r\n"
