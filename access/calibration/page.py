"""Calibrations on the desk: the list, and the page where control points are tried and saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
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
from access.calibration.picture import Picture, draw
from access.desk import DeskPage, register_page
from access.roles import Permission
from access.scope import scope_of
from gis.calibration.choice import Candidate, Choice, compare
from gis.calibration.models import Model
from gis.calibration.pipeline import conversions
from gis.calibration.points import ControlPoints, Plane
from gis.calibration.sources import Source
from gis.calibration.store import retire, save_version
from gis.calibration.table import lines_of_file, parse
from gis.exceptions import GisError
from gis.models import Calibration

MODELS = {
    Model.SIMILARITY: _("四参数（相似）"),
    Model.AFFINE: _("六参数（仿射）"),
    Model.BURSA_WOLF: _("七参数（布尔沙）"),
}
OBSTACLES = {
    "few_points": _("控制点太少，算不出。"),
    "no_redundancy": _("没有多余的控制点，残差必然接近零，不能说明好坏；请再加点。"),
    "on_a_line": _("控制点几乎在一条直线上，横向定不准；请补充两侧的点。"),
    "no_ellipsoid": _("不知道源椭球（和投影），不能算。"),
    "degrees": _("源坐标是经纬度，不能当平面用。"),
    "": "",
}
MOST_FILE_BYTES = 5_000_000


@dataclass(frozen=True)
class Row:
    """A line of the table of residuals: metres become millimetres here."""

    name: str
    used: bool
    outlier: bool
    east_mm: float
    north_mm: float
    length_mm: float
    left_out_mm: float | None
    chance: float | None


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


class Trial:
    """Control points with some of them set aside, and what each model makes of them.

    Parameters
    ----------
    points : ControlPoints
    source : Source
    unused : frozenset of str
        Names of the points that are shown but not used.
    meridian_deg : float or None
        Of the grid, where it is known.
    """

    def __init__(
        self, points: ControlPoints, source: Source, unused: frozenset[str], meridian_deg: float | None
    ) -> None:
        self.points, self.source = points, source
        kept = np.array([name not in unused for name in points.names])
        self.kept = kept if kept.any() else np.ones(len(points), dtype=bool)
        self.used = points.only(self.kept)
        self.choice: Choice = compare(self.used, source, meridian_deg)

    def context(self, show: str) -> dict[str, Any]:
        """What the page shows; ``show``: the model whose residuals are wanted, else the recommended one."""
        available = [candidate for candidate in self.choice.candidates if candidate.fit is not None]
        shown = next((c for c in available if c.model == show), None)
        if shown is None and available:
            shown = self.choice.of(self.choice.recommended) if self.choice.recommended else available[0]
        models = [
            {
                "key": str(c.model),
                "title": MODELS[c.model],
                "candidate": c,
                "obstacle": OBSTACLES[c.obstacle],
                "recommended": c.model is self.choice.recommended,
                "shown": c is shown,
                "figures": [_millimetres(v) for v in (c.rms_m, c.left_out_rms_m, c.largest_m)],
                "aicc": f"{c.aicc:.1f}" if np.isfinite(c.aicc) else "—",
                "outliers": "、".join(self.used.names[i] for i in c.outliers),
            }
            for c in self.choice.candidates
        ]
        context: dict[str, Any] = {"models": models, "recommended": self.choice.recommended, "shown": ""}
        if better := self.choice.better_meridian:
            context["better_meridian"] = f"{better[0]:.6f}"
            context["better_figure"] = _millimetres(better[1])
        if shown is not None:
            rows, picture = self.residuals(shown)
            context |= {"shown": str(shown.model), "shown_title": MODELS[shown.model], "rows": rows, "picture": picture}
        return context

    def residuals(self, candidate: Candidate) -> tuple[list[Row], Picture]:
        """Of all points, the ones set aside included: those show what the calibration makes of them."""
        plane = candidate.fit.plane if candidate.fit else Plane.amid(self.points.target[:, 0])
        aim = plane.from_degrees(*self.points.target.T)
        _to_source, to_degrees = conversions(candidate.pipeline, self.source.degrees)
        miss = aim - plane.from_degrees(*to_degrees(*self.points.source.T))
        at = np.flatnonzero(self.kept)
        left_out = np.full(len(self.points), np.nan)
        chance = np.full(len(self.points), np.nan)
        if candidate.fit is not None:
            miss[at] = candidate.fit.estimate.residuals_m[:, :2]
            left_out[at] = np.linalg.norm(candidate.fit.estimate.left_out_m[:, :2], axis=1)
            chance[at] = candidate.chance
        outliers = frozenset(int(at[i]) for i in candidate.outliers)
        unused = frozenset(np.flatnonzero(~self.kept).tolist())
        rows = [
            Row(
                name,
                i not in unused,
                i in outliers,
                float(miss[i, 0] * 1000),
                float(miss[i, 1] * 1000),
                float(np.linalg.norm(miss[i]) * 1000),
                float(left_out[i] * 1000) if np.isfinite(left_out[i]) else None,
                float(chance[i]) if np.isfinite(chance[i]) else None,
            )
            for i, name in enumerate(self.points.names)
        ]
        return rows, draw(self.points.names, aim, miss, outliers, unused)


def _millimetres(metres: float) -> str:
    return f"{metres * 1000:.1f}" if np.isfinite(metres) else "—"


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
    return round(metres * 1000, 3) if np.isfinite(metres) else None


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
