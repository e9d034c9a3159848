"""Films as answers: read as their viewer takes them, since one is longer than what fits into memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import BinaryIO

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

PIECE_BYTES = 1 << 18


def film(name: str, size: int, pieces: Iterator[bytes]) -> StreamingHttpResponse:
    """The answer that downloads an MP4.

    Parameters
    ----------
    name : str
        What the browser calls the file.
    size : int
        Bytes of all pieces together.
    pieces : iterator of bytes
        Read in threads, each when the one before it was sent.
    """
    answer = StreamingHttpResponse(_one_by_one(pieces), content_type="video/mp4")
    answer["Content-Disposition"] = content_disposition_header(True, name)
    answer["Content-Length"] = str(size)
    answer["Cache-Control"] = "private, no-store"
    return answer


def pieces_of(file: BinaryIO) -> Iterator[bytes]:
    """An open file from here on; closed with its last piece, or with the iterator."""
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece


async def _one_by_one(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece
