"""The administrator's register of basemaps."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from access.exchange.pages import ExchangeMixin
from access.history import HistoryMixin
from twin.basemaps import kept
from twin.basemaps.files import vector_layers
from twin.basemaps.models import Basemap
from twin.exceptions import BasemapError


class BasemapForm(forms.ModelForm):
    """A key is typed and never shown again; left empty, the stored one stays."""

    secret = forms.CharField(
        label=_("密钥"),
        max_length=200,
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("加密保存在服务器上，浏览器看不到。留空则不变。"),
    )
    no_secret = forms.BooleanField(label=_("清除密钥"), required=False)

    class Meta:
        model = Basemap
        exclude: tuple[str, ...] = ()

    def clean(self) -> dict[str, Any] | None:
        """Look into a file that is named."""
        cleaned = super().clean()
        basemap = self.instance
        basemap.kind, basemap.address = self.cleaned_data.get("kind"), self.cleaned_data.get("address", "")
        if basemap.is_file and basemap.address and not self.errors:
            try:
                vector_layers(basemap.path, basemap.kind)
            except (BasemapError, ValueError) as error:
                self.add_error("address", _("文件无法读取：%(error)s") % {"error": error})
        return cleaned


@admin.register(Basemap)
class BasemapAdmin(ExchangeMixin, HistoryMixin, admin.ModelAdmin):
    """For administrators of the whole city alone (Django's model permissions mean that here)."""

    importable = False
    exchange_fields = ("title", "slug", "kind", "min_zoom", "max_zoom", "attribution", "position", "active")
    form = BasemapForm
    list_display = ["title", "slug", "kind", "min_zoom", "max_zoom", "has_secret", "position", "active"]
    list_filter = ["kind", "active"]
    fields = [
        *("title", "slug", "kind", "address", "secret", "no_secret", "wmts_layer", "wmts_style", "wmts_set"),
        *("wmts_format", "min_zoom", "max_zoom", "attribution", "position", "active"),
    ]

    @admin.display(description=_("有密钥"), boolean=True)
    def has_secret(self, row: Basemap) -> bool:
        """Whether a key is stored."""
        return bool(row.sealed)

    def save_model(self, request: HttpRequest, obj: Basemap, form: Any, change: bool) -> None:
        """Seal the key that was typed; what was kept of another address goes."""
        if form.cleaned_data["secret"] or form.cleaned_data["no_secret"]:
            obj.seal(form.cleaned_data["secret"])
        super().save_model(request, obj, form, change)
        kept.forget(obj)
