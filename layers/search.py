"""Search by name, code and pinyin, within somebody's scope.

Each web process keeps one long text a table: every row's spellings, one row after the other. Finding is a plain
substring search in it, which goes through 200,000 rows in some ten milliseconds and needs no index, no extension and
no column beside the data. Who may see what is asked of the database, for the rows found only.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import BigIntegerField, Func, QuerySet, Value

from access.scope import Scope
from gis.notices import stamp_of
from layers.contract import MapLayer
from layers.pinyin import normalised, spellings
from layers.registry import registry
from layers.sources import LiveAssets, Rows
from twin.models import Area, Asset

_FIELD, _ROW = "\x1f", "\n"
# Most searches find what they need among the first; a common word in a small scope goes through everything.
_CHUNKS = (200, 5_000)


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
    """The text of one table, made anew when a topic of it has changed."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._lock = threading.Lock()
        self._version = -1
        self._text = Text([])

    def text(self) -> Text:
        """The text as of now."""
        version = stamp_of(self.table.topics)
        if version != self._version:
            with self._lock:
                if version != self._version:
                    rows = self.table.rows().order_by("pk").values_list("pk", *self.table.fields)
                    self._text = Text(list(rows.iterator(chunk_size=10_000)))
                    self._version = version
        return self._text

    def find(self, query: str, scope: Scope, most: int) -> list[int]:
        """Keys of at most ``most`` rows inside the scope, best first."""
        if scope.empty:
            return []
        candidates = self.text().find(query)
        found: list[int] = []
        for size in (*_CHUNKS, len(self._text)):
            chunk = list(islice(candidates, size))
            if not chunk:
                break
            seen = set(_among(self.table.within(scope), chunk).values_list("pk", flat=True))
            found += [key for key in chunk if key in seen]
            if len(found) >= most:
                break
        return found[:most]


def _among(rows: QuerySet, keys: list[int]) -> QuerySet:
    """The rows with these keys; one array, however many there are."""
    return rows.filter(
        pk=Func(Value(keys, ArrayField(BigIntegerField())), function="ANY", output_field=BigIntegerField())
    )


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
