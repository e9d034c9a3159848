"""Track files of several formats, as tables of columns. The content decides which format it is, not the name."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from devices.replay.geojson import geojson_rows
from devices.replay.gpx import read_gpx
from devices.replay.words import TrackFileError, gettext_noop

MOST_BYTES = 512 * 1024 * 1024
"""Of a file, unpacked."""
MOST_ROWS = 10_000_000
GEOMETRY_ROLES = ("lon", "lat", "time", "alt", "id")
DELIMITERS = ",;\t|"
SUPPORTED = "CSV、GPX、GeoJSON（含 MF-JSON）、JSON、JSON Lines、GeoParquet，均可 .gz"


@dataclass
class Table:
    """A file as columns.

    Attributes
    ----------
    frame : DataFrame
        One row a position.
    roles : dict
        Role to column, where the format itself says which is which.
    refused : Counter
        Rows that did not make it into the frame, by reason.
    """

    frame: pd.DataFrame
    roles: dict[str, str] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)


def read_table(path: Path) -> Table:
    """Read a file of any supported format.

    Raises
    ------
    TrackFileError
        It cannot be read, is too large, or is of another format.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise TrackFileError(gettext_noop("打不开 %(path)s：%(error)s"), path=path, error=error.strerror) from error
    if content[:2] == b"\x1f\x8b":
        content = _unpack(content)
    if len(content) > MOST_BYTES:
        raise TrackFileError(gettext_noop("文件太大：展开后超过 %(mb)d MB"), mb=MOST_BYTES // 2**20)
    table = _read(content, path)
    if not len(table.frame):
        raise TrackFileError(gettext_noop("文件里没有位置"))
    if len(table.frame) > MOST_ROWS:
        raise TrackFileError(gettext_noop("行数太多：%(rows)d，最多 %(most)d"), rows=len(table.frame), most=MOST_ROWS)
    return table


def _read(content: bytes, path: Path) -> Table:
    if content[:4] == b"PAR1":
        return _read_parquet(content)
    if content[:4] in (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff") or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        content = _decoded(content, "utf-16").encode()
    start = content[:2000].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start:
        raise TrackFileError(gettext_noop("文件是空的"))
    if start[:1] == b"<":
        return Table(
            read_gpx(content), {role: role for role in ("time", "lon", "lat", "id", "alt", "speed", "heading")}
        )
    if start[:1] in (b"{", b"["):
        return _read_json(content)
    if b"\0" in content[:4096] or start[:6] in (b"!AIVDM", b"!AIVDO") or start[:1] in (b"$", b"!"):
        raise TrackFileError(gettext_noop("不支持这种文件（%(name)s）；支持：%(list)s"), name=path.name, list=SUPPORTED)
    return _read_csv(content)


def _unpack(content: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(content)) as file:
            return file.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise TrackFileError(gettext_noop("压缩文件损坏：%(error)s"), error=error) from error


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise TrackFileError(gettext_noop("文字编码读不懂：%(error)s"), error=error) from error


def _read_csv(content: bytes) -> Table:
    content = content.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        # Chinese spreadsheets still save in the national encoding.
        content = _decoded(content, "gb18030").encode()
    heading = content.split(b"\n", 1)[0].decode().strip()
    delimiter = max(DELIMITERS, key=heading.count)
    names = [name.strip() for name in next(csv.reader([heading], delimiter=delimiter), [])]
    if len(names) < 2:
        raise TrackFileError(gettext_noop("不像一个带列名的表；支持：%(list)s"), list=SUPPORTED)
    if any(_is_number(name) for name in names):
        raise TrackFileError(gettext_noop("第一行不是列名：%(line)s"), line=heading[:100])
    if doubled := [name for name, count in Counter(names).items() if count > 1]:
        raise TrackFileError(gettext_noop("列名重复：%(names)s"), names="、".join(doubled))
    refused: Counter[str] = Counter()

    def on_broken(_row: Any) -> str:
        refused["broken_row"] += 1
        return "skip"

    try:
        table = arrow_csv.read_csv(
            io.BytesIO(content),
            read_options=arrow_csv.ReadOptions(column_names=names, skip_rows=1, use_threads=False),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, invalid_row_handler=on_broken),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )
    except pa.ArrowInvalid as error:
        raise TrackFileError(gettext_noop("表格读不下去：%(error)s"), error=str(error)[:200]) from error
    return Table(table.to_pandas(), refused=refused)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_json(content: bytes) -> Table:
    text = _decoded(content, "utf-8-sig")
    try:
        document = json.loads(text)
    except RecursionError as error:
        raise TrackFileError(gettext_noop("JSON 嵌套太深")) from error
    except ValueError as error:
        document = _json_lines(text)
        if document is None:
            raise TrackFileError(gettext_noop("JSON 读不懂：%(error)s"), error=error) from error
    if isinstance(document, dict) and "type" in document:
        rows, refused = geojson_rows(document)
        if not rows:
            raise TrackFileError(gettext_noop("GeoJSON 里没有带时间的点或线"))
        frame = pd.DataFrame(rows)
        return Table(frame, {role: f"@{role}" for role in GEOMETRY_ROLES if f"@{role}" in frame.columns}, refused)
    if not isinstance(document, list):
        raise TrackFileError(gettext_noop("JSON 应当是记录的列表或 GeoJSON"))
    records = [row for row in document if isinstance(row, dict)]
    broken = len(document) - len(records)
    refused = Counter({"broken_row": broken} if broken else {})
    return Table(pd.DataFrame(records), refused=refused)


def _json_lines(text: str) -> list[Any] | None:
    """Records of one line each; a broken line is a broken row, but the first has to be good."""
    rows: list[Any] = []
    for line in text.splitlines():
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError):
            if not rows:
                return None
            rows.append(None)
    return rows


def _read_parquet(content: bytes) -> Table:
    try:
        file = parquet.ParquetFile(pa.BufferReader(content))
        if file.metadata.num_rows > MOST_ROWS:
            raise TrackFileError(
                gettext_noop("行数太多：%(rows)d，最多 %(most)d"), rows=file.metadata.num_rows, most=MOST_ROWS
            )
        if b"geo" not in (file.schema_arrow.metadata or {}):
            return Table(file.read().to_pandas())
        import geopandas as gpd  # half a second that other formats need not wait for

        frame = gpd.read_parquet(io.BytesIO(content))
        geometry = frame.geometry if frame.crs is None else frame.geometry.to_crs(4326)
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, TrackFileError):
            raise
        raise TrackFileError(gettext_noop("Parquet 读不懂：%(error)s"), error=str(error)[:200]) from error
    if not (geometry.geom_type.dropna() == "Point").all():
        raise TrackFileError(gettext_noop("GeoParquet 里应当是点，一行一个位置"))
    plain = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    plain["@lon"], plain["@lat"] = geometry.x, geometry.y
    roles = {"lon": "@lon", "lat": "@lat"}
    if geometry.has_z.any():
        plain["@alt"] = geometry.apply(lambda p: p.z if p is not None and p.has_z else np.nan)
        roles["alt"] = "@alt"
    return Table(plain, roles)
