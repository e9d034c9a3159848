"""Search by name, code and pinyin, within somebody's scope.

Each web process keeps one long text a table: every row's spellings, one row after the other. Finding is a plain
substring search in it, which goes through 200,000 rows in some ten milliseconds and needs no index, no extension and
no column beside the data. Who may see what is asked of the database, for the rows found only.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from django.db import models
from django.db.models import QuerySet

from access.scope import Scope
from gis.notices import stamp_of
from layers.contract import MapLayer
from layers.pinyin import normalised, spellings
from layers.registry import registry
from layers.sources import LiveAssets, Rows
from twin.models import Area, Asset

_FIELD, _ROW = "\x1f", "\n"
_FIRST = 500
"""Most searches find what they need among as many."""
_REST = 19
"""Times as long as it took, a text is left alone."""


@dataclass(frozen=True)
class Table:
    """A table that is searched.

    Attributes
    ----------
    key : str
        ``asset``, ``area``, or the id of the map layer that shows the rows.
    model : type
        With ``scope_paths``.
    fields : tuple of str
        Lookups whose text is searched.
    topics : tuple of str
        Topics whose change makes the text out of date.
    where : tuple of (str, value)
        Only these rows.
    """

    key: str
    model: type[models.Model]
    fields: tuple[str, ...]
    topics: tuple[str, ...]
    where: tuple[tuple[str, str | int | bool], ...] = ()

    def rows(self) -> QuerySet:
        """The rows that can be found at all."""
        return self.model._default_manager.filter(**dict(self.where))

    def within(self, scope: Scope) -> QuerySet:
        """Those inside a scope."""
        return self.rows().within(scope)  # type: ignore[attr-defined]


class Text:
    """Spellings of many rows as one text; immutable."""

    def __init__(self, rows: Sequence[tuple]) -> None:
        """``rows``: key, then texts (or None)."""
        self._keys = [row[0] for row in rows]
        lines = [_line(row[1:]) for row in rows]
        self._starts = []
        at = 0
        for line in lines:
            self._starts.append(at)
            at += len(line)
        self._text = "".join(lines)

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, query: str) -> Iterator[int]:
        """Keys of rows that hold ``query``, each once: those that equal it, those that begin with it, the others."""
        wanted = normalised(query)
        if not wanted or wanted not in self._text:
            return
        seen: set[int] = set()
        for needle in (f"{_FIELD}{wanted}{_FIELD}", f"{_FIELD}{wanted}", wanted):
            for row in self._rows_with(needle):
                if row not in seen:
                    seen.add(row)
                    yield self._keys[row]

    def _rows_with(self, needle: str) -> Iterator[int]:
        at = self._text.find(needle)
        while at >= 0:
            row = bisect_right(self._starts, at) - 1
            yield row
            if row + 1 == len(self._starts):
                return
            at = self._text.find(needle, self._starts[row + 1])


def _line(texts: Sequence[str | None]) -> str:
    ways = (way for text in texts if text for way in spellings(text))
    return f"{_FIELD}{_FIELD.join(ways)}{_FIELD}{_ROW}"


class TableIndex:
    """The text of one table, made anew when a topic of it has changed.

    Making it takes a moment for a large table (a second or two for 200,000 rows), so it may take a twentieth of the
    time at most: while such a table changes all the time, a search may not know the changes of the last half minute.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self._making = threading.Lock()
        self._version = -1
        self._text = Text([])
        self._not_before = 0.0

    def text(self) -> Text:
        """The text as of now; while somebody else makes it anew, the one before."""
        version = stamp_of(self.table.topics)
        if version != self._version and time.monotonic() >= self._not_before:
            first = self._version < 0
            if self._making.acquire(blocking=first):
                try:
                    if version != self._version:
                        self._make(version)
                finally:
                    self._making.release()
        return self._text

    def _make(self, version: int) -> None:
        began = time.monotonic()
        rows = self.table.rows().order_by("pk").values_list("pk", *self.table.fields)
        self._text = Text(list(rows.iterator(chunk_size=10_000)))
        self._version = version
        ended = time.monotonic()
        self._not_before = ended + (ended - began) * _REST

    def find(self, query: str, scope: Scope, most: int) -> list[int]:
        """Keys of at most ``most`` rows inside the scope, best first."""
        if scope.empty:
            return []
        candidates = self.text().find(query)
        first = list(islice(candidates, _FIRST))
        rows = self.table.within(scope)
        seen = set(rows.filter(pk__in=first).values_list("pk", flat=True)) if first else set()
        found = [key for key in first if key in seen]
        if len(found) < most and len(first) == _FIRST:
            # A common word in a small scope: what the scope holds is less than what the word finds.
            inside = set(rows.order_by().values_list("pk", flat=True))
            found += islice((key for key in candidates if key in inside), most - len(found))
        return found[:most]


@cache
def indexes() -> dict[str, TableIndex]:
    """This process's indexes: of assets, of areas, and of the rows of map layers that say so."""
    return {table.key: TableIndex(table) for table in searched_tables(registry.map_layers())}


def searched_tables(layers: Sequence[MapLayer]) -> list[Table]:
    """What is searched, given the map layers there are."""
    of_assets = [name for layer in layers if isinstance(layer.source, LiveAssets) for name in layer.search]
    asset_fields = tuple(dict.fromkeys(("code", "name", *of_assets)))
    return [
        Table("asset", Asset, asset_fields, ("assets", "organizations"), (("active", True),)),
        Table("area", Area, ("name",), ("areas",), (("active", True),)),
        *(
            Table(layer.id, layer.source.model, layer.search, layer.source.topics, layer.source.where)
            for layer in layers
            if isinstance(layer.source, Rows) and layer.search
        ),
    ]
