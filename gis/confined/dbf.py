"""In which encoding a Shapefile's attributes are: its ``.dbf`` seldom says so truly."""

from __future__ import annotations

import codecs
import struct
from pathlib import Path

from gis.confined.raw import Refused

# Enough text to tell: more rows would only cost time.
MOST_SAMPLED = 2_000_000
_CODE_PAGES = {0x4D: "gb18030", 0x4E: "cp949", 0x4F: "cp950", 0x7A: "gb18030", 0x57: "cp1252", 0x03: "cp1252"}


def declared_encoding(shapefile: Path) -> str:
    """What the ``.cpg`` beside it, or the language byte of the ``.dbf``, says; empty if nothing or nonsense."""
    side = shapefile.with_suffix(".cpg")
    if side.is_file():
        name = side.read_bytes()[:64].decode("ascii", "ignore").strip().lower()
        number = name.removeprefix("ansi ").removeprefix("cp").strip()
        aliases = {"936": "gb18030", "54936": "gb18030", "65001": "utf-8", "1252": "cp1252", "oem": ""}
        return known_encoding(aliases.get(number, name))
    table = shapefile.with_suffix(".dbf")
    if table.is_file():
        with table.open("rb") as file:
            head = file.read(32)
        if len(head) == 32:
            return _CODE_PAGES.get(head[29], "")
    return ""


def known_encoding(name: str) -> str:
    """Python's name of an encoding; GBK and GB 2312 become GB 18030, which has them both. Empty: unknown."""
    try:
        found = codecs.lookup(name).name if name else ""
    except (LookupError, ValueError):
        return ""
    return "gb18030" if found in ("gbk", "gb2312") else found


def guess_encoding(shapefile: Path) -> str:
    """Encoding that the bytes of the attributes are in: ``utf-8``, ``gb18030``, or ``cp1252`` as the last resort.

    Empty where every encoding gives the same text.

    Raises
    ------
    Refused
        The ``.dbf`` contradicts itself.
    """
    table = shapefile.with_suffix(".dbf")
    if not table.is_file():
        return ""
    texts = [text for text in _texts(table) if not text.isascii()]
    if not texts:
        return ""
    for encoding in ("utf-8", "gb18030"):
        fitting = sum(_decodes(text, encoding) for text in texts)
        # A few broken values do not speak against the rest.
        if fitting >= 0.98 * len(texts):
            return encoding
    return "cp1252"


def _decodes(text: bytes, encoding: str) -> bool:
    """Whether the bytes are text; a character cut off by the width of the column does not count against it."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(text)
    except UnicodeDecodeError:
        return False
    return True


def _texts(table: Path) -> list[bytes]:
    """Names and values of the text columns, as they lie there (dBASE III)."""
    with table.open("rb") as file:
        head = file.read(32)
        if len(head) < 32:
            raise Refused("broken_file", part=".dbf")
        count, header_length, record_length = struct.unpack_from("<IHH", head, 4)
        if header_length < 33 or not record_length:
            raise Refused("broken_file", part=".dbf")
        columns = file.read(header_length - 32)
        content = file.read(min(count * record_length, MOST_SAMPLED))
    texts: list[bytes] = []
    spans: list[tuple[int, int]] = []
    at = 1
    for start in range(0, len(columns) - 31, 32):
        if columns[start] == 0x0D:
            break
        texts.append(columns[start : start + 11].split(b"\0")[0])
        width = columns[start + 16]
        if columns[start + 11] == ord("C"):
            spans.append((at, at + width))
        at += width
    for start in range(0, len(content) - record_length + 1, record_length):
        record = content[start : start + record_length]
        texts.extend(record[a:b].rstrip(b" \0") for a, b in spans)
    return texts
