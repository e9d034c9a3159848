"""Forms of the desk: a rule's settings with one field a parameter, and what is done to alerts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.models import User
from command.exceptions import RuleError
from command.lifecycle import MOST_TEXT_CHARS, NEEDS_TEXT, AlertAction
from command.models import RuleSetting
from command.rules import Parameter, registry
from gis.models import Region
from twin.admin import PeriodsField

PREFIX = "parameter_"


class RuleSettingForm(forms.ModelForm):
    """Settings of one rule; :func:`form_for` adds its parameters."""

    periods = PeriodsField(label=_("时段"))
    regions = forms.ModelMultipleChoiceField(
        Region.objects.filter(level__in=[Region.Level.DISTRICT, Region.Level.SUBDISTRICT, Region.Level.PARK]),
        label=_("适用区域"),
        required=False,
        help_text=_("不选则全市适用。按住 Ctrl 多选。"),
    )

    class Meta:
        model = RuleSetting
        fields = ["enabled", "periods", "regions"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        setting = self.instance
        self.initial["regions"] = Region.objects.filter(code__in=setting.regions or [])
        for name, field in self.fields.items():
            if name.startswith(PREFIX):
                key = name.removeprefix(PREFIX)
                self.initial[name] = setting.parameters.get(key, field.initial)

    def clean_regions(self) -> list[str]:
        """Codes in place of rows."""
        return sorted(region.code for region in self.cleaned_data["regions"])

    def clean(self) -> dict[str, Any]:
        """Gather the parameters, each checked by the rule's own declaration."""
        cleaned = super().clean() or {}
        rule = registry.get(self.instance.rule)
        values = {}
        for parameter in rule.parameters:
            name = PREFIX + parameter.key
            if name not in cleaned:
                continue
            try:
                values[parameter.key] = parameter.check(cleaned[name])
            except RuleError:
                self.add_error(name, gettext("该值不在允许范围内。"))
        self.instance.parameters = values
        return cleaned


def form_for(setting: RuleSetting | None) -> type[RuleSettingForm]:
    """The form of a rule, with a field for each of its parameters."""
    rule = registry.find(setting.rule) if setting is not None else None
    fields = {PREFIX + p.key: _field(p) for p in rule.parameters} if rule else {}
    return type("RuleForm", (RuleSettingForm,), fields)


def _field(parameter: Parameter) -> forms.Field:
    unit = f"（{parameter.unit}）" if parameter.unit else ""
    label = f"{parameter.title}{unit}"
    common: dict[str, Any] = {"label": label, "initial": parameter.default}
    if parameter.kind == "bool":
        return forms.BooleanField(required=False, **common)
    if parameter.kind == "choice":
        return forms.ChoiceField(choices=parameter.choices, **common)
    limits: dict[str, Any] = {"min_value": parameter.minimum, "max_value": parameter.maximum}
    help_text = gettext("允许 %(low)s 至 %(high)s，默认 %(default)s") % {
        "low": "−∞" if parameter.minimum is None else f"{parameter.minimum:g}",
        "high": "∞" if parameter.maximum is None else f"{parameter.maximum:g}",
        "default": f"{parameter.default:g}",
    }
    kind = forms.IntegerField if parameter.kind == "int" else forms.FloatField
    return kind(**limits, help_text=help_text, **common)


class ActionForm(forms.Form):
    """What is said with an action: a text where one is needed, a person to assign to."""

    text = forms.CharField(
        label=_("说明"), required=False, max_length=MOST_TEXT_CHARS, widget=forms.Textarea(attrs={"rows": 4})
    )

    def __init__(self, action: AlertAction, people: Any, data: Any = None) -> None:
        super().__init__(data)
        self.fields["text"].required = action in NEEDS_TEXT
        if action is AlertAction.ASSIGN:
            self.fields["assign_to"] = forms.ModelChoiceField(people, label=_("指派给"))

    @property
    def assign_to(self) -> User | None:
        """Who was chosen."""
        return self.cleaned_data.get("assign_to")
