"""Desk page of platforms above: how we sign in there, what each is given, whether we are in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.models import Organization
from devices.admin import WholeCityKeptAdmin
from media.cascade.models import SharedChannel, Superior
from media.gb28181.codes import is_camera
from media.models import Channel, VideoDevice
from media.passwords import MOST_LENGTH, set_password


class SuperiorForm(forms.ModelForm):
    """A platform above; its password where one is typed, and cameras by the dozen."""

    password = forms.CharField(
        label=_("设置密码"),
        required=False,
        max_length=MOST_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("上级给本平台的注册密码。填写后不再显示；没有密码不会去注册。"),
    )
    of_device = forms.ModelChoiceField(
        VideoDevice.objects.all(),
        label=_("加入一台设备的全部摄像机"),
        required=False,
        widget=AutocompleteSelect(Channel._meta.get_field("device"), admin.site),
    )
    of_owner = forms.ModelChoiceField(
        Organization.objects.all(),
        label=_("加入一个单位的全部摄像机"),
        required=False,
        widget=AutocompleteSelect(VideoDevice._meta.get_field("owner"), admin.site),
        help_text=_("包括下属单位。保存后列在下方，可以逐个移除或改编码。"),
    )

    class Meta:
        model = Superior
        exclude = ["channels"]


class SharedChannelInline(admin.TabularInline):
    """What it is given."""

    model = SharedChannel
    autocomplete_fields = ["channel"]
    extra = 0


class UplinkFilter(admin.SimpleListFilter):
    """Whether we are signed in there."""

    title = _("状态")
    parameter_name = "online"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """In or out."""
        return [("yes", _("在线")), ("no", _("离线"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """The chosen ones."""
        if self.value() == "yes":
            return queryset.filter(uplink__online=True)
        return queryset.exclude(uplink__online=True) if self.value() == "no" else queryset


@admin.register(Superior)
class SuperiorAdmin(WholeCityKeptAdmin):
    """Platforms above; kept by administrators of the whole city, for what leaves the city's hands is theirs to say."""

    form = SuperiorForm
    inlines = [SharedChannelInline]
    list_display = ["name", "code", "host", "port", "transport", "online", "fault", "shared_count", "active"]
    list_filter = [UplinkFilter, "active", "transport"]
    list_select_related = ["uplink"]
    search_fields = ["name", "code", "host"]
    readonly_fields = ["password_set_at", "online", "since", "fault"]
    exchange_fields = ["name", "code", "domain", "host", "port", "transport", "own_code", "username", "expires_s",
                       "keepalive_s", "misses", "charset", "past", "controls", "active"]  # fmt: skip
    fieldsets = [
        (None, {"fields": ["name", "code", "domain", "host", "port", "transport", "active"]}),
        (_("本平台"), {"fields": ["own_code", "username", "password", "password_set_at", "expires_s", "keepalive_s",
                                  "misses", "charset"]}),
        (_("权限"), {"fields": ["past", "controls"]}),
        (_("现状"), {"fields": ["online", "since", "fault"]}),
        (_("共享的摄像机"), {"fields": ["of_device", "of_owner"]}),
    ]  # fmt: skip

    def save_model(self, request: HttpRequest, obj: Superior, form: Any, change: bool) -> None:
        """Save, with the password that was typed."""
        if password := form.cleaned_data.get("password"):
            set_password(obj, password, save=False)
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """And with the cameras that were named by their device or owner."""
        super().save_related(request, form, formsets, change)
        device, owner = form.cleaned_data.get("of_device"), form.cleaned_data.get("of_owner")
        rows = Channel.objects.none()
        if device is not None:
            rows = rows | Channel.objects.filter(device=device)
        if owner is not None:
            rows = rows | Channel.objects.filter(device__owner__path__startswith=owner.path)
        there = set(form.instance.shared.values_list("channel_id", flat=True))
        new = [channel for channel in rows.filter(listed=True) if channel.pk not in there and is_camera(channel.code)]
        SharedChannel.objects.bulk_create(
            [SharedChannel(superior=form.instance, channel=channel) for channel in new], batch_size=500
        )
        if device is not None or owner is not None:
            self.message_user(request, gettext("加入了 %d 路摄像机。") % len(new))

    @admin.display(description=_("在线"), boolean=True)
    def online(self, superior: Superior) -> bool:
        """Whether we are signed in."""
        return bool(getattr(superior, "uplink", None) and superior.uplink.online)

    @admin.display(description=_("始于"))
    def since(self, superior: Superior) -> Any:
        """Since when that is so."""
        return getattr(getattr(superior, "uplink", None), "since", None)

    @admin.display(description=_("最近的问题"))
    def fault(self, superior: Superior) -> str:
        """What is wrong."""
        return getattr(getattr(superior, "uplink", None), "fault", "")

    @admin.display(description=_("共享路数"))
    def shared_count(self, superior: Superior) -> int:
        """How many cameras it is given."""
        return superior.shared.count()
