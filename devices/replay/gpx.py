"""GPX 1.0 and 1.1 (topografix.com/GPX/1/1): the track points with their times.

Read with expat itself, so that entities and document types (billion laughs, files pulled in) can be refused outright.
"""

from __future__ import annotations

from typing import Any
from xml.parsers import expat  # entities are refused below

import pandas as pd

from devices.replay.words import TrackFileError, gettext_noop

DEPTH = 64
LEAVES = {"time": "time", "ele": "alt", "speed": "speed", "course": "heading"}
COLUMNS = ("time", "lon", "lat", "id", "alt", "speed", "heading")


class _Reader:
    """Collects track points; ``ele`` in metres, ``speed`` in m/s and ``course`` in degrees, as GPX defines them."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self._open: list[str] = []
        self._text: list[str] = []
        self._point: dict[str, Any] | None = None
        self._tracks = 0
        self._name = ""
        self._first = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rsplit(":", 1)[-1]
        if not self._open and name != "gpx":
            raise TrackFileError(gettext_noop("XML 文件不是 GPX"))
        if len(self._open) >= DEPTH:
            raise TrackFileError(gettext_noop("XML 嵌套太深"))
        self._open.append(name)
        self._text = []
        if name == "trk":
            self._tracks += 1
            self._name, self._first = "", len(self.rows)
        elif name == "trkpt":
            self._point = {"lon": attributes.get("lon"), "lat": attributes.get("lat")}

    def text(self, text: str) -> None:
        self._text.append(text)

    def end(self, _tag: str) -> None:
        name = self._open.pop()
        text = "".join(self._text).strip()
        self._text = []
        if name == "trkpt" and self._point is not None:
            self.rows.append(self._point)
            self._point = None
        elif self._point is not None and name in LEAVES and text:
            self._point[LEAVES[name]] = text
        elif name == "name" and self._open[-1:] == ["trk"]:
            self._name = text
        elif name == "trk":
            for row in self.rows[self._first :]:
                row["id"] = self._name or f"track-{self._tracks}"


def read_gpx(content: bytes) -> pd.DataFrame:
    """Track points of a GPX file, a row each; columns time, lon, lat, id, alt (m), speed (m/s), heading (deg).

    Raises
    ------
    TrackFileError
        It is no well-formed GPX, or declares entities.
    """
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_args: Any) -> None:
        raise TrackFileError(gettext_noop("GPX 里不允许 DOCTYPE 和实体声明"))

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise TrackFileError(gettext_noop("XML 读不懂：%(error)s"), error=error) from error
    if not reader.rows:
        raise TrackFileError(gettext_noop("GPX 里没有轨迹点（trkpt）"))
    return pd.DataFrame(reader.rows, columns=list(COLUMNS))
