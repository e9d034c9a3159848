"""Desk pages of video: devices and their passwords, channels, what the platform calls itself."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.admin_scope import ScopedAdminMixin, ScopedRelatedFilter
from access.roles import Permission
from access.scope import ScopedQuerySet
from devices.admin import WholeCityAdmin
from media.analysis import admin as _analysis  # noqa: F401 (registers its pages)
from media.asking import ask
from media.cascade import admin as cascade  # noqa: F401 (registers its page)
from media.exceptions import MediaError
from media.faults import told
from media.gb28181.codes import is_code, read_code
from media.models import Channel, Gb28181Setting, VideoDevice
from media.passwords import MOST_LENGTH, new_password, set_password
from media.recordings import admin as _recordings  # noqa: F401 (its pages are registered)
from media.sources import admin as sources_admin  # noqa: F401 (registers its pages)
from media.sources import discovering  # noqa: F401 (registers its page)
from media.store import identity

MOST_ASKED = 20
"""Devices or channels of one action that waits for each."""
LOOK_S = 4


class VideoDeviceForm(forms.ModelForm):
    """A device, and a password for it where one is typed."""

    password = forms.CharField(
        label=_("设置密码"),
        required=False,
        max_length=MOST_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("设备上已有密码时在此填写；也可保存后用“生成新密码”。填写后不再显示。"),
    )

    class Meta:
        model = VideoDevice
        fields = "__all__"


class OnlineFilter(admin.SimpleListFilter):
    """Whether devices are signed in now."""

    title = _("状态")
    parameter_name = "online"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """On, off, or never there."""
        return [("yes", _("在线")), ("no", _("离线")), ("never", _("从未注册"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """The chosen ones."""
        conditions = {
            "yes": Q(registration__online=True),
            "no": Q(registration__online=False),
            "never": Q(registration=None),
        }
        wanted = conditions.get(self.value() or "")
        return queryset.filter(wanted) if wanted is not None else queryset


@admin.register(VideoDevice)
class VideoDeviceAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """Devices. A password that is made here is shown this once."""

    form = VideoDeviceForm
    list_display = ["code", "name", "owner", "kind", "online", "address", "seen_at", "channel_count", "active"]
    list_filter = [OnlineFilter, ("owner", ScopedRelatedFilter), "media", "active"]
    list_select_related = ["owner", "registration"]
    search_fields = ["code", "name"]
    autocomplete_fields = ["owner"]
    readonly_fields = ["how_to", "kind", "online", "address", "seen_at", "about", "password_set_at", "created_at"]
    fieldsets = [
        (None, {"fields": ["code", "name", "owner", "active", "password", "password_set_at", "how_to"]}),
        (_("接入"), {"fields": ["networks", "charset", "media"]}),
        (_("订阅"), {"fields": ["follow_catalogue", "follow_alarms", "follow_position", "follow_gaze"]}),
        (_("现状"), {"fields": ["kind", "online", "address", "seen_at", "about", "created_at"]}),
    ]
    actions = ["make_passwords", "refresh_catalogues"]
    add_requires = change_requires = delete_requires = Permission.MANAGE_DEVICES

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With how many channels each has."""
        listed = Count("channels", filter=Q(channels__listed=True))
        rows = super().get_queryset(request).filter(protocol=VideoDevice.Protocol.GB28181)
        return rows.annotate(channel_total=listed)

    def save_model(self, request: HttpRequest, obj: VideoDevice, form: Any, change: bool) -> None:
        """Save, with the password that was typed."""
        if password := form.cleaned_data.get("password"):
            set_password(obj, password, save=False)
        super().save_model(request, obj, form, change)

    @admin.display(description=_("类型"))
    def kind(self, device: VideoDevice) -> str:
        """What its code says it is."""
        return str(read_code(device.code).type_name) if is_code(device.code) else ""

    @admin.display(description=_("在线"), boolean=True, ordering="registration__online")
    def online(self, device: VideoDevice) -> bool:
        """Whether it is signed in."""
        return bool(getattr(device, "registration", None) and device.registration.online)

    @admin.display(description=_("地址"))
    def address(self, device: VideoDevice) -> str:
        """Where it was last heard from."""
        seen = getattr(device, "registration", None)
        return f"{seen.host}:{seen.port} {seen.transport}" if seen else ""

    @admin.display(description=_("最近通信"), ordering="registration__seen_at")
    def seen_at(self, device: VideoDevice) -> Any:
        """When it was last heard."""
        seen = getattr(device, "registration", None)
        return seen.seen_at if seen else None

    @admin.display(description=_("通道数"), ordering="channel_total")
    def channel_count(self, device: VideoDevice) -> int:
        """Channels in its catalogue."""
        return device.channel_total  # type: ignore[attr-defined]

    @admin.display(description=_("厂商、型号、固件"))
    def about(self, device: VideoDevice) -> str:
        """What it says of itself."""
        seen = getattr(device, "registration", None)
        return " ".join(filter(None, (seen.manufacturer, seen.model, seen.firmware))) if seen else ""

    @admin.display(description=_("设备上这样填写"))
    def how_to(self, device: VideoDevice) -> str:
        """What has to be typed on the device's own page."""
        own = identity()
        return format_html(
            gettext("SIP 服务器编号 {}，SIP 域 {}，端口 {}（UDP 或 TCP），设备编号 {}，心跳 {} 秒 × {} 次"),
            own.code,
            own.realm,
            settings.GB28181_PORT,
            device.code or gettext("（保存后显示）"),
            own.keepalive_s,
            own.misses,
        )

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Whether the user keeps devices somewhere."""
        return self.has_change_permission(request)

    @admin.action(description=_("生成新密码（仅显示一次）"), permissions=["manage"])
    def make_passwords(self, request: HttpRequest, queryset: ScopedQuerySet) -> None:
        """Give the selected devices new passwords and show them."""
        for device in queryset.within(self.scope(request, self.change_requires)):
            password = new_password()
            set_password(device, password)
            text = gettext("%(device)s 的新密码（仅显示这一次）：%(password)s") % {
                "device": device,
                "password": password,
            }
            self.message_user(request, text, messages.WARNING)

    @admin.action(description=_("刷新目录"), permissions=["manage"])
    def refresh_catalogues(self, request: HttpRequest, queryset: ScopedQuerySet) -> None:
        """Ask the selected devices what they have."""
        for device in queryset.within(self.scope(request, self.change_requires))[:MOST_ASKED]:
            try:
                ask("catalogue", 45, device=device.code)
            except MediaError as error:
                self.message_user(request, f"{device}: {told(error)}", messages.ERROR)
            else:
                self.message_user(request, gettext("%s 的目录已更新。") % device)


@admin.register(Channel)
class ChannelAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """Channels; they come with their devices' catalogues and are only put in their place here."""

    list_display = ["code", "name", "device", "online", "listed", "address", "lon", "lat", "by_hand"]
    list_filter = ["online", "listed", "by_hand", ("device__owner", ScopedRelatedFilter)]
    list_select_related = ["device", "asset", "gaze"]
    search_fields = ["code", "name", "address", "device__code", "device__name"]
    readonly_fields = ["device", "code", "asset", "online", "listed", "manufacturer", "model", "civil_code", "parent",
                       "gaze"]  # fmt: skip
    fieldsets = [
        (None, {"fields": ["device", "code", "name", "address", "by_hand"]}),
        (_("位置"), {"fields": [("lon", "lat"), "asset", "carrier"]}),
        (_("视场"), {"fields": ["heading_deg", ("view_deg", "view_v_deg"), "view_m", "pan_zero_deg", "gaze"]}),
        (_("现状"), {"fields": ["online", "listed", "manufacturer", "model", "civil_code", "parent"]}),
    ]
    autocomplete_fields = ["carrier"]
    actions = ["look"]
    importable = False
    add_requires = None
    change_requires = delete_requires = Permission.MANAGE_DEVICES

    @admin.display(description=_("云台位置"))
    def gaze(self, channel: Channel) -> str:
        """How its head stands, as it said last."""
        said = getattr(channel, "gaze", None)
        if said is None:
            return gettext("没有报过")
        names = ((gettext("水平"), said.pan_deg), (gettext("俯仰"), said.tilt_deg), (gettext("视场角"), said.view_deg))
        parts = [f"{name} {value:.1f}°" for name, value in names if value is not None]
        return f"{' · '.join(parts)} · {timezone.localtime(said.at):%Y-%m-%d %H:%M:%S}"

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Whether the user keeps devices somewhere."""
        return self.has_change_permission(request)

    @admin.action(description=_("检查码流（各取流 4 秒）"), permissions=["manage"])
    def look(self, request: HttpRequest, queryset: ScopedQuerySet) -> None:
        """Open the selected channels' streams for a moment and say what came."""
        for channel in queryset.within(self.scope(request, self.change_requires))[:MOST_ASKED]:
            try:
                seen = ask("look", 40, device=channel.device.code, channel=channel.code, seconds=LOOK_S)
            except MediaError as error:
                self.message_user(request, f"{channel}: {told(error)}", messages.ERROR)
                continue
            text = gettext(
                "%(channel)s：%(codecs)s，%(rate)s 帧/秒，%(kilobits)s kbit/s，首帧 %(first)s 毫秒，"
                "丢包 %(lost)s，损坏 %(damaged)s"
            ) % {
                "channel": channel,
                "codecs": " ".join(seen["codecs"]) or gettext("没有画面"),
                "rate": seen["frames_a_second"],
                "kilobits": seen["kilobits"],
                "first": seen["first_frame_ms"],
                "lost": seen["lost"],
                "damaged": seen["damaged"],
            }
            self.message_user(request, text, messages.SUCCESS if seen["frames"] else messages.WARNING)


@admin.register(Gb28181Setting)
class Gb28181SettingAdmin(WholeCityAdmin):
    """What the platform calls itself; one row, which there has to be."""

    list_display = ["code", "realm", "algorithms", "public_address", "keepalive_s", "misses"]
    search_fields = ["code", "realm"]

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        """As viewing: administrators of everything."""
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """The row, made where nobody has needed it yet."""
        identity()
        return super().get_queryset(request)
