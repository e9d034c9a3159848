"""Platforms above (上级平台), what each is given, and whether we are signed in there."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from access.audited import AuditedQuerySet
from media.validators import TWENTY_DIGITS


class Superior(models.Model):
    """上级平台: towards it we are a device that registers by GB/T 28181 and shares cameras."""

    class Transport(models.TextChoices):
        """How SIP goes there."""

        UDP = "udp", "UDP"
        TCP = "tcp", "TCP"

    class Charset(models.TextChoices):
        """How it is written to."""

        GB18030 = "gb18030", "GB 18030（GB 2312）"
        UTF8 = "utf-8", "UTF-8"

    name = models.CharField(_("名称"), max_length=120)
    code = models.CharField(_("上级平台编码"), max_length=20, unique=True, validators=[TWENTY_DIGITS])
    domain = models.CharField(_("上级 SIP 域"), max_length=64)
    host = models.CharField(_("上级地址"), max_length=253, help_text=_("IP 地址或主机名。"))
    port = models.PositiveIntegerField(
        _("上级端口"), default=5060, validators=[MinValueValidator(1), MaxValueValidator(65_535)]
    )
    transport = models.CharField(_("信令传输"), max_length=3, choices=Transport, default=Transport.UDP)
    own_code = models.CharField(
        _("本平台在上级的编码"),
        max_length=20,
        blank=True,
        validators=[TWENTY_DIGITS],
        help_text=_("上级分配的 20 位编码；不填则用“国标接入参数”中的平台编码。"),
    )
    username = models.CharField(_("认证用户名"), max_length=64, blank=True, help_text=_("不填则与编码相同。"))
    provider = models.CharField(_("加密方式"), max_length=40, blank=True, editable=False)
    sealed = models.BinaryField(_("密码"), default=b"", editable=False)
    password_set_at = models.DateTimeField(_("密码设置时间"), null=True, editable=False)
    expires_s = models.PositiveIntegerField(
        _("注册有效期（秒）"), default=3600, validators=[MinValueValidator(60), MaxValueValidator(604_800)]
    )
    keepalive_s = models.PositiveSmallIntegerField(
        _("心跳间隔（秒）"), default=60, validators=[MinValueValidator(5), MaxValueValidator(3600)]
    )
    misses = models.PositiveSmallIntegerField(
        _("心跳超时次数"), default=3, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )
    charset = models.CharField(_("字符集"), max_length=8, choices=Charset, default=Charset.GB18030)
    controls = models.BooleanField(
        _("允许控制"), default=False, help_text=_("允许上级转动云台、布撤防、开关录像；不能重启设备。")
    )
    past = models.BooleanField(_("允许看录像"), default=True)
    active = models.BooleanField(_("启用"), default=True)
    channels: models.ManyToManyField = models.ManyToManyField(
        "media.Channel", through="media.SharedChannel", verbose_name=_("共享的通道")
    )

    objects = AuditedQuerySet.as_manager()

    class Meta:
        app_label = "media"
        verbose_name = verbose_name_plural = _("上级平台")
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} {self.code}"


class SharedChannel(models.Model):
    """共享通道: one camera that a platform above is given, under the code it has there."""

    superior = models.ForeignKey(Superior, models.CASCADE, related_name="shared", verbose_name=_("上级平台"))
    channel = models.ForeignKey("media.Channel", models.CASCADE, related_name="+", verbose_name=_("视频通道"))
    code = models.CharField(
        _("在上级的编码"),
        max_length=20,
        blank=True,
        validators=[TWENTY_DIGITS],
        help_text=_("不填则用通道自己的编码。"),
    )
    name = models.CharField(_("在上级的名称"), max_length=255, blank=True, help_text=_("不填则用通道名称。"))

    objects = AuditedQuerySet.as_manager()

    class Meta:
        app_label = "media"
        verbose_name = verbose_name_plural = _("共享通道")
        ordering = ["superior", "channel"]
        constraints = [
            models.UniqueConstraint(fields=["superior", "channel"], name="channel_shared_once"),
            models.UniqueConstraint(fields=["superior", "code"], name="shared_code_once", condition=~models.Q(code="")),
        ]

    def __str__(self) -> str:
        return self.name or str(self.channel)


class Uplink(models.Model):
    """Whether we are signed in at a platform above; written by the process that talks to it."""

    superior = models.OneToOneField(Superior, models.CASCADE, primary_key=True, related_name="uplink")
    online = models.BooleanField(_("在线"), default=False)
    since = models.DateTimeField(_("始于"))
    fault = models.CharField(_("最近的问题"), max_length=255, blank=True)

    class Meta:
        app_label = "media"
        verbose_name = verbose_name_plural = _("上级注册")
