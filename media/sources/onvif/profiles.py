"""Which pictures an ONVIF device offers, as its Media service or its Media2 service tells, and the best of each eye."""

from __future__ import annotations

from dataclasses import dataclass

from media.exceptions import NotOfferedError
from media.gb28181.xml import Element
from media.sources.faults import NO_PICTURE
from media.sources.onvif.soap import attribute, child, text

MEDIA = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
"""Which knows H.265; asked where a device has it, though it has the other, too."""


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


def read_profile(said: Element) -> Profile:
    """Of the Media service."""
    encoder = child(said, "VideoEncoderConfiguration")
    source = text(said, "VideoSourceConfiguration", "SourceToken")
    return _made(said, source, encoder, ptz=child(said, "PTZConfiguration") is not None)


def read_profile2(said: Element) -> Profile:
    """Of the Media2 service."""
    parts = child(said, "Configurations")
    source = text(parts, "VideoSource", "SourceToken")
    return _made(said, source, child(parts, "VideoEncoder"), ptz=child(parts, "PTZ") is not None)


def _made(said: Element, source: str, encoder: Element | None, *, ptz: bool) -> Profile:
    sizes = [text(encoder, "Resolution", name) for name in ("Width", "Height")]
    width, height = (int(size) if size.isdecimal() and len(size) < 6 else 0 for size in sizes)
    codec = text(encoder, "Encoding").upper()
    return Profile(attribute(said, "token")[:64], text(said, "Name")[:80], source[:64], codec, width * height, ptz)


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
    # H.265 has no name in the older service, and cameras leave it empty or write it all the same.
    return profile.codec == "H264", profile.codec in ("H264", "H265", ""), profile.pixels
