"""Recorded times in the many ways files write them, to microseconds. Only differences matter to a replay."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from devices.replay.words import Said, TrackFileError, gettext_noop

NO_TIME = np.iinfo(np.int64).min
"""Stands where a row has no readable time."""

UNITS_US = {"s": 1_000_000.0, "ms": 1_000.0, "us": 1.0, "ns": 0.001}
LATEST_US = 253_402_300_800_000_000
"""Year 10000: beyond is no time but rubbish."""

FORMATS = (
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%Y%m%d%H%M%S",
    "%Y年%m月%d日 %H:%M:%S",
)


def parse_times(values: pd.Series, unit: str | None = None, form: str | None = None) -> tuple[NDArray[np.int64], Said]:
    """Read a column of times.

    Parameters
    ----------
    values : Series
        Numbers, text, or times, as the file had them.
    unit : str, optional
        "s", "ms", "us" or "ns" of numbers since some beginning; guessed from their size when None.
    form : str, optional
        strptime format of text; guessed when None.

    Returns
    -------
    (n,) int64
        Microseconds since 1970 (or since the recording's own beginning); ``NO_TIME`` where there is none.
    Said
        How the times were understood.

    Raises
    ------
    TrackFileError
        No reading fits, or two fit equally well (day and month).
    """
    if isinstance(values.dtype, pd.DatetimeTZDtype) or np.issubdtype(np.asarray(values).dtype, np.datetime64):
        return _microseconds(pd.to_datetime(values, utc=True)), Said(gettext_noop("日期时间"))
    if form is not None:
        return _microseconds(_by_format(values, form)), Said(gettext_noop("格式 %(form)s"), form=form)
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    present = int((~_blank(values)).sum())
    if present == 0:
        raise TrackFileError(gettext_noop("时间列是空的"))
    if np.isfinite(numbers).sum() * 2 > present:
        return _from_numbers(numbers, unit)
    return _from_text(values, present)


def _from_numbers(numbers: NDArray[np.float64], unit: str | None) -> tuple[NDArray[np.int64], Said]:
    typical = float(np.median(np.abs(numbers[np.isfinite(numbers)])))
    if unit is None and 1.9e13 <= typical < 2.1e13:
        text = pd.Series([f"{n:.0f}" if np.isfinite(n) else None for n in numbers], dtype=object)
        return _microseconds(_by_format(text, "%Y%m%d%H%M%S")), Said(
            gettext_noop("格式 %(form)s"), form="YYYYmmddHHMMSS"
        )
    # The four units are a thousand apart, and times since 1970 of this century fall into one each.
    unit = unit or ("s" if typical < 1e11 else "ms" if typical < 1e14 else "us" if typical < 1e17 else "ns")
    scaled = numbers * UNITS_US[unit]
    good = np.isfinite(scaled) & (np.abs(scaled) < LATEST_US)
    out = np.full(len(numbers), NO_TIME)
    out[good] = np.round(scaled[good]).astype(np.int64)
    return out, Said(gettext_noop("数字，单位 %(unit)s"), unit=unit)


def _from_text(values: pd.Series, present: int) -> tuple[NDArray[np.int64], Said]:
    text = values.astype("string").str.strip()
    iso = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    if int(iso.notna().sum()) == present:
        return _microseconds(iso), Said(gettext_noop("格式 %(form)s"), form="ISO 8601")
    found = {"ISO 8601": iso} | {form: _by_format(text, form) for form in FORMATS}
    counts = {name: int(times.notna().sum()) for name, times in found.items()}
    most = max(counts.values())
    best = [name for name, count in counts.items() if count == most]
    if most * 2 <= present:
        example = next(str(v) for v, empty in zip(values, _blank(values), strict=True) if not empty)
        raise TrackFileError(
            gettext_noop("读不懂时间 %(example)r；请用 --time-format 给出格式，例如 %%d/%%m/%%Y %%H:%%M"),
            example=example[:40],
        )
    if any(not found[name].equals(found[best[0]]) for name in best[1:]):
        raise TrackFileError(
            gettext_noop("时间可以有几种读法（%(forms)s）；请用 --time-format 指定一种"), forms="、".join(best)
        )
    return _microseconds(found[best[0]]), Said(gettext_noop("格式 %(form)s"), form=best[0])


def _by_format(values: pd.Series, form: str) -> pd.Series:
    text = values.astype("string").str.strip()
    try:
        return pd.to_datetime(text, format=form, utc=True, errors="coerce")
    except ValueError as error:
        raise TrackFileError(
            gettext_noop("--time-format %(form)r 不是时间格式：%(error)s"), form=form, error=error
        ) from error


def _blank(values: pd.Series) -> NDArray[np.bool_]:
    return (values.isna() | (values.astype("string").str.strip().fillna("") == "")).to_numpy(bool)


def _microseconds(times: pd.Series) -> NDArray[np.int64]:
    naive = times.dt.tz_convert(None).to_numpy("datetime64[us]")
    return np.where(np.isnat(naive), NO_TIME, naive.astype(np.int64))
