"""Answers as files: a workbook with a sheet for each layer, GeoJSON."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.exchange.tables import sheet_row
from layers.asking.answers import Answer
from layers.contract import MapLayer

_TITLES = {
    "code": gettext_lazy("编号"),
    "name": gettext_lazy("名称"),
    "owner": gettext_lazy("所属单位"),
    "state": gettext_lazy("状态"),
    "time": gettext_lazy("时间"),
    "direction": gettext_lazy("方向"),
}
_NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\]")
_LONGEST_SHEET_NAME = 31


def column_title(layer: MapLayer, name: str) -> str:
    """What people call a column: as on the layer's card, else as every thing has it, else its own name."""
    for entry in layer.card:
        if entry.field == name:
            unit = str(entry.unit)
            return f"{entry.title}（{unit}）" if unit else str(entry.title)
    return str(_TITLES.get(name, name))


def said(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, datetime):
        return timezone.localtime(value).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def workbook(answers: Sequence[Answer]) -> bytes:
    """An XLSX workbook: how many of each layer first, then a sheet for each that has any."""
    from openpyxl import Workbook  # here, since few processes ever meet a workbook

    book = Workbook(write_only=True)
    first = book.create_sheet(_("汇总"))
    lines: list[list[Any]] = [[_("图层"), _("数量")], *([str(each.layer.title), each.total] for each in answers)]
    for line in lines:
        first.append(sheet_row(line))
    taken = {_("汇总")}
    for each in answers:
        if not each.rows:
            continue
        sheet = book.create_sheet(_sheet_name(str(each.layer.title), taken))
        sheet.freeze_panes = "A2"
        away = [_("距离（米）")] if each.distance_m is not None else []
        sheet.append(
            sheet_row([*(column_title(each.layer, name) for name in each.columns), _("经度"), _("纬度"), *away])
        )
        for k, values in enumerate(each.rows):
            told = [said(value) for value in values]
            place = [float(each.lon[k]), float(each.lat[k])]
            metres = [round(float(each.distance_m[k]), 1)] if each.distance_m is not None else []
            sheet.append(sheet_row([*told, *place, *metres]))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _sheet_name(title: str, taken: set[str]) -> str:
    plain = _NOT_IN_SHEET_NAMES.sub(" ", title)[:_LONGEST_SHEET_NAME] or "-"
    name, number = plain, 2
    while name in taken:
        name = f"{plain[: _LONGEST_SHEET_NAME - 3]} {number}"
        number += 1
    taken.add(name)
    return name


def geojson(answers: Sequence[Answer]) -> bytes:
    """A GeoJSON FeatureCollection (RFC 7946) of points, degrees of WGS 84."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [float(each.lon[k]), float(each.lat[k])]},
            "properties": {
                "layer": each.layer.id,
                "id": int(each.ids[k]),
                **{name: said(value) for name, value in zip(each.columns, values, strict=True)},
                **({} if each.distance_m is None else {"distance_m": round(float(each.distance_m[k]), 1)}),
            },
        }
        for each in answers
        for k, values in enumerate(each.rows)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


Writer = Callable[[Sequence[Answer]], bytes]
WRITERS: Mapping[str, tuple[Writer, str]] = {
    "xlsx": (workbook, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "geojson": (geojson, "application/geo+json"),
}
