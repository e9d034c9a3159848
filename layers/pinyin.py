"""Chinese text as people type it: full pinyin and initials, without tones."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_CHINESE = re.compile("([\u3400-\u9fff\U00020000-\U0003ffff]+)")
_SPACE = re.compile(r"\s+")


def normalised(text: str) -> str:
    """Text as it is compared: one width, small letters, no spaces."""
    return _SPACE.sub("", unicodedata.normalize("NFKC", text).lower())


@lru_cache(20_000)
def _run(chinese: str) -> tuple[str, str]:
    # Its dictionaries are the dearest of all imports; most processes never spell a name.
    from pypinyin import lazy_pinyin

    syllables = lazy_pinyin(chinese)
    return "".join(syllables), "".join(syllable[:1] for syllable in syllables)


@lru_cache(100_000)
def spellings(text: str) -> tuple[str, ...]:
    """Ways to find ``text``: itself, its full pinyin, its initials; other letters and digits stay where they are.

    >>> spellings("焊机 W-1")
    ('焊机w-1', 'hanjiw-1', 'hjw-1')
    """
    plain = normalised(text)
    pieces = _CHINESE.split(plain)
    if len(pieces) == 1:
        return (plain,)
    runs = [_run(piece) if i % 2 else (piece, piece) for i, piece in enumerate(pieces)]
    return tuple(dict.fromkeys((plain, *("".join(way) for way in zip(*runs, strict=True)))))
