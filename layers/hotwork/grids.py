"""动火作业风险网格: where hot work is risky by what is there, how well it is in hand, and both together.

Inherent (本底): machines near by (a working one counts five times an idle one), key areas, and the alerts of the last
seven days by grade, summed and brought onto 0..100.

Control (管控): of what is near, the share of alerts somebody has taken up, of firms whose licence is valid, of machines
whose welder's certificate is valid; their mean, 0..100.

Composite (综合): a full control halves the inherent risk, none leaves it; an unknown control counts as none.

The weights are a starting point set by judgement, not fitted to accidents; they are here and nowhere else.
"""

from __future__ import annotations

import warnings
from datetime import datetime, timedelta

import numpy as np
import shapely
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from command.lifecycle import AlertState
from command.models import Alert
from gis.grids.grading import Thresholds
from gis.grids.lattice import SquareGrid
from gis.grids.spread import Combine, Decay, Floats, Sources, Spread
from gis.models import Region
from layers.contract import Factor, Index, RiskGrid
from layers.contract.grid import Values
from layers.hotwork.maplayers import GROUP
from layers.hotwork.models import HotworkFirm, Machine
from twin.kinds import Status
from twin.models import Area

HEARD_WITHIN = timedelta(days=1)
ALERTS_OF = timedelta(days=7)
HANDLED_OF = timedelta(days=30)
IDLE_WEIGHT = 0.2
GRADE_WEIGHTS = {1: 1.0, 2: 0.75, 3: 0.5, 4: 0.25}
PLACE_DIGITS = 4
"""Some ten metres: a machine at work that trembles is not a changed source."""
MACHINE_PART, AREA_PART, ALERT_PART = 0.10, 0.60, 0.30
CONTROL_FACTORS = ("handled", "licensed", "certified")
RELIEF = 0.5


def machines(city: Region, now: datetime) -> Sources:
    """Machines heard of within a day, where they are."""
    rows = Machine.objects.filter(asset__active=True, asset__state__ts__gte=now - HEARD_WITHIN)
    columns = rows.values_list("pk", "asset__state__lon", "asset__state__lat", "asset__state__status")
    found = [
        (pk, lon, lat, IDLE_WEIGHT if status in (Status.IDLE, Status.OFF) else 1.0) for pk, lon, lat, status in columns
    ]
    return _points(found)


def key_areas(city: Region, now: datetime) -> Sources:
    """Key areas in use."""
    rows = Area.objects.filter(kind=Area.Kind.KEY_AREA, active=True, boundary__bboverlaps=city.boundary)
    found = [(pk, bytes(boundary.wkb)) for pk, boundary in rows.values_list("pk", "boundary")]
    keys, shapes = [pk for pk, _wkb in found], [wkb for _pk, wkb in found]
    return Sources.shapes(keys, shapely.from_wkb(np.array(shapes, object)), np.ones(len(keys)))


def alerts(city: Region, now: datetime) -> Sources:
    """This module's alerts of the last seven days, by grade."""
    rows = _alerts(now - ALERTS_OF).values_list("pk", "lon", "lat", "grade")
    return _points([(pk, lon, lat, GRADE_WEIGHTS.get(grade, 0.0)) for pk, lon, lat, grade in rows])


def handled(city: Region, now: datetime) -> Sources:
    """Alerts of the last thirty days: 1 where somebody has taken it up, else 0."""
    rows = _alerts(now - HANDLED_OF).values_list("pk", "lon", "lat", "state")
    return _points([(pk, lon, lat, float(state != AlertState.RAISED)) for pk, lon, lat, state in rows])


def licensed(city: Region, now: datetime) -> Sources:
    """Firms with a place: 1 where the licence is valid today, else 0."""
    rows = HotworkFirm.objects.filter(place__isnull=False).values_list("pk", "place", "licence_valid_to")
    today = now.date()
    found = [(pk, at, float(until is not None and until >= today)) for pk, at, until in rows]
    return _points([(pk, at.x, at.y, weight) for pk, at, weight in found if at is not None])


def certified(city: Region, now: datetime) -> Sources:
    """Machines heard of within a day: 1 where the welder on duty has a valid certificate, else 0."""
    rows = Machine.objects.filter(asset__active=True, asset__state__ts__gte=now - HEARD_WITHIN)
    columns = rows.values_list("pk", "asset__state__lon", "asset__state__lat", "welder__valid_from", "welder__valid_to")
    today = now.date()
    return _points(
        [(pk, lon, lat, float(since is not None and since <= today <= until)) for pk, lon, lat, since, until in columns]
    )


def inherent(values: Values) -> Floats:
    """``100 (1 - exp(-x))`` of the weighted sum; NaN where there is nothing at all."""
    x = MACHINE_PART * values["machines"] + AREA_PART * values["key_areas"] + ALERT_PART * values["alerts"]
    return np.where(x > 0, -100 * np.expm1(-x), np.nan)


def control(values: Values) -> Floats:
    """Mean of the shares that are known, in per cent; NaN where none is."""
    shares = np.stack([values[name] for name in CONTROL_FACTORS])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing is NaN, as it should be
        return 100 * np.nanmean(shares, axis=0)


def composite(values: Values) -> Floats:
    """Inherent risk, relieved by as much as it is under control."""
    return values["inherent"] * (1 - RELIEF * np.nan_to_num(values["control"]) / 100)


def _alerts(since: datetime):  # type: ignore[no-untyped-def]
    placed = Q(lon__isnull=False, lat__isnull=False)
    return Alert.objects.filter(placed, rule__startswith="hotwork.", raised_at__gte=since)


def _points(rows: list[tuple[int, float, float, float]]) -> Sources:
    columns = np.array(rows, float).reshape(-1, 4)
    keys = np.array([row[0] for row in rows], np.int64)
    return Sources.points(keys, columns[:, 1].round(PLACE_DIGITS), columns[:, 2].round(PLACE_DIGITS), columns[:, 3])


_NEAR = Spread(1_000)
_SHARE_NEAR = Spread(2_000, Decay.LINEAR, Combine.MEAN)

RISK = RiskGrid(
    id="hotwork.risk",
    title=_("动火风险网格"),
    group=GROUP,
    grid=SquareGrid(500),
    factors=(
        Factor("machines", _("周边焊机（作业 1，待机 0.2）"), _NEAR, machines),
        Factor("key_areas", _("周边重点区域"), Spread(500, Decay.LINEAR), key_areas),
        Factor("alerts", _("近 7 天预警（按等级）"), _NEAR, alerts),
        Factor("handled", _("近 30 天预警已受理比例"), _SHARE_NEAR, handled),
        Factor("licensed", _("许可证有效比例"), _SHARE_NEAR, licensed),
        Factor("certified", _("焊工持证有效比例"), _SHARE_NEAR, certified),
    ),
    inherent=Index(inherent, Thresholds(yellow=20, orange=40, red=60)),
    control=Index(control, Thresholds(yellow=80, orange=60, red=40)),
    composite=Index(composite, Thresholds(yellow=15, orange=30, red=50)),
)
