"""Desk pages of what machines look at: tasks by camera, and models."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.admin_scope import ScopedAdminMixin, ScopedRelatedFilter
from access.roles import Permission
from devices.admin import WholeCityKeptAdmin
from media.analysis.models import AnalysisModel, AnalysisTask
from media.analysis.store import load_analysers, models_folder
from twin.admin import PeriodsField


class AnalysisTaskForm(forms.ModelForm):
    """A task, its analyser out of those there are, its periods as lines."""

    analyser = forms.ChoiceField(label=_("分析器"))
    periods = PeriodsField(label=_("时段"))

    class Meta:
        model = AnalysisTask
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = {key: str(kind.title) for key, kind in load_analysers().items()}
        if (mine := self.instance.analyser) and mine not in choices:
            choices[mine] = gettext("%s（已停用）") % mine
        if isinstance(field := self.fields.get("analyser"), forms.ChoiceField):
            field.choices = sorted(choices.items())


@admin.register(AnalysisTask)
class AnalysisTaskAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """Which camera is looked at, by what, how often."""

    form = AnalysisTaskForm
    list_display = ["channel", "analyser_name", "every_s", "confidence", "labels", "grade", "enabled"]
    list_filter = ["enabled", "grade", ("channel__device__owner", ScopedRelatedFilter)]
    list_select_related = ["channel__device"]
    search_fields = ["channel__name", "channel__code", "analyser"]
    autocomplete_fields = ["channel"]
    fieldsets = [
        (None, {"fields": ["channel", "analyser", "enabled", "every_s", "periods"]}),
        (_("预警"), {"fields": ["confidence", "labels", "grade"]}),
        (_("画面范围"), {"fields": [("left", "top"), ("right", "bottom")]}),
    ]
    importable = False
    add_requires = change_requires = delete_requires = Permission.MANAGE_DEVICES

    @admin.display(description=_("分析器"), ordering="analyser")
    def analyser_name(self, task: AnalysisTask) -> str:
        """What people call it."""
        kind = load_analysers().get(task.analyser)
        return gettext("%s（已停用）") % task.analyser if kind is None else str(kind.title)


class AnalysisModelForm(forms.ModelForm):
    """A model whose files are there."""

    class Meta:
        model = AnalysisModel
        fields = "__all__"

    def clean(self) -> dict[str, Any] | None:
        """Refuse files that are not there, or lie outside the folder."""
        cleaned = super().clean() or {}
        root = models_folder().resolve()
        for name in ("file", "labels"):
            if not (given := cleaned.get(name)):
                continue
            path = (root / given).resolve()
            if not path.is_relative_to(root) or not path.is_file():
                self.add_error(name, ValidationError(gettext("数据目录的 models 目录下没有 %s。") % given))
        return cleaned


@admin.register(AnalysisModel)
class AnalysisModelAdmin(WholeCityKeptAdmin):
    """Models; administrators of the whole city keep them, for a model is a program."""

    form = AnalysisModelForm
    list_display = ["name", "key", "file", "layout", "enabled"]
    list_filter = ["layout", "enabled"]
    search_fields = ["name", "key"]
    fieldsets = [
        (None, {"fields": ["key", "name", "enabled", "source"]}),
        (_("文件"), {"fields": ["file", "sha256", "labels"]}),
        (_("输入与输出"), {"fields": [("width", "height"), "layout"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """What tasks refer to stays."""
        return ["key"] if obj is not None else []
