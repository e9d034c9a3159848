"""Pictures taken out of what cameras send and people upload, and made JPEG with time, camera and place.

Everything here blocks, and reads what strangers made: it runs in processes of its own (:mod:`media.analysis.worker`).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from media.analysis.interface import LONGEST_PX, Box

DECODERS = {"h264": "h264", "h265": "hevc", "mpeg4": "mpeg4"}
PICTURES = ("JPEG", "PNG", "WEBP")
VIDEOS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".ts": "mpegts"}
"""The demuxer goes by the ending: what looks like a playlist in a file is not followed anywhere."""
MOST_PIXELS = 60_000_000
MOST_DECODED = 1500
"""Pictures decoded to reach a second of a file: with key frames further apart than this it is given up."""
QUALITY = 85

Rgb = NDArray[np.uint8]


class UnreadableError(Exception):
    """There is no picture in what was given."""


def decoded(codec: str, frames: Sequence[bytes]) -> Rgb:
    """The last of some encoded pictures, of which the first is a key frame: uint8[height, width, 3].

    Raises
    ------
    UnreadableError
    """
    if codec == "jpeg":
        return _opened(frames[-1])
    if codec not in DECODERS:
        raise UnreadableError(f"pictures of {codec} cannot be decoded")
    decoder: Any = av.CodecContext.create(DECODERS[codec], "r")
    decoder.thread_count = 1
    last: Any = None
    try:
        for data in frames:
            for picture in decoder.decode(av.Packet(data)):
                last = picture
        for picture in decoder.decode(None):
            last = picture
    except (FFmpegError, ValueError) as error:
        if last is None:
            raise UnreadableError(f"{type(error).__name__}: {error}") from None
    if last is None:
        raise UnreadableError("no whole picture")
    return _as_rgb(last)


def _as_rgb(picture: Any) -> Rgb:
    if picture.width * picture.height > MOST_PIXELS:
        raise UnreadableError("too many pixels")
    less = min(1.0, LONGEST_PX / max(picture.width, picture.height))
    width, height = (max(1, round(side * less)) for side in (picture.width, picture.height))
    return picture.reformat(width, height, "rgb24").to_ndarray()


def _opened(data: bytes | Path) -> Rgb:
    try:
        with Image.open(io.BytesIO(data) if isinstance(data, bytes) else data, formats=PICTURES) as given:
            if given.width * given.height > MOST_PIXELS:
                raise UnreadableError("too many pixels")
            given.draft("RGB", (LONGEST_PX, LONGEST_PX))
            picture = ImageOps.exif_transpose(given).convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from None
    picture.thumbnail((LONGEST_PX, LONGEST_PX))
    return np.asarray(picture)


class File:
    """A picture or video of a disk, from which pictures are taken one after another.

    Parameters
    ----------
    path : Path
        Its ending says what it is.

    Raises
    ------
    UnreadableError
        It is neither.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._still: Rgb | None = None
        self._container: Any = None
        if path.suffix.lower() not in VIDEOS:
            self._still = _opened(path)
            return
        try:
            self._container = av.open(
                str(path), format=VIDEOS[path.suffix.lower()], options={"protocol_whitelist": "file"}
            )
            self._stream = self._container.streams.video[0]
            self._stream.codec_context.thread_count = 1
        except (FFmpegError, OSError, ValueError, IndexError) as error:
            self.close()
            raise UnreadableError(f"{type(error).__name__}: {error}") from None

    def at(self, second: float) -> Rgb | None:
        """The picture at a second since the first; None behind the end. A still picture is that of second 0.

        Raises
        ------
        UnreadableError
        """
        if self._still is not None:
            return self._still if second == 0 else None
        begins = (self._stream.start_time or 0) * float(self._stream.time_base)
        wanted, last = begins + second, None
        try:
            self._container.seek(int(wanted / float(self._stream.time_base)), stream=self._stream, backward=True)
            for count, picture in enumerate(self._container.decode(self._stream)):
                last = picture
                if picture.time is None or picture.time >= wanted - 1e-3:
                    return _as_rgb(picture)
                if count >= MOST_DECODED:
                    raise UnreadableError("its key frames are too far apart")
        except (FFmpegError, ValueError) as error:
            if last is None:
                raise UnreadableError(f"{type(error).__name__}: {error}") from None
        return _as_rgb(last) if last is not None and second == 0 else None

    def close(self) -> None:
        """Let go of it."""
        if self._container is not None:
            self._container.close()
            self._container = None


def cropped(rgb: Rgb, part: Box) -> Rgb:
    """A part of a picture; one pixel at least."""
    height, width = rgb.shape[:2]
    left, top = min(width - 1, int(part.left * width)), min(height - 1, int(part.top * height))
    right = max(left + 1, round((part.left + part.width) * width))
    bottom = max(top + 1, round((part.top + part.height) * height))
    return np.ascontiguousarray(rgb[top:bottom, left:right])


def encoded(rgb: Rgb, taken_us: int, camera: str, place: tuple[float, float] | None) -> bytes:
    """A JPEG whose EXIF says when (UTC), by which camera and where (WGS 84 degrees: longitude, latitude)."""
    exif = Image.Exif()
    taken = datetime.fromtimestamp(taken_us / 1e6, UTC)
    exif[ExifTags.Base.ImageDescription] = camera.encode("ascii", "replace").decode()
    exif[ExifTags.Base.DateTime] = f"{taken:%Y:%m:%d %H:%M:%S}"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = f"{taken:%Y:%m:%d %H:%M:%S}"
    details[ExifTags.Base.OffsetTimeOriginal] = "+00:00"
    if place is not None:
        lon, lat = place
        exif.get_ifd(ExifTags.IFD.GPSInfo).update(
            {
                ExifTags.GPS.GPSLatitudeRef: "N" if lat >= 0 else "S",
                ExifTags.GPS.GPSLatitude: _angle(lat),
                ExifTags.GPS.GPSLongitudeRef: "E" if lon >= 0 else "W",
                ExifTags.GPS.GPSLongitude: _angle(lon),
            }
        )
    out = io.BytesIO()
    Image.fromarray(rgb).save(out, "JPEG", quality=QUALITY, exif=exif)
    return out.getvalue()


def _angle(degrees: float) -> tuple[float, float, float]:
    minutes, seconds = divmod(round(abs(degrees) * 3600, 4), 60)
    whole, minutes = divmod(minutes, 60)
    return whole, minutes, seconds
