"""Template tag: a personal identifier as its mask, with the way to see it."""

from __future__ import annotations

from django import template
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext

register = template.Library()


@register.simple_tag
def personal(subject: Model, field: str, may_reveal: bool) -> str:
    """Mask of ``subject.field`` and, for those who may see such things, a link to the page that asks why."""
    value = getattr(subject, field)
    if value is None:
        return "—"
    if not may_reveal:
        return format_html('<span class="secret">{}</span>', str(value))
    address = reverse("reveal", args=[subject._meta.label_lower, subject.pk, field])
    return format_html('<span class="secret">{} <a href="{}">{}</a></span>', str(value), address, gettext("查看"))
