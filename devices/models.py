"""Devices, the numbering of their messages, who ingests them, and what was refused."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import MD5, Cast
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from access.scope import ScopedQuerySet, ScopePaths
from devices.datums import Datum, check_datum
from devices.platforms import Platform
from devices.reporting.models import ProcessReport, ProcessSample  # noqa: F401 - models of this app
from devices.topics import IDENTIFIER, shard_of, username
from twin.kinds import kind_choices


class Device(models.Model):
    """终端: the thing that reports, and its right to do so."""

    Datum = Datum

    identifier = models.CharField(
        _("终端编号"),
        max_length=64,
        unique=True,
        validators=[RegexValidator(IDENTIFIER, _("只能用字母、数字、点、横线和下划线，最多 64 个字符"))],
    )
    kind = models.CharField(_("类别"), max_length=32, choices=kind_choices)
    asset = models.OneToOneField(
        "twin.Asset", models.SET_NULL, null=True, blank=True, related_name="device", verbose_name=_("对象")
    )
    datum = models.CharField(_("坐标系"), max_length=64, default=Datum.WGS84, validators=[check_datum])
    numbered = models.BooleanField(
        _("消息有编号"), default=True, help_text=_("有编号的终端由 acked 保证不丢不重；无编号的终端须用 QoS 1")
    )
    platform = models.ForeignKey(
        Platform,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="devices",
        verbose_name=_("对接平台"),
        help_text=_("由哪个平台代为推送；自己连接的终端不填"),
    )
    shard = models.PositiveSmallIntegerField(_("分片"), editable=False)
    key_hash = models.CharField(_("密钥摘要"), max_length=160, blank=True, editable=False)
    key_issued_at = models.DateTimeField(_("密钥签发时间"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("吊销时间"), null=True, editable=False)
    registrable_until = models.DateTimeField(_("允许自行注册至"), null=True, editable=False)
    created_at = models.DateTimeField(_("登记时间"), auto_now_add=True)

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(
        organization="asset__owner__path", regions=("asset__owner__region__path", "asset__state__region__path")
    )

    class Meta:
        verbose_name = verbose_name_plural = _("终端")
        ordering = ["identifier"]

    def __str__(self) -> str:
        return self.identifier

    def clean(self) -> None:
        """Refuse a device whose topic would name another kind than its asset's."""
        if self.asset is not None and self.asset.kind != self.kind:
            raise ValidationError({"asset": _("对象的类别与终端不同")})

    def save(self, *args: object, **kwargs: object) -> None:
        """Save, with the shard that follows from the identifier."""
        self.shard = shard_of(self.identifier)
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    @property
    def username(self) -> str:
        """Name under which the device signs in to the broker."""
        return username(self.kind, self.identifier)


class Numbering(models.Model):
    """How far a device's numbers are settled: all up to ``acked``, and the ranges in ``ahead`` beyond a gap."""

    # Without a constraint in the database: gis/references.py.
    device = models.OneToOneField(
        Device, models.CASCADE, primary_key=True, db_constraint=False, related_name="numbering"
    )
    epoch = models.BigIntegerField()
    acked = models.BigIntegerField()
    ahead = models.JSONField(default=list)

    class Meta:
        verbose_name = verbose_name_plural = _("消息编号")


class ShardLease(models.Model):
    """Which ingest worker owns a shard, until when. ``token`` grows with every change of owner."""

    shard = models.PositiveSmallIntegerField(primary_key=True)
    owner = models.CharField(max_length=64, blank=True)
    token = models.BigIntegerField(default=0)
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name = verbose_name_plural = _("分片租约")


class Worker(models.Model):
    """An ingest worker that is alive, so that the others leave it its share of the shards."""

    name = models.CharField(max_length=64, primary_key=True)
    seen_at = models.DateTimeField()
    areas_stamp = models.BigIntegerField(null=True)
    """Version of the notice ``areas`` (:mod:`gis.notices`) by which it judges: changes up to that are in force."""
    areas_read_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = verbose_name_plural = _("接入进程")


class Refusal(models.Model):
    """拒收记录: one of the last messages that were refused, and why."""

    at = models.DateTimeField(_("时间"), db_index=True)
    reason = models.CharField(_("原因"), max_length=48, db_index=True)
    device = models.CharField(_("终端编号"), max_length=128, blank=True)
    topic = models.CharField(_("主题"), max_length=512, blank=True)
    detail = models.CharField(_("说明"), max_length=512, blank=True)
    payload = models.TextField(_("内容（截取）"), blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("拒收记录")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{timezone.localtime(self.at):%F %T} {self.device}"


class RefusalCount(models.Model):
    """How many messages were refused a day, by reason; kept when the records themselves are gone."""

    day = models.DateField(_("日期"))
    reason = models.CharField(_("原因"), max_length=48)
    count = models.BigIntegerField(_("条数"))

    class Meta:
        verbose_name = verbose_name_plural = _("拒收统计")
        ordering = ["-day", "reason"]
        constraints = [models.UniqueConstraint(fields=["day", "reason"], name="refusals_counted_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.reason}: {self.count}"


class DeviceEvent(models.Model):
    """终端事件: something a device said that is no position: an event, a change of power, battery, firmware."""

    class Channel(models.TextChoices):
        """Topic it came by."""

        STATUS = "status", _("状态")
        EVENT = "event", _("事件")

    device = models.ForeignKey(Device, models.CASCADE, related_name="events", verbose_name=_("终端"))
    channel = models.CharField(_("通道"), max_length=8, choices=Channel)
    ts = models.DateTimeField(_("时间"))
    received_at = models.DateTimeField(_("接收时间"))
    body = models.JSONField(_("内容"))

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(
        organization="device__asset__owner__path",
        regions=("device__asset__owner__region__path", "device__asset__state__region__path"),
    )

    class Meta:
        verbose_name = verbose_name_plural = _("终端事件")
        ordering = ["-id"]
        constraints = [
            # By its digest: an index entry must fit a third of a page, and a body need not.
            models.UniqueConstraint(
                "device", "channel", "ts", MD5(Cast("body", models.TextField())), name="device_event_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device} {self.get_channel_display()} {timezone.localtime(self.ts):%F %T}"


class DeviceCommand(models.Model):
    """终端指令: what was asked of a device, and what it answered."""

    class State(models.TextChoices):
        """How far it got."""

        SENT = "sent", _("已下发")
        OK = "ok", _("已执行")
        REFUSED = "refused", _("终端拒绝")
        FAILED = "failed", _("执行失败")
        EXPIRED = "expired", _("超时未应答")

    device = models.ForeignKey(Device, models.CASCADE, related_name="commands", verbose_name=_("终端"))
    name = models.CharField(_("指令"), max_length=64)
    args = models.JSONField(_("参数"), default=dict)
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.SENT)
    issued_by = models.ForeignKey("access.User", models.PROTECT, null=True, related_name="+", verbose_name=_("下发人"))
    issued_at = models.DateTimeField(_("下发时间"), auto_now_add=True)
    expires_at = models.DateTimeField(_("有效期至"))
    attempts = models.PositiveSmallIntegerField(_("已下发次数"), default=1)
    replied_at = models.DateTimeField(_("应答时间"), null=True)
    reply_text = models.CharField(_("应答说明"), max_length=512, blank=True)

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(
        organization="device__asset__owner__path",
        regions=("device__asset__owner__region__path", "device__asset__state__region__path"),
    )

    class Meta:
        verbose_name = verbose_name_plural = _("终端指令")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} → {self.device}"

    @property
    def state_now(self) -> str:
        """How far it got; what nobody answered in time is expired, whether or not a job has noted it yet."""
        late = self.state == self.State.SENT and self.expires_at < timezone.now()
        return self.State.EXPIRED if late else self.State(self.state)
