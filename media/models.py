"""Video devices (视频设备), their channels, and what the platform calls itself towards them."""

from __future__ import annotations

import ipaddress

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.audited import AuditedQuerySet
from access.scope import ScopedQuerySet, ScopePaths
from media.cascade.models import SharedChannel, Superior, Uplink
from media.validators import TWENTY_DIGITS

__all__ = [
    "Channel",
    "Gb28181Setting",
    "Registration",
    "SharedChannel",
    "Superior",
    "Uplink",
    "VideoDevice",
    "terminal_of",
]


def check_networks(value: str) -> None:
    """Refuse what is no list of addresses or networks."""
    for word in value.split():
        try:
            ipaddress.ip_network(word, strict=False)
        except ValueError:
            raise ValidationError(gettext("“%s”不是 IP 地址或网段。一行一个，例如 10.1.2.0/24。") % word) from None


def check_algorithms(value: str) -> None:
    """Refuse digests that nobody computes."""
    if not value.split() or set(value.split()) - {"MD5", "SHA-256", "SM3"}:
        raise ValidationError(gettext("可用 MD5、SHA-256、SM3，用空格隔开，优先的在前。"))


class VideoDevice(models.Model):
    """视频设备: a camera, a recorder with its channels, or a platform below ours."""

    class Protocol(models.TextChoices):
        """How it is reached."""

        GB28181 = "gb28181", "GB/T 28181"
        RTSP = "rtsp", _("RTSP 取流")
        ONVIF = "onvif", "ONVIF"
        FILE = "file", _("视频文件（循环播放）")
        WHIP = "whip", _("WHIP 推流")

    class Charset(models.TextChoices):
        """How it writes Chinese."""

        AUTO = "", _("自动识别")
        GB18030 = "gb18030", "GB 18030（GB 2312）"
        UTF8 = "utf-8", "UTF-8"

    class Media(models.TextChoices):
        """How its pictures come."""

        UDP = "udp", "UDP"
        TCP_PASSIVE = "tcp_passive", _("TCP，由设备连接平台")
        TCP_ACTIVE = "tcp_active", _("TCP，由平台连接设备")

    protocol = models.CharField(_("协议"), max_length=16, choices=Protocol, default=Protocol.GB28181)
    code = models.CharField(_("编码"), max_length=20, unique=True, validators=[TWENTY_DIGITS])
    name = models.CharField(_("名称"), max_length=120)
    owner = models.ForeignKey(
        "access.Organization", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("所属单位")
    )
    active = models.BooleanField(_("允许接入"), default=True)
    networks = models.TextField(
        _("允许的地址"),
        blank=True,
        validators=[check_networks],
        help_text=_("设备只能从这些 IP 地址或网段注册，一行一个；不填则不限。"),
    )
    charset = models.CharField(_("字符集"), max_length=8, choices=Charset, default=Charset.AUTO, blank=True)
    media = models.CharField(_("取流方式"), max_length=16, choices=Media, default=Media.UDP)
    address = models.CharField(_("取流地址"), max_length=500, blank=True)
    username = models.CharField(_("用户名"), max_length=64, blank=True)
    fault = models.CharField(_("故障"), max_length=200, blank=True, editable=False)
    follow_catalogue = models.BooleanField(_("订阅目录变化"), default=True)
    follow_alarms = models.BooleanField(_("订阅报警"), default=True)
    follow_position = models.BooleanField(
        _("订阅移动位置"), default=False, help_text=_("车载、单兵等会移动的设备选用。")
    )
    follow_gaze = models.BooleanField(
        _("订阅云台位置"), default=True, help_text=_("2022 版设备转动时，地图上的视场随它转。")
    )
    provider = models.CharField(_("加密方式"), max_length=40, blank=True, editable=False)
    sealed = models.BinaryField(_("密码"), default=b"", editable=False)
    password_set_at = models.DateTimeField(_("密码设置时间"), null=True, editable=False)
    created_at = models.DateTimeField(_("登记时间"), auto_now_add=True)

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(organization="owner__path", regions=("owner__region__path",))

    class Meta:
        verbose_name = verbose_name_plural = _("视频设备")
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.name} {self.code}"


class VideoSource(VideoDevice):
    """视频源: a video device that does not register by GB/T 28181, with a desk page of its own."""

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = _("视频源")
        ordering = ["name", "code"]


class Registration(models.Model):
    """Whether and from where a device is signed in, and what it says of itself; written by the process it talks to."""

    device = models.OneToOneField(VideoDevice, models.CASCADE, primary_key=True, related_name="registration")
    online = models.BooleanField(_("在线"), default=False)
    transport = models.CharField(_("传输"), max_length=3)
    host = models.GenericIPAddressField(_("地址"))
    port = models.PositiveIntegerField(_("端口"))
    registered_at = models.DateTimeField(_("注册时间"))
    expires_at = models.DateTimeField(_("注册到期"))
    seen_at = models.DateTimeField(_("最近通信"))
    version = models.CharField(_("协议版本"), max_length=8, blank=True)
    manufacturer = models.CharField(_("厂商"), max_length=64, blank=True)
    model = models.CharField(_("型号"), max_length=64, blank=True)
    firmware = models.CharField(_("固件"), max_length=64, blank=True)
    catalogue_at = models.DateTimeField(_("目录更新时间"), null=True)

    class Meta:
        verbose_name = verbose_name_plural = _("视频设备注册")


class Channel(models.Model):
    """视频通道: one picture of a device; where it is a camera, a thing on the map."""

    device = models.ForeignKey(VideoDevice, models.CASCADE, related_name="channels", verbose_name=_("视频设备"))
    code = models.CharField(_("编码"), max_length=40)
    name = models.CharField(_("名称"), max_length=255)
    asset = models.OneToOneField(
        "twin.Asset", models.SET_NULL, null=True, blank=True, related_name="channel", verbose_name=_("对象")
    )
    online = models.BooleanField(_("在线"), default=False, editable=False)
    listed = models.BooleanField(_("在目录中"), default=True, editable=False)
    manufacturer = models.CharField(_("厂商"), max_length=64, blank=True, editable=False)
    model = models.CharField(_("型号"), max_length=64, blank=True, editable=False)
    civil_code = models.CharField(_("行政区划代码"), max_length=8, blank=True, editable=False)
    address = models.CharField(_("安装地址"), max_length=255, blank=True)
    parent = models.CharField(_("上级编码"), max_length=40, blank=True, editable=False)
    profile = models.CharField(_("ONVIF 配置"), max_length=64, blank=True, editable=False)
    ptz = models.PositiveSmallIntegerField(_("云台类型"), default=0, editable=False)
    lon = models.FloatField(
        _("经度"), null=True, blank=True, validators=[MinValueValidator(-180), MaxValueValidator(180)]
    )
    lat = models.FloatField(
        _("纬度"), null=True, blank=True, validators=[MinValueValidator(-90), MaxValueValidator(90)]
    )
    heading_deg = models.FloatField(
        _("朝向（度）"), null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(360)]
    )
    view_deg = models.FloatField(
        _("水平视场角（度）"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(360)]
    )
    view_v_deg = models.FloatField(
        _("竖直视场角（度）"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(180)]
    )
    view_m = models.FloatField(
        _("可视距离（米）"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(20_000)]
    )
    pan_zero_deg = models.FloatField(
        _("云台零位方位（度）"),
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(360)],
        help_text=_("云台报水平角 0 度时画面朝向的方位，正北为 0。只用于会报云台位置的摄像机。"),
    )
    carrier = models.ForeignKey(
        "twin.Asset",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="carried_channels",
        verbose_name=_("搭载于"),
        help_text=_("装在无人机、车辆等对象上的摄像机选它，画面就能在该对象旁边播放。"),
    )
    by_hand = models.BooleanField(
        _("人工维护"), default=False, help_text=_("名称、地址、位置和视场以此处填写的为准，不随设备目录更新。")
    )

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(
        organization="device__owner__path",
        regions=("device__owner__region__path", "asset__state__region__path", "carrier__state__region__path"),
    )

    class Meta:
        verbose_name = verbose_name_plural = _("视频通道")
        ordering = ["device", "code"]
        constraints = [models.UniqueConstraint(fields=["device", "code"], name="channel_once_a_device")]

    def __str__(self) -> str:
        return f"{self.name} {self.code}"

    def clean(self) -> None:
        """Refuse half a place."""
        if (self.lon is None) != (self.lat is None):
            raise ValidationError({"lat": gettext("经度和纬度须同时填写。")})

    @property
    def terminal(self) -> str:
        """Identifier of its positions' device: its own code is not enough, cameras share default ones."""
        return terminal_of(self.device.code, self.code)


def terminal_of(device: str, channel: str) -> str:
    """Identifier under which a channel reports positions and events."""
    return device if device == channel else f"{device}.{channel}"


class Gb28181Setting(models.Model):
    """国标接入参数: what the platform calls itself towards devices; one row."""

    code = models.CharField(_("平台编码"), max_length=20, validators=[TWENTY_DIGITS])
    realm = models.CharField(
        _("SIP 域"), max_length=64, help_text=_("通常是平台编码的前 10 位；设备上填写的须与此相同。")
    )
    algorithms = models.CharField(
        _("摘要算法"),
        max_length=32,
        default="MD5",
        validators=[check_algorithms],
        help_text=_("MD5、SHA-256、SM3，空格隔开，优先的在前。老设备只认 MD5。"),
    )
    public_address = models.GenericIPAddressField(
        _("对外地址"), null=True, blank=True, help_text=_("平台在地址转换（NAT）之后时，填设备所见的地址。")
    )
    keepalive_s = models.PositiveSmallIntegerField(
        _("心跳间隔（秒）"), default=60, validators=[MinValueValidator(5), MaxValueValidator(3600)]
    )
    misses = models.PositiveSmallIntegerField(
        _("心跳超时次数"), default=3, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )

    objects = AuditedQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("国标接入参数")

    def __str__(self) -> str:
        return self.code


from media.analysis import models as _analysis  # noqa: E402, F401 (Django looks for models here)
from media.recordings import models as _recordings  # noqa: E402, F401
from media.sight import models as _sight  # noqa: E402, F401
