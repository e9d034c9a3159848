"""The chain of a channel's segments: each link is made of the one before and of what the segment is. Pure.

A file that was changed, a row that was changed, removed or put elsewhere: each makes a link that does not fit. What was
deleted in time is named by number with the link that follows, so that the chain goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

FIRST = "sandtable recordings 1"


@dataclass(frozen=True)
class Entry:
    """A segment as far as it is proved; times in microseconds since 1970."""

    number: int
    starts_us: int
    ends_us: int
    codecs: str
    size_bytes: int
    sha256: str
    link: str = ""


@dataclass(frozen=True)
class Removed:
    """Segments that were deleted: their numbers, and the link of the last."""

    first: int
    last: int
    link: str


@dataclass(frozen=True)
class Fault:
    """Something that does not fit.

    ``what``: ``missing``, ``changed`` or ``order``; of files ``file_missing`` or ``file_changed``.
    """

    number: int
    what: str


def root(channel: str) -> str:
    """The link before a channel's first segment; ``channel`` names it for good."""
    return hashlib.sha256(f"{FIRST}\n{channel}".encode()).hexdigest()


def link(before: str, entry: Entry) -> str:
    """The link of a segment behind ``before``: SHA-256 of both, in hexadecimal."""
    words = (before, entry.number, entry.starts_us, entry.ends_us, entry.codecs, entry.size_bytes, entry.sha256)
    return hashlib.sha256("\n".join(map(str, words)).encode()).hexdigest()


def faults(channel: str, entries: Iterable[Entry | Removed]) -> Iterator[Fault]:
    """What does not fit in a channel's chain, by number; ``entries`` in the order of their numbers."""
    expected, before, ended_us = 1, root(channel), 0
    for entry in entries:
        first = entry.first if isinstance(entry, Removed) else entry.number
        last = entry.last if isinstance(entry, Removed) else entry.number
        if first != expected:
            # Behind a hole nothing is known of the link before: the one that follows is taken for true.
            yield Fault(expected, "missing")
            broken = True
        else:
            broken = False
        if isinstance(entry, Entry):
            if entry.starts_us < ended_us:
                yield Fault(entry.number, "order")
            if not broken and link(before, entry) != entry.link:
                yield Fault(entry.number, "changed")
            ended_us = max(ended_us, entry.ends_us)
        expected, before = last + 1, entry.link
