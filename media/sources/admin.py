"""Desk pages of video sources: RTSP, ONVIF, files, publishers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.admin_scope import ScopedAdminMixin, ScopedRelatedFilter
from access.roles import Permission
from access.scope import ScopedQuerySet
from media.asking import ask
from media.exceptions import MediaError, NotOfferedError
from media.models import VideoDevice, VideoSource
from media.passwords import MOST_LENGTH, new_password, set_password
from media.sources.faults import explain
from media.sources.store import give_channel, new_code, take_owner

Protocol = VideoDevice.Protocol
Media = VideoDevice.Media
PROTOCOLS = [choice for choice in Protocol.choices if choice[0] != Protocol.GB28181]
WAYS = [(Media.TCP_ACTIVE, _("TCP（推荐）")), (Media.UDP, "UDP")]
MOST_ASKED = 20
PLACE = ("lon", "lat", "heading_deg")


class VideoSourceForm(forms.ModelForm):
    """A source, with its password where one is typed, and where its camera stands."""

    protocol = forms.ChoiceField(
        label=_("类型"),
        choices=PROTOCOLS,
        help_text=_(
            "摄像机支持 ONVIF 时选 ONVIF（带云台）；只有取流地址时选 RTSP；手机、浏览器、推流软件推送时选 WHIP。"
        ),
    )
    password = forms.CharField(
        label=_("密码"),
        required=False,
        max_length=MOST_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("摄像机上的密码。加密保存，不再显示；留空则不改。"),
    )
    lon = forms.FloatField(label=_("经度"), required=False, min_value=-180, max_value=180)
    lat = forms.FloatField(
        label=_("纬度"),
        required=False,
        min_value=-90,
        max_value=90,
        help_text=_("WGS 84。填写后摄像机出现在地图上；一台设备有多路时，在“视频通道”中逐路填写。"),
    )
    heading_deg = forms.FloatField(label=_("朝向（度）"), required=False, min_value=0, max_value=360)

    class Meta:
        model = VideoSource
        fields = ["protocol", "name", "owner", "active", "address", "username", "media"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "media" in self.fields:
            ways = self.fields["media"]
            ways.choices = WAYS  # type: ignore[attr-defined]
            ways.help_text = _("RTSP 和 ONVIF 用。画面花屏时选 TCP。")
            if not self.instance.pk:
                self.initial["media"] = Media.TCP_ACTIVE
        channels = list(self.instance.channels.order_by("code")[:2]) if self.instance.pk else []
        if len(channels) == 1:
            for name in PLACE:
                self.initial[name] = getattr(channels[0], name)
        if "address" in self.fields:
            self.fields["address"].help_text = format_html(
                gettext(
                    "RTSP：rtsp://地址:端口/路径，不含用户名和密码。ONVIF：摄像机的 IP 地址。"
                    "视频文件：放在平台 {} 文件夹中的文件名（MP4、TS、MKV）。WHIP：不填。"
                ),
                settings.VIDEO_FILES_DIR.name,
            )
            self.fields["address"].widget.attrs["class"] = "vLargeTextField"

    def clean(self) -> dict[str, Any]:
        """Refuse addresses that cannot be of this kind, and half a place."""
        data = super().clean() or {}
        try:
            data["address"] = check_address(data.get("protocol", ""), data.get("address", ""))
        except ValidationError as error:
            self.add_error("address", error)
        if (data.get("lon") is None) != (data.get("lat") is None):
            self.add_error("lat", gettext("经度和纬度须同时填写。"))
        if self.instance.pk and data.get("protocol") and data["protocol"] != self.instance.protocol:
            self.add_error("protocol", gettext("类型不能改。请删除后另建一个。"))
        return data


def check_address(protocol: str, address: str) -> str:
    """The address as it is stored.

    Raises
    ------
    ValidationError
        It is none of this protocol.
    """
    from media.sources.files import find_file
    from media.sources.onvif.device import read_endpoint
    from media.sources.rtsp.address import read_address

    address = address.strip()
    try:
        match protocol:
            case Protocol.RTSP:
                read_address(address)
            case Protocol.ONVIF:
                read_endpoint(address)
            case Protocol.FILE:
                find_file(settings.VIDEO_FILES_DIR, address)
            case Protocol.WHIP:
                return ""
    except NotOfferedError as error:
        told = {
            Protocol.RTSP: gettext("请写成 rtsp://地址:端口/路径，用户名和密码填在下面。"),
            Protocol.ONVIF: gettext("请填摄像机的 IP 地址，或 http://地址:端口/路径。用户名和密码填在下面。"),
        }
        raise ValidationError(told.get(Protocol(protocol)) or explain(str(error))) from None
    return address


@admin.register(VideoSource)
class VideoSourceAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """Sources. A publisher's key that is made here is shown this once."""

    form = VideoSourceForm
    list_display = ["name", "protocol", "owner", "online", "trouble", "seen_at", "channel_count", "active"]
    list_filter = ["protocol", ("owner", ScopedRelatedFilter), "active"]
    list_select_related = ["owner", "registration"]
    search_fields = ["name", "code", "address"]
    autocomplete_fields = ["owner"]
    readonly_fields = ["code", "online", "trouble", "seen_at", "about", "password_set_at", "created_at", "how_to"]
    fieldsets = [
        (None, {"fields": ["protocol", "name", "owner", "active"]}),
        (_("取流"), {"fields": ["address", "username", "password", "media", "how_to"]}),
        (_("位置"), {"fields": ["lon", "lat", "heading_deg"]}),
        (_("现状"), {"fields": ["online", "trouble", "seen_at", "about", "code", "password_set_at", "created_at"]}),
    ]
    actions = ["make_keys", "read_channels"]
    importable = False
    exchange_fields = ("code", "protocol", "name", "owner", "active", "address", "username", "media")
    add_requires = change_requires = delete_requires = Permission.MANAGE_DEVICES

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Sources, with how many channels each has."""
        listed = Count("channels", filter=Q(channels__listed=True))
        rows = super().get_queryset(request).exclude(protocol=Protocol.GB28181)
        return rows.annotate(channel_total=listed)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without how it is, while there is nothing yet."""
        return self.fieldsets if obj is not None else self.fieldsets[:-1]

    def save_model(self, request: HttpRequest, obj: VideoSource, form: Any, change: bool) -> None:
        """Save, with a code where there is none yet and the password that was typed; then the camera's place."""
        if not obj.code:
            obj.code = new_code()
        if password := form.cleaned_data.get("password"):
            set_password(obj, password, save=False)
        super().save_model(request, obj, form, change)
        device = VideoDevice.objects.get(pk=obj.pk)
        take_owner(device)
        channels = list(device.channels.all()[:2])
        if obj.protocol != Protocol.ONVIF or not channels:
            # An ONVIF device's first eye takes this channel over when it has answered.
            channels = channels or [give_channel(device)]
        if len(channels) == 1:
            place = {name: form.cleaned_data.get(name) for name in PLACE}
            if any(getattr(channels[0], name) != value for name, value in place.items()):
                for name, value in place.items():
                    setattr(channels[0], name, value)
                channels[0].save(update_fields=list(place))

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Whether the user keeps sources somewhere."""
        return self.has_change_permission(request)

    @admin.display(description=_("在线"), boolean=True, ordering="registration__online")
    def online(self, source: VideoSource) -> bool:
        """Whether it answers."""
        return bool(getattr(source, "registration", None) and source.registration.online)

    @admin.display(description=_("故障"))
    def trouble(self, source: VideoSource) -> str:
        """Why it does not, and what to do."""
        return explain(source.fault)

    @admin.display(description=_("最近应答"), ordering="registration__seen_at")
    def seen_at(self, source: VideoSource) -> Any:
        """When it last answered."""
        seen = getattr(source, "registration", None)
        return seen.seen_at if seen else ""

    @admin.display(description=_("通道数"), ordering="channel_total")
    def channel_count(self, source: VideoSource) -> int:
        """Its pictures."""
        return source.channel_total  # type: ignore[attr-defined]

    @admin.display(description=_("厂商、型号、固件"))
    def about(self, source: VideoSource) -> str:
        """What it says of itself."""
        seen = getattr(source, "registration", None)
        return " ".join(filter(None, (seen.manufacturer, seen.model, seen.firmware))) if seen else ""

    @admin.display(description=_("推流地址（WHIP）"))
    def how_to(self, source: VideoSource) -> str:
        """What has to be typed where it is published from."""
        if source.protocol != Protocol.WHIP or not source.code:
            return gettext("选 WHIP 并保存后显示。密钥在列表中用“生成推流密钥”取得。")
        address = reverse("whip", args=[source.code])
        return format_html(gettext("平台网址加上 {}，令牌（Bearer Token）填推流密钥，编码选 H.264"), address)

    @admin.action(description=_("生成推流密钥（仅显示一次）"), permissions=["manage"])
    def make_keys(self, request: HttpRequest, queryset: ScopedQuerySet) -> None:
        """Give the selected publishers new keys and show them; the former ones are worth nothing from now on."""
        for source in queryset.within(self.scope(request, self.change_requires)):
            if source.protocol != Protocol.WHIP:
                self.message_user(request, gettext("%s 不是 WHIP 推流，没有密钥。") % source, messages.ERROR)
                continue
            key = new_password()
            set_password(source, key)
            text = gettext("%(source)s 的推流密钥（仅显示这一次）：%(key)s，地址：%(address)s") % {
                "source": source.name,
                "key": key,
                "address": request.build_absolute_uri(reverse("whip", args=[source.code])),
            }
            self.message_user(request, text, messages.WARNING)

    @admin.action(description=_("重新读取通道（ONVIF）"), permissions=["manage"])
    def read_channels(self, request: HttpRequest, queryset: ScopedQuerySet) -> None:
        """Ask the selected ONVIF devices which pictures they have."""
        rows = queryset.within(self.scope(request, self.change_requires)).filter(protocol=Protocol.ONVIF)
        for source in rows[:MOST_ASKED]:
            try:
                ask("catalogue", 45, device=source.code)
            except MediaError as error:
                self.message_user(request, f"{source.name}: {explain(str(error))}", messages.ERROR)
            else:
                self.message_user(request, gettext("%s 的通道已更新。") % source.name)
