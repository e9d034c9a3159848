"""What a fleet is told: ``acked`` messages in the stream from the broker, as columns."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench._load import PREFIX

_ACKED = re.compile(
    rb"/%s(\d+)/acked\x00\{\"epoch\":0,\"acked\":(\d+),\"ahead\":\[(?:|\[.*?(\d+),(\d+)\])\],\"refused\":\[(.*?)\]"
    rb"(?:,\"wait_s\":(\d+))?\}" % PREFIX.encode()
)
_BETWEEN = b'/acked\x00{"epoch":0,"acked":'
_SAYS_MORE = (b'"ahead":[[', b'"refused":[[', b'"wait_s"')
_DIGITS = 6

Whole = NDArray[np.int64]


class Answers(NamedTuple):
    """One a message: int64[n] each, but ``refused``: how many numbers were refused in all.

    Beyond a gap everything from ``high_from`` to ``high`` is settled; without a gap ``high`` is ``acked``.
    """

    device: Whole
    acked: Whole
    high_from: Whole
    high: Whole
    wait_s: Whole
    refused: int


def read_answers(stream: bytes) -> tuple[Answers, bytes]:
    """Read what is whole; returns it, and what is left of the stream."""
    end = stream.rfind(b"}") + 1
    whole, rest = stream[:end], stream[end:]
    if not any(words in whole for words in _SAYS_MORE):
        pieces = whole.split(_BETWEEN)
        device = _whole([piece[-_DIGITS:] for piece in pieces[:-1]])
        acked = _whole([piece[: piece.index(b",")] for piece in pieces[1:]])
        nothing = np.zeros_like(acked)
        return Answers(device, acked, nothing, acked, nothing, 0), rest
    found = _ACKED.findall(whole)
    device, acked, low, high, wait_s = (_whole([row[k] for row in found]) for k in (0, 1, 2, 3, 5))
    refused = sum(row[4].count(b'"') // 2 for row in found)
    return Answers(device, acked, low, np.maximum(acked, high), wait_s, refused), rest


def _whole(texts: list[bytes]) -> Whole:
    """Numbers in ASCII; nothing is 0."""
    return np.array([int(text or 0) for text in texts], np.int64)
