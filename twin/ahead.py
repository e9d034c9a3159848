"""Reading the next piece while the one before is worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from typing import TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


def ahead(asked: Sequence[Asked], read: Callable[[Asked], Answer]) -> Iterator[tuple[Asked, Answer]]:
    """Each with what is read of it, the next one being read meanwhile: PostgreSQL works while this process does."""
    with ThreadPoolExecutor(1) as reader:
        coming = None
        for now, after in zip_longest(asked, asked[1:]):
            answer = (coming or reader.submit(read, now)).result()
            coming = None if after is None else reader.submit(read, after)
            yield now, answer
