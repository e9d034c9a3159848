"""Files of areas become drafts (导入): read, placed, looked at, and taken row by row; what is refused says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import shapely
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext
from shapely.geometry.base import BaseGeometry

from access.models import User
from access.roles import Permission
from access.scope import scope_of
from command.plan.drafts import Wanted, make_draft
from command.plan.exceptions import DraftFaultError, PlanError
from command.plan.shapes import shape_fault, write_shape
from gis.formats import Reading, read_features
from gis.models import Region
from gis.plausibility import Verdict, check_shapes

MOST_DRAFTS = 2_000
MOST_SHOWN = 500
MOST_TOLD = 200


@dataclass(frozen=True)
class Choice:
    """How a planner wants a file to be read.

    Attributes
    ----------
    layer, datum, encoding : str or None
        As :func:`gis.formats.read_features`; None: as the file says.
    columns : mapping
        Of a table: where the coordinates are.
    swap_axes : bool
    repair : tuple of str
        Repairs that were offered and are wanted.
    kind : str
        Kind of the areas.
    name, z_min, z_max : str
        Columns for the name and the heights; "": none.
    """

    layer: str | None = None
    datum: str | None = None
    encoding: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    swap_axes: bool = False
    repair: tuple[str, ...] = ()
    kind: str = "fence"
    name: str = ""
    z_min: str = ""
    z_max: str = ""


@dataclass(frozen=True)
class Refused:
    """A row that was not taken: its place in the file, from 1, and what to do about it."""

    row: int
    text: str


@dataclass
class Outcome:
    """What became of a file."""

    drafts: list[int]
    refused: list[Refused]


def read_upload(path: Path, name: str, choice: Choice) -> Reading:
    """Read the features of an upload in the way that was chosen.

    Raises
    ------
    GisError
        The file as a whole cannot be used.
    """
    return read_features(
        path, name,
        layer=choice.layer, datum_or_crs=choice.datum, encoding=choice.encoding, columns=choice.columns,
        swap_axes=choice.swap_axes, repair=choice.repair,
    )  # fmt: skip


def verdict_of(user: User, reading: Reading) -> Verdict | None:
    """Whether it lands where this planner plans; None where no ground is known of that, or nothing was read."""
    ground, name = _ground(user)
    if ground is None or not len(reading):
        return None
    return check_shapes(reading.original, reading.datum, ground, name)


def wanted_of(reading: Reading, at: int, choice: Choice, file: str) -> Wanted:
    """What the row with index ``at`` says an area is to be.

    Raises
    ------
    DraftFaultError
        It says something that cannot be.
    """
    fields = reading.attributes(at)
    shape: BaseGeometry = reading.geometry[at]
    row = int(reading.rows[at])
    if fault := shape_fault(choice.kind, shape):
        raise DraftFaultError(fault)
    name = str(fields.get(choice.name) or "").strip() or gettext("%(file)s 第 %(row)d 行") % {"file": file, "row": row}
    source = gettext("导入 %(file)s 第 %(row)d 行，%(datum)s")
    return Wanted(
        name=name[:120],
        kind=choice.kind,
        shape=write_shape(shape),
        z_min_m=_metres(fields, choice.z_min),
        z_max_m=_metres(fields, choice.z_max),
        source=(source % {"file": file, "row": row, "datum": reading.datum})[:200],
    )


def take(user: User, reading: Reading, choice: Choice, file: str) -> Outcome:
    """Make a draft of each row that can be one; nothing at all where there are too many.

    Raises
    ------
    DraftFaultError
        There are more than :data:`MOST_DRAFTS`.
    """
    if len(reading) > MOST_DRAFTS:
        raise DraftFaultError(gettext("一次最多导入 %d 个区域，请把文件分开。") % MOST_DRAFTS)
    drafts: list[int] = []
    refused = [Refused(refusal.row, refusal.text) for refusal in reading.refusals]
    with transaction.atomic():
        for at, row in enumerate(reading.rows.tolist()):
            try:
                with transaction.atomic():
                    drafts.append(make_draft(user, wanted_of(reading, at, choice, file)).pk)
            except PlanError as error:
                refused.append(Refused(row, str(error)))
            except ValidationError as error:
                refused.append(Refused(row, " ".join(error.messages)))
    return Outcome(drafts, sorted(refused, key=lambda one: one.row))


def _metres(fields: Mapping[str, Any], column: str) -> float | None:
    value = fields.get(column) if column else None
    if value is None or value == "":
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise DraftFaultError(gettext("“%(column)s”不是高度：%(value)s") % {"column": column, "value": value}) from None


def _ground(user: User) -> tuple[BaseGeometry | None, str]:
    """Where somebody plans, and what that is called; the city where that is not said by regions."""
    scope = scope_of(user, Permission.PLAN)
    regions = Region.objects.filter(boundary__isnull=False)
    if scope.region_paths and not scope.everything:
        found = list(regions.filter(path__in=scope.region_paths))
    else:
        found = list(regions.filter(code=settings.CITY_CODE))
    if not found:
        return None, ""
    ground = shapely.union_all([shapely.from_wkb(bytes(region.boundary.wkb)) for region in found if region.boundary])
    return ground, "、".join(region.name for region in found)
