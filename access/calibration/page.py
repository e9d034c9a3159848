"""Calibrations on the desk: the list, and the page where control points are tried and saved."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.audit import Action, record
from access.calibration.forms import PointsForm, SaveForm
from access.calibration.trial import MODELS, Trial
from access.desk import DeskPage, register_page
from access.roles import Permission
from access.scope import scope_of
from gis.calibration.models import Model
from gis.calibration.store import retire, save_version
from gis.calibration.table import lines_of_file, parse
from gis.exceptions import GisError
from gis.models import Calibration

MOST_FILE_BYTES = 5_000_000


def may_calibrate(request: HttpRequest) -> bool:
    """Planners and administrators of the whole city: a calibration moves everybody's coordinates."""
    return scope_of(request.user, Permission.PLAN).everything  # type: ignore[arg-type]


def calibrations(request: HttpRequest) -> HttpResponse:
    """The list; sent: take a name out of use."""
    if request.method == "POST":
        found = get_object_or_404(Calibration, name=request.POST.get("name", ""), active=True)
        retire(found.name)
        record(Action.CHANGE, subject=found, changes={"active": {"old": True, "new": False}})
        messages.success(request, gettext("“%s”已停用：不再列出，已经选用它的不受影响。") % found.name)
        return HttpResponseRedirect(reverse("admin:calibrations"))
    rows = [(row, MODELS.get(Model(row.model), row.model)) for row in Calibration.objects.all()]
    return _render(request, "list", gettext("坐标标定"), rows=rows)


def calibration(request: HttpRequest) -> HttpResponse:
    """Control points in, residuals out; and saved."""
    if request.method != "POST":
        return _work(request, PointsForm(initial=_initial(request)))
    form = PointsForm(request.POST, request.FILES)
    if not form.is_valid():
        return _work(request, form)
    values = form.cleaned_data
    try:
        text = _lines(values)
        written = parse(
            text,
            values["target"],
            source_north_first=values["source_order"] == "north",
            target_north_first=values["target_order"] == "north",
        )
    except GisError as error:
        form.add_error("file" if values.get("file") else "lines", str(error))
        return _work(request, form)
    # What came from a file stands in the field now, to be corrected there.
    form = PointsForm({**request.POST.dict(), "lines": text})
    form.is_valid()
    context: dict[str, Any] = {"refusals": written.refusals, "count": len(written.points)}
    if len(written.points):
        unused = frozenset(request.POST.getlist("unused"))
        trial = Trial(written.points, form.source(values), unused, values["meridian"])
        context |= trial.context(request.POST.get("show", ""))
        names = [(str(c.model), str(MODELS[c.model])) for c in trial.choice.candidates if c.fit]
        saving = request.POST.get("do") == "save"
        save_form = SaveForm(
            names, request.POST if saving else None, initial={"model": context["shown"], "name": _name(request)}
        )
        if saving and save_form.is_valid():
            try:
                return _save(request, trial, form, save_form)
            except GisError as error:
                save_form.add_error("name", str(error))
        context["save_form"] = save_form
    return _work(request, form, **context)


def _initial(request: HttpRequest) -> dict[str, Any]:
    """The points of a saved version, to go on from."""
    number = request.GET.get("from", "")
    saved = Calibration.objects.filter(pk=number).first() if number.isdecimal() else None
    return {**saved.source, "lines": saved.source.get("lines", "")} if saved else {}


def _name(request: HttpRequest) -> str:
    number = request.GET.get("from", "")
    saved = Calibration.objects.filter(pk=number).first() if number.isdecimal() else None
    return saved.name if saved else ""


def _lines(values: dict[str, Any]) -> str:
    given = values.get("file")
    if not given:
        return values["lines"]
    if given.size > MOST_FILE_BYTES:
        raise GisError(gettext("文件太大：控制点文件不超过 %d MB。") % (MOST_FILE_BYTES // 1_000_000))
    with NamedTemporaryFile(prefix="sandtable-points-") as copy:
        for piece in given.chunks():
            copy.write(piece)
        copy.flush()
        return lines_of_file(Path(copy.name), given.name)


def _save(request: HttpRequest, trial: Trial, form: PointsForm, save_form: SaveForm) -> HttpResponse:
    values, wanted = form.cleaned_data, save_form.cleaned_data
    candidate = trial.choice.of(Model(wanted["model"]))
    rows, _picture = trial.residuals(candidate)
    middle = trial.used.source.mean(axis=0)
    saved = save_version(
        wanted["name"],
        model=str(candidate.model),
        pipeline=candidate.pipeline,
        degrees=trial.source.degrees,
        source={
            name: values[name]
            for name in (
                "lines",
                "kind",
                "source_order",
                "ellipsoid",
                "projection",
                "meridian",
                "target",
                "target_order",
            )
        },
        points=[
            {"name": row.name, "used": row.used, "outlier": row.outlier, "residual_mm": round(row.length_mm, 2)}
            for row in rows
        ],
        quality={
            "used": len(trial.used),
            "rms_mm": _finite(candidate.rms_m),
            "left_out_rms_mm": _finite(candidate.left_out_rms_m),
            "largest_mm": _finite(candidate.largest_m),
            "recommended": str(trial.choice.recommended or ""),
        },
        middle_x=float(middle[0]),
        middle_y=float(middle[1]),
        note=wanted["note"],
        created_by=request.user.get_username(),
    )
    detail = {"name": saved.name, "version": saved.version, "model": saved.model, **saved.quality}
    record(Action.CREATE, subject=saved, detail=detail)
    messages.success(request, gettext("已保存“%s”，现在起可在各处选用。") % saved)
    return HttpResponseRedirect(reverse("admin:calibrations"))


def _finite(metres: float) -> float | None:
    return round(metres * 1000, 3) if math.isfinite(metres) else None


def _work(request: HttpRequest, form: PointsForm, **context: Any) -> HttpResponse:
    return _render(request, "work", gettext("由控制点标定"), form=form, **context)


def _render(request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
    if not may_calibrate(request):
        raise PermissionDenied
    base = {**admin.site.each_context(request), "title": title, **context}
    return TemplateResponse(request, f"access/calibration/{template}.html", base)


register_page(
    DeskPage(
        path="calibrations/",
        name="calibrations",
        title=_("坐标标定"),
        app_label="geo",
        allowed=may_calibrate,
        view=calibrations,
        parts=(("calibrations/new/", "calibration", calibration),),
    )
)
