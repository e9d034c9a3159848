"""What is recorded when and why, what there is of it, what was deleted, and what people say about it."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.scope import ScopedQuerySet, ScopePaths
from twin.period_text import check_periods

USER = settings.AUTH_USER_MODEL
OF_THE_CHANNEL = ScopePaths(
    organization="channel__device__owner__path",
    regions=(
        "channel__device__owner__region__path",
        "channel__asset__state__region__path",
        "channel__carrier__state__region__path",
    ),
)


class Retention(models.IntegerChoices):
    """留存类别: for how many days recordings are kept."""

    WEEK = 7, _("7 天")
    MONTH = 30, _("30 天")
    QUARTER = 90, _("90 天")
    YEAR = 365, _("1 年")


class RecordingPolicy(models.Model):
    """录像计划: which channels are recorded, when, and for how long that is kept."""

    class Mode(models.TextChoices):
        """When."""

        CONTINUOUS = "continuous", _("连续录像")
        SCHEDULE = "schedule", _("按时段录像")
        ALERT = "alert", _("预警时录像")

    name = models.CharField(_("名称"), max_length=120)
    enabled = models.BooleanField(_("启用"), default=True)
    owner = models.ForeignKey(
        "access.Organization", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("所属单位")
    )
    channels = models.ManyToManyField(
        "media.Channel",
        blank=True,
        related_name="recording_policies",
        verbose_name=_("视频通道"),
        help_text=_("不选则用于所属单位及其下级单位的全部摄像机。"),
    )
    mode = models.CharField(_("方式"), max_length=16, choices=Mode, default=Mode.CONTINUOUS)
    periods = models.JSONField(_("时段"), default=list, blank=True, validators=[check_periods])
    before_s = models.PositiveSmallIntegerField(
        _("预警前（秒）"), default=60, validators=[MinValueValidator(0), MaxValueValidator(120)],
        help_text=_("预警时录像：为留住预警前的画面，平台会一直取流并在内存中保留这么久。"),
    )  # fmt: skip
    after_s = models.PositiveSmallIntegerField(
        _("预警后（秒）"), default=120, validators=[MinValueValidator(10), MaxValueValidator(3600)]
    )
    near_m = models.PositiveSmallIntegerField(
        _("预警距离（米）"), default=200, validators=[MaxValueValidator(5000)],
        help_text=_("预警时录像：预警发生在摄像机周围这个距离以内时也录。"),
    )  # fmt: skip
    retention_days = models.PositiveSmallIntegerField(_("留存"), choices=Retention, default=Retention.MONTH)
    early = models.BooleanField(
        _("磁盘不足时可提前删除"), default=False, help_text=_("不勾选的到期前不会删除；磁盘写满时停止录像并预警。")
    )

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(organization="owner__path", regions=("owner__region__path",))

    class Meta:
        verbose_name = verbose_name_plural = _("录像计划")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a schedule without a time."""
        if self.mode == self.Mode.SCHEDULE and not self.periods:
            raise ValidationError({"periods": gettext("按时段录像须填写时段。")})


class RecordingOrder(models.Model):
    """录像任务: one channel is recorded for a while, because somebody or an alert asked for it."""

    class Kind(models.TextChoices):
        """Who asked."""

        HAND = "hand", _("人工录像")
        ALERT = "alert", _("预警录像")
        REPLAY = "replay", _("即时回放")

    channel = models.ForeignKey("media.Channel", models.CASCADE, related_name="+", verbose_name=_("视频通道"))
    kind = models.CharField(_("来由"), max_length=8, choices=Kind)
    starts_at = models.DateTimeField(_("开始时间"))
    ends_at = models.DateTimeField(_("结束时间"), null=True)
    reason = models.CharField(_("原因"), max_length=200)
    retention_days = models.PositiveSmallIntegerField(_("留存"), choices=Retention, default=Retention.MONTH)
    by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("操作人"))

    objects = ScopedQuerySet.as_manager()
    scope_paths = OF_THE_CHANNEL

    class Meta:
        verbose_name = verbose_name_plural = _("录像任务")
        ordering = ["-starts_at", "-id"]
        indexes = [models.Index(fields=["ends_at"], name="recording_order_ends")]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.starts_at:%F %T}"


class RecordingSegment(models.Model):
    """录像片段: about a minute of one channel in one file; its hash is chained to the one before."""

    class State(models.TextChoices):
        """How far it is."""

        WRITING = "writing", _("正在写入")
        KEPT = "kept", _("已保存")
        LOST = "lost", _("未能保存")
        MISSING = "missing", _("文件缺失")

    channel = models.ForeignKey("media.Channel", models.PROTECT, related_name="+", verbose_name=_("视频通道"))
    number = models.PositiveBigIntegerField(_("序号"))
    starts_at = models.DateTimeField(_("开始时间"))
    ends_at = models.DateTimeField(_("结束时间"))
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.WRITING)
    name = models.CharField(_("文件"), max_length=120, unique=True)
    away = models.BooleanField(_("在对象存储"), default=False)
    size_bytes = models.BigIntegerField(_("大小（字节）"), default=0)
    codecs = models.CharField(_("编码"), max_length=64)
    width = models.PositiveIntegerField(_("宽"))
    height = models.PositiveIntegerField(_("高"))
    left_out = models.CharField(_("未录声音"), max_length=16, blank=True)
    damaged = models.PositiveIntegerField(_("损坏帧"), default=0)
    reasons = models.CharField(_("来由"), max_length=64)
    retention_days = models.PositiveSmallIntegerField(_("留存"), choices=Retention)
    expires_at = models.DateTimeField(_("到期时间"))
    early = models.BooleanField(_("磁盘不足时可提前删除"), default=False)
    sha256 = models.CharField(_("校验值（SHA-256）"), max_length=64, blank=True)
    link = models.CharField(_("链值"), max_length=64, blank=True)

    objects = ScopedQuerySet.as_manager()
    scope_paths = OF_THE_CHANNEL

    class Meta:
        verbose_name = verbose_name_plural = _("录像片段")
        ordering = ["channel", "-number"]
        constraints = [models.UniqueConstraint(fields=["channel", "number"], name="recording_number_once")]
        indexes = [
            models.Index(fields=["channel", "starts_at"], name="recording_time"),
            models.Index(fields=["expires_at"], name="recording_expires"),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} #{self.number}"


class RecordingRemoval(models.Model):
    """录像删除: segments that were deleted one after the other, and where the chain goes on; grows at its end only."""

    class Why(models.TextChoices):
        """Why."""

        EXPIRED = "expired", _("到期")
        PRESSURE = "pressure", _("磁盘不足")

    channel = models.ForeignKey("media.Channel", models.PROTECT, related_name="+", verbose_name=_("视频通道"))
    first = models.PositiveBigIntegerField(_("起始序号"))
    last = models.PositiveBigIntegerField(_("终止序号"))
    starts_at = models.DateTimeField(_("开始时间"))
    ends_at = models.DateTimeField(_("结束时间"))
    size_bytes = models.BigIntegerField(_("大小（字节）"))
    why = models.CharField(_("原因"), max_length=8, choices=Why)
    link = models.CharField(_("链值"), max_length=64)
    at = models.DateTimeField(_("时间"), auto_now_add=True)

    objects = ScopedQuerySet.as_manager()
    scope_paths = OF_THE_CHANNEL

    class Meta:
        verbose_name = verbose_name_plural = _("录像删除记录")
        ordering = ["-at", "-id"]
        constraints = [models.UniqueConstraint(fields=["channel", "first"], name="recording_removed_once")]

    def __str__(self) -> str:
        return f"{self.channel_id} #{self.first}–{self.last}"


class RecordingMark(models.Model):
    """录像标记: a moment or a stretch of a channel that somebody named; what is bound to a case is kept for it."""

    class Kind(models.TextChoices):
        """What it is."""

        NOTE = "note", _("标记")
        CASE = "case", _("案件")
        TICKET = "ticket", _("工单")
        ALERT = "alert", _("预警")

    channel = models.ForeignKey("media.Channel", models.CASCADE, related_name="+", verbose_name=_("视频通道"))
    kind = models.CharField(_("类型"), max_length=8, choices=Kind, default=Kind.NOTE)
    starts_at = models.DateTimeField(_("开始时间"))
    ends_at = models.DateTimeField(_("结束时间"))
    number = models.CharField(_("编号"), max_length=64, blank=True)
    text = models.CharField(_("说明"), max_length=200, blank=True)
    by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("操作人"))
    at = models.DateTimeField(_("时间"), auto_now_add=True)
    released_at = models.DateTimeField(_("解除时间"), null=True, blank=True)

    objects = ScopedQuerySet.as_manager()
    scope_paths = OF_THE_CHANNEL

    class Meta:
        verbose_name = verbose_name_plural = _("录像标记")
        ordering = ["-starts_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(ends_at__gte=models.F("starts_at")), name="recording_mark_span")
        ]
        indexes = [
            models.Index(fields=["channel", "starts_at"], name="recording_mark_time"),
            models.Index(fields=["kind", "number"], name="recording_mark_number"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.number or self.text}"

    @property
    def holds(self) -> bool:
        """Whether what lies under it is kept for its sake."""
        return self.kind != self.Kind.NOTE and self.released_at is None
