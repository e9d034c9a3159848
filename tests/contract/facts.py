"""Facts for rules, made by hand: what tests do not name has a plain value."""

from __future__ import annotations

import numpy as np

from command.facts import Areas, Facts

AREA_KINDS = ("fence", "key_area", "zone")
NOW_US = 1_760_000_000_000_000


class Nothing(dict):
    """Attributes of modules: every one is known, and nothing has it."""

    def __missing__(self, key):
        return {}


def areas_of(m, **columns):
    """``m`` areas with keys 1, 2, …, kinds in turn, all in force."""
    plain = {
        "id": np.arange(1, m + 1, dtype=np.int64),
        "kind": np.array([AREA_KINDS[i % 3] for i in range(m)], object),
        "version": np.ones(m, np.int64),
        "owner": np.zeros(m, np.int64),
        "region": np.zeros(m, np.int64),
        "in_force": np.ones(m, bool),
        "z_min_m": np.full(m, np.nan),
        "z_max_m": np.full(m, np.nan),
        "attributes": Nothing(),
    }
    return Areas(**{**plain, **columns})


def facts_of(n, areas=None, **columns):
    """``n`` assets with keys 1, 2, …, in no area."""
    none = np.zeros(0, np.int64)
    plain = {
        "now_us": NOW_US,
        "asset": np.arange(1, n + 1, dtype=np.int64),
        "kind": np.ones(n, np.uint8),
        "owner": np.zeros(n, np.int64),
        "region": np.zeros(n, np.int64),
        "time_us": np.full(n, NOW_US, np.int64),
        "lon": np.full(n, 121.5),
        "lat": np.full(n, 31.2),
        "alt_m": np.full(n, np.nan, np.float32),
        "speed_m_s": np.full(n, np.nan, np.float32),
        "status": np.zeros(n, np.int16),
        "still_since_us": np.full(n, NOW_US, np.int64),
        "attrs_json": [""] * n,
        "inside_row": none,
        "inside_at": none,
        "inside_since_us": none,
        "inside_in_force": none.astype(bool),
        "crossed_row": none,
        "crossed_at": none,
        "crossed_entered": none.astype(bool),
        "crossed_in_force": none.astype(bool),
        "areas": areas_of(6) if areas is None else areas,
        "attributes": Nothing(),
    }
    return Facts(**{**plain, **columns})


def random_facts(n, kinds, seed=7):
    """``n`` assets of the ``kinds`` (codes), here and there, in and out of areas, with and without what is unknown."""
    random = np.random.default_rng(seed)
    areas = areas_of(9, in_force=random.random(9) < 0.7)
    row, at = np.nonzero(random.random((n, 9)) < 0.3)

    def some_nan(values):
        return np.where(random.random(n) < 0.2, np.nan, values).astype(np.float32)

    pairs = len(row)
    return facts_of(
        n,
        areas=areas,
        kind=random.choice(np.array(kinds, np.uint8), n) if n else np.zeros(0, np.uint8),
        owner=random.integers(0, 4, n),
        lon=random.uniform(121.0, 122.0, n),
        lat=random.uniform(31.0, 31.5, n),
        alt_m=some_nan(random.uniform(-5, 500, n)),
        speed_m_s=some_nan(random.uniform(0, 60, n)),
        status=random.integers(0, 4, n).astype(np.int16),
        still_since_us=NOW_US - random.integers(0, 7200, n) * 1_000_000,
        inside_row=row.astype(np.int64),
        inside_at=at.astype(np.int64),
        inside_since_us=NOW_US - random.integers(0, 7200, pairs) * 1_000_000,
        inside_in_force=areas.in_force[at] if pairs else np.zeros(0, bool),
        crossed_row=row[::2].astype(np.int64),
        crossed_at=at[::2].astype(np.int64),
        crossed_entered=random.random(len(row[::2])) < 0.5,
        crossed_in_force=areas.in_force[at[::2]] if pairs else np.zeros(0, bool),
        events=[{"code": ("sos", "low_battery")[i % 2], "text": "", "attrs": {}} for i in range(n)],
    )
