"""SDP as cameras and servers answer DESCRIBE with it (RFC 8866; payloads: RFC 6184, 7798, 3640, 3551)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from media.exceptions import NotOfferedError

MOST_MEDIA = 16
MOST_SETS_BYTES = 4096
CODECS: Mapping[str, str] = {
    "h264": "h264", "h265": "h265", "hevc": "h265", "pcma": "g711a", "pcmu": "g711u", "mpeg4-generic": "aac",
    "g722": "g722", "g723": "g723", "g729": "g729",
}  # fmt: skip
STATIC: Mapping[int, tuple[str, int]] = {0: ("g711u", 8000), 8: ("g711a", 8000), 9: ("g722", 8000), 18: ("g729", 8000)}
START = b"\x00\x00\x00\x01"
_RTPMAP = re.compile(r"rtpmap:\s*(\d{1,3})\s+([A-Za-z0-9_.-]+)(?:/(\d{1,6}))?")
_SETS = ("sprop-vps", "sprop-sps", "sprop-pps")


@dataclass(frozen=True)
class Medium:
    """One picture or sound that can be asked for.

    Attributes
    ----------
    kind : str
        ``video`` or ``audio``.
    control : str
        Where to ask for it, absolute.
    sets : bytes
        H.264's or H.265's parameter sets in Annex B, for streams that do not repeat them.
    config : bytes
        AAC's AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).
    """

    kind: str
    type: int
    codec: str
    clock_hz: int
    control: str
    sets: bytes = b""
    config: bytes = b""


def read_description(body: bytes, base: str) -> list[Medium]:
    """Media that we can take, at most one picture and one sound.

    Parameters
    ----------
    base : str
        Address that relative ones belong to.

    Raises
    ------
    NotOfferedError
        There is no picture among them that anything can be done with.
    """
    media: list[tuple[list[str], list[str]]] = []
    session: list[str] = []
    for line in body.decode("utf-8", "replace").replace("\r", "\n").split("\n"):
        key, equals, value = line.strip().partition("=")
        if not equals:
            continue
        if key == "m":
            media.append((value.split(), []))
        elif key == "a":
            (media[-1][1] if media else session).append(value)
    if len(media) > MOST_MEDIA:
        raise NotOfferedError(f"a description of {len(media)} media")
    whole = _value(session, "control")
    base = whole if whole.lower().startswith(("rtsp://", "rtsps://")) else base
    found: dict[str, Medium] = {}
    names: list[str] = []
    for words, attributes in media:
        medium = _medium(words, attributes, base, names)
        if medium is not None:
            found.setdefault(medium.kind, medium)
    if "video" not in found:
        raise NotOfferedError(f"no picture of a known codec ({', '.join(names[:8]) or 'nothing'})")
    return [found[kind] for kind in ("video", "audio") if kind in found]


def _medium(words: list[str], attributes: list[str], base: str, names: list[str]) -> Medium | None:
    if len(words) < 4 or words[0] not in ("video", "audio"):
        return None
    named = {int(m[1]): (m[2].lower(), int(m[3] or 0)) for m in map(_RTPMAP.match, attributes) if m}
    for word in words[3:]:
        if not (word.isascii() and word.isdecimal() and len(word) <= 3):
            continue
        type_ = int(word)
        name, clock_hz = named.get(type_, ("", 0))
        codec = CODECS.get(name, "")
        if not name and type_ in STATIC:
            codec, clock_hz = STATIC[type_]
        names.append(name or word)
        if not codec or (codec in ("h264", "h265")) != (words[0] == "video"):
            continue
        if words[0] == "video":
            clock_hz = 90_000
        fmtp = _fmtp(attributes, type_)
        control = join(base, _value(attributes, "control"))
        return Medium(words[0], type_, codec, clock_hz or 8000, control, _sets(codec, fmtp), _config(codec, fmtp))
    return None


def join(base: str, control: str) -> str:
    """Address of a medium: as it is where it is absolute, else appended (RFC 2326, C.1.1, as every server means it)."""
    if not control or control == "*":
        return base
    if control.lower().startswith(("rtsp://", "rtsps://")):
        return control
    if control.startswith("/"):
        parts = urlsplit(base)
        return f"{parts.scheme}://{parts.netloc}{control}"
    return base.rstrip("/") + "/" + control


def _value(attributes: list[str], name: str) -> str:
    found = (value.strip() for key, colon, value in (a.partition(":") for a in attributes) if key == name and colon)
    return next(found, "")


def _fmtp(attributes: list[str], type_: int) -> dict[str, str]:
    for attribute in attributes:
        key, _colon, rest = attribute.partition(":")
        number, _space, text = rest.strip().partition(" ")
        if key == "fmtp" and number == str(type_):
            pairs = (part.strip().partition("=") for part in text.split(";"))
            return {name.strip().lower(): value.strip() for name, _equals, value in pairs}
    return {}


def _sets(codec: str, fmtp: Mapping[str, str]) -> bytes:
    texts = [fmtp.get("sprop-parameter-sets", "")] if codec == "h264" else [fmtp.get(name, "") for name in _SETS]
    out = b""
    for word in ",".join(texts).split(","):
        try:
            nal = base64.b64decode(word, validate=True)
        except (binascii.Error, ValueError):
            continue  # a camera's broken line: its stream has them too
        out += START + nal if nal else b""
    return out if len(out) <= MOST_SETS_BYTES else b""


def _config(codec: str, fmtp: Mapping[str, str]) -> bytes:
    if codec != "aac":
        return b""
    try:
        return bytes.fromhex(fmtp.get("config", ""))[:64]
    except ValueError:
        return b""
