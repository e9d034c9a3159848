"""Facts for rules, by the subject: one dict each, with what is not plain."""

from __future__ import annotations

import numpy as np

from command.rules import Areas, Facts
from twin.kinds import Status

NOW_US = 1_700_000_000_000_000
SECOND_US = 1_000_000


def facts(*subjects: dict, kind: int, areas: dict | None = None, **attributes: dict) -> Facts:
    """Subjects ``{"asset", "status", "region", "time_s", "lon", "lat", "still_s", "inside": {area: since_s}}``.

    Times are seconds from :data:`NOW_US`. ``areas``: key to {"kind", "in_force"}. ``attributes``: name to
    {asset or area: value}; a name that begins with ``area_`` speaks of areas; ``__`` stands for the dot.
    """
    areas = areas or {}
    ids = np.array(sorted(areas), np.int64)
    said = {name.removeprefix("area_").replace("__", "."): values for name, values in attributes.items()}
    of_areas = {n.removeprefix("area_").replace("__", ".") for n in attributes if n.startswith("area_")}
    pairs = [(row, area, since) for row, s in enumerate(subjects) for area, since in s.get("inside", {}).items()]
    none = np.zeros(len(ids), np.int64)
    column = {name: [s.get(name, default) for s in subjects] for name, default in _PLAIN.items()}
    force = np.array([areas[i].get("in_force", True) for i in ids.tolist()], bool)
    at = np.searchsorted(ids, np.array([area for _row, area, _since in pairs], np.int64))
    return Facts(
        now_us=NOW_US,
        asset=np.array([s.get("asset", i + 1) for i, s in enumerate(subjects)], np.int64),
        kind=np.full(len(subjects), kind, np.uint8),
        owner=np.zeros(len(subjects), np.int64),
        region=np.array(column["region"], np.int64),
        time_us=_time(column["time_s"]),
        lon=np.array(column["lon"], float),
        lat=np.array(column["lat"], float),
        alt_m=np.full(len(subjects), np.nan, np.float32),
        speed_m_s=np.full(len(subjects), np.nan, np.float32),
        status=np.array(column["status"], np.int16),
        still_since_us=_time(column["still_s"]),
        attrs_json=[""] * len(subjects),
        inside_row=np.array([row for row, _area, _since in pairs], np.int64),
        inside_at=at.astype(np.int64),
        inside_since_us=_time([since for _row, _area, since in pairs]),
        inside_in_force=force[at] if len(pairs) else np.zeros(0, bool),
        crossed_row=np.zeros(0, np.int64),
        crossed_at=np.zeros(0, np.int64),
        crossed_entered=np.zeros(0, bool),
        crossed_in_force=np.zeros(0, bool),
        areas=Areas(
            ids, np.array([areas[i]["kind"] for i in ids.tolist()], object), none + 1, none, none, force,
            np.full(len(ids), np.nan), np.full(len(ids), np.nan),
            {name: said[name] for name in of_areas},
        ),
        events=[s["event"] for s in subjects if "event" in s],
        attributes={name: values for name, values in said.items() if name not in of_areas},
    )  # fmt: skip


def causes(verdicts) -> set[tuple[int, int]]:
    """(row, area) of every cause."""
    return set(zip(verdicts.row.tolist(), verdicts.area.tolist(), strict=True))


def _time(seconds) -> np.ndarray:
    return np.array([NOW_US + round(s * SECOND_US) for s in seconds], np.int64)


_PLAIN = {"region": 0, "time_s": 0.0, "lon": 121.5, "lat": 31.2, "status": Status.WORKING, "still_s": 0.0}
