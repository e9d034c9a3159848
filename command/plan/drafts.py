"""Making, changing and carrying out drafts. Every change of state goes through :mod:`command.plan.lifecycle`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext

from access.models import Organization, User
from access.roles import Permission
from access.scope import scope_of
from command.plan.exceptions import DraftFaultError, DraftStaleError
from command.plan.lifecycle import DraftAction, DraftState, step
from command.plan.models import AreaDraft
from command.plan.places import check_owner, region_of
from command.plan.shapes import (
    as_boundary,
    as_lines,
    as_stored,
    of_stored,
    read_shape,
    settled_figure,
    shape_fault,
    shape_of,
)
from gis.notices import stamp_of
from twin.area_attributes import AttributeFaultError, settled
from twin.models import Area
from twin.period_text import check_periods

MOST_HEIGHT_M = 20_000.0


@dataclass(frozen=True)
class Wanted:
    """What a planner wants an area to be; ``shape`` is GeoJSON, and needed unless ``figure`` says it by numbers."""

    name: str
    kind: str
    shape: Mapping[str, Any] | None = None
    figure: Mapping[str, Any] | None = None
    z_min_m: float | None = None
    z_max_m: float | None = None
    owner: int | None = None
    periods: list[dict[str, Any]] = field(default_factory=list)
    source: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    retire: bool = False


def drafts_seen(user: User) -> QuerySet[AreaDraft]:
    """Drafts in one's scope where one plans or approves, and one's own."""
    scope = scope_of(user, Permission.PLAN) | scope_of(user, Permission.APPROVE)
    inside = AreaDraft.objects.within(scope).values("pk")
    seen = AreaDraft.objects.filter(Q(pk__in=inside) | Q(created_by=user))
    return seen.select_related("owner__region", "region", "area__owner", "area__region", "created_by")


def make_draft(user: User, wanted: Wanted, area: Area | None = None) -> AreaDraft:
    """A new draft, of a new area or of a change to one.

    Raises
    ------
    PlanError
        It cannot be, or not by this person; or there is an open draft about that area.
    """
    if area is not None:
        taken = AreaDraft.objects.filter(area=area, state__in=DraftState.open_states()).first()
        if taken is not None:
            who = taken.created_by.display_name if taken.created_by else ""
            raise DraftStaleError(
                gettext("该区域已有未完成的方案“%(name)s”（%(who)s）。") % {"name": taken, "who": who}
            )
    draft = AreaDraft(area=area, base_version=area.version if area else None, created_by=user)
    _fill(draft, wanted, user)
    with transaction.atomic():
        step(draft, DraftAction.CREATE, user)
    return draft


def change_draft(user: User, draft_id: int, wanted: Wanted, revision: int) -> AreaDraft:
    """Make a draft what is wanted.

    Raises
    ------
    PlanError
        It cannot be, or not by this person, or somebody changed it since ``revision``.
    AreaDraft.DoesNotExist
        This person sees no such draft.
    """
    with transaction.atomic():
        draft = _locked(user, draft_id, revision)
        _fill(draft, wanted, user)
        step(draft, DraftAction.CHANGE, user)
    return draft


def act(user: User, draft_id: int, action: DraftAction, revision: int, text: str = "") -> AreaDraft:
    """Submit, withdraw, return, approve, carry out or discard a draft; errors as :func:`change_draft`."""
    with transaction.atomic():
        draft = _locked(user, draft_id, revision)
        if action is DraftAction.SUBMIT and (fault := _not_ready(draft)):
            raise DraftFaultError(fault)
        step(draft, action, user, text)
        if action is DraftAction.ACTIVATE:
            _carry_out(draft)
    return draft


def _locked(user: User, draft_id: int, revision: int) -> AreaDraft:
    AreaDraft.objects.select_for_update(of=("self",)).get(pk=draft_id)
    draft = drafts_seen(user).get(pk=draft_id)
    if draft.revision != revision:
        raise DraftStaleError(gettext("方案已被他人修改，请重新打开后再改。您未保存的图形还在本页上。"))
    return draft


def _fill(draft: AreaDraft, wanted: Wanted, user: User) -> None:
    if not wanted.name.strip():
        raise DraftFaultError(gettext("请填写名称。"))
    if wanted.kind not in Area.Kind.values:
        raise DraftFaultError(gettext("请选择类别。"))
    draft.name, draft.kind = wanted.name.strip()[:120], wanted.kind
    draft.figure = settled_figure(wanted.figure)
    shape = shape_of(draft.figure) if draft.figure else read_shape(wanted.shape)
    if "Polygon" in shape.geom_type and (fault := shape_fault(Area.Kind.FENCE, shape)):
        raise DraftFaultError(fault)
    draft.shape = as_stored(shape)
    draft.z_min_m, draft.z_max_m = _heights(wanted)
    try:
        check_periods(wanted.periods)
        draft.attributes = settled(wanted.kind, wanted.attributes)
    except ValidationError as error:
        raise DraftFaultError(" ".join(error.messages)) from error
    except AttributeFaultError as error:
        raise DraftFaultError(str(error)) from error
    draft.periods = wanted.periods
    draft.source, draft.retire = wanted.source.strip()[:200], wanted.retire
    owner = None if wanted.owner is None else Organization.objects.filter(pk=wanted.owner).first()
    if wanted.owner is not None and owner is None:
        raise DraftFaultError(gettext("没有这个所属单位。"))
    check_owner(user, owner, draft.owner if draft.pk else (draft.area.owner if draft.area else None))
    draft.owner, draft.region = owner, region_of(shape)


def _heights(wanted: Wanted) -> tuple[float | None, float | None]:
    low, high = wanted.z_min_m, wanted.z_max_m
    if any(z is not None and not -MOST_HEIGHT_M <= z <= MOST_HEIGHT_M for z in (low, high)):
        raise DraftFaultError(gettext("高度须在 ±%d 米之内。") % MOST_HEIGHT_M)
    if low is not None and high is not None and low >= high:
        raise DraftFaultError(gettext("顶高须大于底高。"))
    return low, high


def _not_ready(draft: AreaDraft) -> str:
    """Why a draft cannot be approved as it is; empty where it can."""
    return "" if draft.retire else shape_fault(draft.kind, of_stored(draft.shape))


def _carry_out(draft: AreaDraft) -> None:
    """Make the area what an approved draft says; it is in force with the commit."""
    area = draft.area
    if area is not None:
        area = Area.objects.select_for_update(of=("self",)).get(pk=area.pk)
        if area.version != draft.base_version:
            said = gettext("区域已有第 %(now)d 版，方案依据的是第 %(base)d 版。请退回方案，在新版上重画。")
            raise DraftStaleError(said % {"now": area.version, "base": draft.base_version})
    else:
        area = Area(version=1)
    if draft.retire:
        area.active = False
    else:
        _copy(draft, area)
    area.save()
    draft.area, draft.made_version = area, area.version
    draft.in_force_at, draft.stamp = timezone.now(), stamp_of(["areas"])
    draft.save()


def _copy(draft: AreaDraft, area: Area) -> None:
    shape = of_stored(draft.shape)
    if draft.kind == Area.Kind.LINE:
        area.line = as_lines(shape)
    else:
        area.line, area.boundary = None, as_boundary(shape)
    for name in ("name", "kind", "z_min_m", "z_max_m", "owner", "region", "periods", "source", "attributes"):
        setattr(area, name, getattr(draft, name))
    area.active = True
