"""Forms of this floor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


class _Keep:
    """What an untouched personal field means: leave what is stored."""

    def __repr__(self) -> str:
        return "KEEP"


KEEP = _Keep()


class PersonalInput(forms.TextInput):
    """An input that shows the mask beside it and never the stored value; a box empties the field."""

    template_name = "access/personal_input.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """Offer the mask; echo only what was typed into this very form."""
        from access.personal_value import Personal

        stored = isinstance(value, Personal)
        typed = value if isinstance(value, str) else None
        context = super().get_context(name, typed, {**(attrs or {}), "autocomplete": "off"})
        context["widget"]["mask"] = str(value) if stored else ""
        context["widget"]["clear_name"] = f"{name}-clear" if stored and not self.is_required else ""
        return context

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """What was typed; None where the box is ticked; :data:`KEEP` where nothing was done."""
        typed = (data.get(name) or "").strip()
        if typed:
            return typed
        return None if data.get(f"{name}-clear") else KEEP

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        """Never: an empty input means something."""
        return False


class PersonalFormField(forms.CharField):
    """Form field of a :class:`~access.personal.PersonalField`."""

    widget = PersonalInput

    def clean(self, value: Any) -> Any:
        """Pass :data:`KEEP` on untouched; a required field may be kept but not emptied."""
        if value is KEEP:
            return KEEP
        if value is None and self.required:
            raise ValidationError(self.error_messages["required"], code="required")
        return None if value is None else super().clean(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Redisplay what was typed, else the mask of what is stored."""
        return initial if data is KEEP else data

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether something was typed or the box ticked."""
        return data is not KEEP


class RevealForm(forms.Form):
    """Why somebody wants to see a personal identifier."""

    reason = forms.CharField(label=_("查看事由"), min_length=2, max_length=200, strip=True)
