"""Photographs of annotations: what comes is looked at by its content, and kept only as we have drawn it anew."""

from __future__ import annotations

import io
import math
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.translation import gettext
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from access.models import User
from twin.annotations.exceptions import PhotographError
from twin.annotations.models import Annotation, AnnotationPhotograph, AnnotationVersion

MOST_BYTES = 20 * 2**20
MOST_PIXELS = 60_000_000
FORMATS = ("JPEG", "PNG", "WEBP")
LONGEST_PX, SMALL_PX = 2048, 320
"""Longest side of what is kept, and of the small one."""
UNUSED = timedelta(days=1)
"""A photograph that no annotation shows after so long is deleted."""


@dataclass(frozen=True)
class Told:
    """What the camera wrote into the file and we do not keep: WGS 84 degrees, and when; None where it did not say."""

    lon: float | None
    lat: float | None
    taken_at: datetime | None


def take_photograph(content: bytes, user: User) -> tuple[AnnotationPhotograph, Told]:
    """Keep a photograph, as nothing but its picture.

    Parameters
    ----------
    content : bytes
        A JPEG, PNG or WebP file; what it is named or said to be does not matter.

    Raises
    ------
    PhotographError
        It is none, or too large.
    """
    if len(content) > MOST_BYTES:
        raise PhotographError(gettext("照片太大：最多 %d MB。请压缩后再传。") % (MOST_BYTES >> 20))
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as given:
            if given.width * given.height > MOST_PIXELS:
                raise PhotographError(gettext("照片的像素太多：最多 %d 万。请缩小后再传。") % (MOST_PIXELS // 10_000))
            told = _told(given.getexif())
            given.draft("RGB", (LONGEST_PX, LONGEST_PX))  # a large JPEG is decoded no larger than needed
            picture = ImageOps.exif_transpose(given).convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        if isinstance(error, PhotographError):
            raise
        raise PhotographError(gettext("这个文件不是照片，或已损坏。请选择 JPEG、PNG 或 WebP 照片。")) from error
    picture.thumbnail((LONGEST_PX, LONGEST_PX))
    small = picture.copy()
    small.thumbnail((SMALL_PX, SMALL_PX))
    encoded = _encoded(picture)
    name = secrets.token_hex(16)
    folder = f"annotations/{timezone.now():%Y/%m}"
    with transaction.atomic():
        kept = AnnotationPhotograph.objects.create(
            file=default_storage.save(f"{folder}/{name}.jpg", ContentFile(encoded)),
            small=default_storage.save(f"{folder}/{name}-small.jpg", ContentFile(_encoded(small))),
            width=picture.width,
            height=picture.height,
            bytes=len(encoded),
            sent_by=user,
        )
    return kept, told


def _encoded(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    # Nothing of the given file is handed on: no EXIF, no colour profile, no comment.
    picture.save(out, "JPEG", quality=85, optimize=True)
    return out.getvalue()


def _told(exif: Image.Exif) -> Told:
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    lat = _degrees(gps, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, "S", 90)
    lon = _degrees(gps, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, "W", 180)
    if lat is None or lon is None or (lat, lon) == (0, 0):
        lon = lat = None
    return Told(lon, lat, _taken_at(exif.get_ifd(ExifTags.IFD.Exif)))


def _degrees(gps: dict[int, Any], value: int, reference: int, negative: str, most: int) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in gps[value])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    found = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(found) or not 0 <= found <= most:
        return None
    return -found if gps.get(reference) == negative else found


def _taken_at(exif: dict[int, Any]) -> datetime | None:
    try:
        taken = datetime.strptime(f"{exif[ExifTags.Base.DateTimeOriginal]} +0000", "%Y:%m:%d %H:%M:%S %z")
    except (KeyError, ValueError):
        return None
    # A camera writes the time of the place where it is, and no zone.
    taken = taken.replace(tzinfo=ZoneInfo(settings.TIME_ZONE))
    return taken if taken <= timezone.now() else None


def photographs_seen(user: User) -> QuerySet[AnnotationPhotograph]:
    """What an annotation shows that somebody sees, or showed on the map of a time; and what they sent themselves."""

    def shown(rows: QuerySet[Any]) -> Exists:
        return Exists(rows.filter(photograph=OuterRef("pk")))

    everywhere = AnnotationPhotograph.objects
    on_the_map = shown(Annotation.objects.seen(user)) | shown(AnnotationVersion.objects.seen(user))
    return everywhere.filter(on_the_map) | everywhere.filter(sent_by=user)


def forget_unused(now: datetime) -> int:
    """Delete photographs that were sent and never shown; how many."""
    shown = AnnotationVersion.objects.filter(photograph=OuterRef("pk"))
    unused = list(AnnotationPhotograph.objects.filter(~Exists(shown), sent_at__lt=now - UNUSED))
    for each in unused:
        each.delete()
        default_storage.delete(each.file)
        default_storage.delete(each.small)
    return len(unused)
