"""The watch over HTTP: who is on duty, the weather, and a new report of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from ninja import Query, Router, Schema, Status
from pydantic import Field

from access.models import User
from access.roles import Permission
from access.scope import Scope, scope_of
from command.watch.models import DutyShift, WeatherReport
from command.watch.present import FRESH, on_duty, weather_at
from gis.models import Region
from twin.charts import region_path

router = Router(tags=["watch"])


class ShiftOut(Schema):
    """Somebody on duty; ``telephone`` masked, ``reveal``: where to ask for it in full, for those who may."""

    name: str
    title: str
    region: str
    telephone: str
    reveal: str
    starts_at: datetime
    ends_at: datetime


class DutyOut(Schema):
    """Who is on duty at ``as_of``; ``desk``: where the roster is kept, for those who keep it."""

    shifts: list[ShiftOut]
    as_of: datetime
    desk: str


class ReportOut(Schema):
    """A weather report, Celsius and metres a second."""

    condition: str
    condition_name: str
    temperature_c: float | None
    wind: str
    wind_name: str
    wind_speed_m_s: float | None
    region: str
    source: str
    observed_at: datetime


class WeatherOut(Schema):
    """The newest report, or null; ``stale_after_s``: age from which it is old."""

    report: ReportOut | None
    stale_after_s: int
    as_of: datetime
    desk: str


class ReportIn(Schema):
    """What was observed; ``region``: code, empty for the whole city."""

    observed_at: datetime
    source: str = Field(min_length=1, max_length=80)
    condition: WeatherReport.Condition
    temperature_c: float | None = Field(None, allow_inf_nan=False)
    wind: WeatherReport.Wind | None = None
    wind_speed_m_s: float | None = Field(None, allow_inf_nan=False)
    region: str = Field("", max_length=12)


@router.get("/duty", response=DutyOut)
def duty(request: HttpRequest, district: Query[str] = "") -> DutyOut:
    """Who is on duty now in the user's scope; in one region where its code is given."""
    now = timezone.now()
    shifts = on_duty(_scope(request), now, region_path(district))
    may_reveal = _scope(request, Permission.VIEW_PERSONAL)
    return DutyOut(shifts=[_shift(shift, may_reveal) for shift in shifts], as_of=now, desk=_desk(request, DutyShift))


@router.get("/weather", response=WeatherOut)
def weather(request: HttpRequest, district: Query[str] = "") -> WeatherOut:
    """The newest weather report that holds for the user's scope; for one region where its code is given."""
    now = timezone.now()
    found = weather_at(_scope(request), now, region_path(district))
    return WeatherOut(
        report=_report(found) if found else None,
        stale_after_s=round(FRESH.total_seconds()),
        as_of=now,
        desk=_desk(request, WeatherReport),
    )


@router.post("/weather", response={201: ReportOut})
def report_weather(request: HttpRequest, given: ReportIn) -> Any:
    """Enter a report. Needs the planning permission where it is; 422 with the faults by field."""
    region = get_object_or_404(Region, code=given.region) if given.region else None
    scope = _scope(request, Permission.PLAN)
    if not (scope.allows(None, [region.path]) if region else scope.everything):
        return JsonResponse({"detail": _("您没有在该区域录入天气的权限。")}, status=403)
    made = WeatherReport(
        **given.model_dump(exclude={"region", "wind"}), wind=given.wind or "", region=region, entered_by=_user(request)
    )
    try:
        made.full_clean()
    except ValidationError as error:
        return JsonResponse({"detail": error.message_dict}, status=422)
    made.save()
    return Status(201, _report(made))


def _shift(shift: DutyShift, may_reveal: Scope) -> ShiftOut:
    telephone = str(shift.telephone) if shift.telephone is not None else ""
    allowed = bool(telephone) and may_reveal.allows(None, [shift.region.path if shift.region else None])
    return ShiftOut(
        name=shift.shown_name,
        title=shift.title,
        region=_place(shift.region),
        telephone=telephone,
        reveal=reverse("reveal", args=[DutyShift._meta.label_lower, shift.pk, "telephone"]) if allowed else "",
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
    )


def _report(report: WeatherReport) -> ReportOut:
    return ReportOut(
        condition=report.condition,
        condition_name=report.get_condition_display(),
        temperature_c=report.temperature_c,
        wind=report.wind,
        wind_name=report.get_wind_display(),
        wind_speed_m_s=report.wind_speed_m_s,
        region=_place(report.region),
        source=report.source,
        observed_at=report.observed_at,
    )


def _place(region: Region | None) -> str:
    if region is None:
        return ""
    return (region.name_en or region.name) if get_language() == "en" else region.name


def _desk(request: HttpRequest, model: type[DutyShift] | type[WeatherReport]) -> str:
    """Address of the model's list, for those who may add to it."""
    if _scope(request, Permission.PLAN).empty:
        return ""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def _scope(request: HttpRequest, permission: str = Permission.VIEW) -> Scope:
    return scope_of(_user(request), permission)


def _user(request: HttpRequest) -> User:
    return request.user  # type: ignore[return-value]
