"""Which camera is looked at by which analyser, models of the desk, uploads, and what was found."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.audited import AuditedQuerySet
from access.scope import ScopedQuerySet
from media.recordings.models import OF_THE_CHANNEL
from twin.period_text import check_periods

USER = settings.AUTH_USER_MODEL
RELATIVE = RegexValidator(r"\A(?!.*\.\.)[\w-][\w./ -]*\Z", _("填写 models 目录下的文件名，例如 helmet/model.onnx。"))
PART = [MinValueValidator(0), MaxValueValidator(1)]


class AnalysisModel(models.Model):
    """识别模型: a file in ONNX below the folder of models, and how it is read; each is an analyser."""

    class Layout(models.TextChoices):
        """What comes out of it (``docs/protocols/analysers.md``)."""

        CLASSES = "classes", _("整幅分类：各标签的概率")
        LOGITS = "logits", _("整幅分类：各标签的原始分值")
        BOXES = "boxes", _("目标框：每行 左、上、右、下、置信度、标签序号")
        GRID = "grid", _("目标网格：每列 中心、宽高、各标签置信度")

    key = models.CharField(
        _("代号"), max_length=32, unique=True, validators=[RegexValidator(r"\A[a-z][a-z0-9_-]*\Z")],
        help_text=_("小写字母、数字和 -，登记后不能改。"),
    )  # fmt: skip
    name = models.CharField(_("名称"), max_length=120)
    enabled = models.BooleanField(_("启用"), default=True)
    file = models.CharField(
        _("模型文件"), max_length=200, validators=[RELATIVE], help_text=_("数据目录的 models 目录下的 ONNX 文件。")
    )
    sha256 = models.CharField(
        _("校验值（SHA-256）"), max_length=64, validators=[RegexValidator(r"\A[0-9a-fA-F]{64}\Z")],
        help_text=_("用 sha256sum 计算；文件与此不符时不会加载。"),
    )  # fmt: skip
    labels = models.CharField(
        _("标签文件"), max_length=200, validators=[RELATIVE],
        help_text=_("每行一个标签，顺序与模型输出一致；写“-”的不报。"),
    )  # fmt: skip
    width = models.PositiveSmallIntegerField(
        _("输入宽（像素）"), default=640, validators=[MinValueValidator(8), MaxValueValidator(2048)]
    )
    height = models.PositiveSmallIntegerField(
        _("输入高（像素）"), default=640, validators=[MinValueValidator(8), MaxValueValidator(2048)]
    )
    layout = models.CharField(_("输出格式"), max_length=8, choices=Layout, default=Layout.GRID)
    source = models.TextField(
        _("来源与实测指标"), blank=True, help_text=_("谁提供的、用什么数据测得的准确率。没有实测指标的模型只作参考。")
    )

    objects = AuditedQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("识别模型")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def analyser(self) -> str:
        """Key of the analyser that it is."""
        return f"onnx.{self.key}"


class AnalysisTask(models.Model):
    """识别任务: one camera, one analyser, how often, and what of it becomes an alert."""

    class Grade(models.IntegerChoices):
        """Of its alerts; as the national emergency plan grades warnings."""

        RED = 1, _("红色")
        ORANGE = 2, _("橙色")
        YELLOW = 3, _("黄色")
        BLUE = 4, _("蓝色")

    channel = models.ForeignKey(
        "media.Channel", models.CASCADE, related_name="analysis_tasks", verbose_name=_("视频通道")
    )
    analyser = models.CharField(_("分析器"), max_length=64)
    enabled = models.BooleanField(_("启用"), default=True)
    every_s = models.PositiveSmallIntegerField(
        _("间隔（秒）"), default=5, validators=[MinValueValidator(1), MaxValueValidator(3600)],
        help_text=_("只看关键帧：摄像机的关键帧更疏时，按关键帧的间隔。"),
    )  # fmt: skip
    confidence = models.FloatField(
        _("最低置信度"), default=0.6, validators=[MinValueValidator(0.05), MaxValueValidator(1)],
        help_text=_("0.05 到 1；误报多时调高。"),
    )  # fmt: skip
    labels = models.CharField(_("只看这些标签"), max_length=400, blank=True, help_text=_("逗号隔开；不填则全部。"))
    left = models.FloatField(_("画面范围：左"), default=0, validators=PART, help_text=_("占画面的比例，0 到 1。"))
    top = models.FloatField(_("画面范围：上"), default=0, validators=PART)
    right = models.FloatField(_("画面范围：右"), default=1, validators=PART)
    bottom = models.FloatField(_("画面范围：下"), default=1, validators=PART)
    grade = models.PositiveSmallIntegerField(_("预警等级"), choices=Grade, default=Grade.YELLOW)
    periods = models.JSONField(_("时段"), default=list, blank=True, validators=[check_periods])
    created_at = models.DateTimeField(_("登记时间"), auto_now_add=True)

    objects = ScopedQuerySet.as_manager()
    scope_paths = OF_THE_CHANNEL

    class Meta:
        verbose_name = verbose_name_plural = _("识别任务")
        ordering = ["channel", "id"]

    def __str__(self) -> str:
        return f"{self.channel} · {self.analyser}"

    def clean(self) -> None:
        """Refuse a part of the picture that is none."""
        if self.right - self.left < 0.01 or self.bottom - self.top < 0.01:
            raise ValidationError({"right": gettext("画面范围：右须大于左，下须大于上。")})


class AnalysisUpload(models.Model):
    """送检文件: a picture or video that somebody sent to be looked at."""

    class State(models.TextChoices):
        """How far it is."""

        WAITING = "waiting", _("等待")
        RUNNING = "running", _("正在识别")
        DONE = "done", _("已完成")
        FAILED = "failed", _("未完成")

    channel = models.ForeignKey(
        "media.Channel", models.SET_NULL, null=True, related_name="+", verbose_name=_("视频通道")
    )
    analyser = models.CharField(_("分析器"), max_length=64)
    file = models.CharField(_("文件"), max_length=120)
    name = models.CharField(_("名称"), max_length=120)
    every_s = models.FloatField(_("间隔（秒）"), default=5)
    confidence = models.FloatField(_("最低置信度"), default=0.6)
    taken_at = models.DateTimeField(_("拍摄时间"), null=True)
    state = models.CharField(_("状态"), max_length=8, choices=State, default=State.WAITING)
    why = models.CharField(_("原因"), max_length=500, blank=True)
    looked = models.PositiveIntegerField(_("已看帧数"), default=0)
    by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("送检人"))
    at = models.DateTimeField(_("时间"), auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = _("送检文件")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class AnalysisFinding(models.Model):
    """识别结果: what one analyser saw with one camera, from its first frame until it was gone; with its key frame."""

    class Verdict(models.TextChoices):
        """What a person says of it."""

        OPEN = "open", _("待核实")
        CONFIRMED = "confirmed", _("属实")
        REJECTED = "rejected", _("误报")

    task = models.ForeignKey(AnalysisTask, models.SET_NULL, null=True, related_name="+", verbose_name=_("识别任务"))
    upload = models.ForeignKey(
        AnalysisUpload, models.CASCADE, null=True, related_name="findings", verbose_name=_("送检文件")
    )
    # Whoever takes a camera away takes nothing away of what was seen with it; that is the city's to look at then.
    channel = models.ForeignKey(
        "media.Channel", models.SET_NULL, null=True, related_name="+", verbose_name=_("视频通道")
    )
    analyser = models.CharField(_("分析器"), max_length=64)
    label = models.CharField(_("标签"), max_length=64)
    confidence = models.FloatField(_("置信度"))
    boxes = models.JSONField(_("位置"))
    """Of the key frame: ``[[left, top, width, height, confidence], …]``, parts of the picture."""
    grade = models.PositiveSmallIntegerField(_("预警等级"), choices=AnalysisTask.Grade)
    taken_at = models.DateTimeField(_("拍摄时间"))
    last_at = models.DateTimeField(_("最近看到"))
    ended_at = models.DateTimeField(_("消失时间"), null=True)
    looks = models.PositiveIntegerField(_("看到次数"), default=1)
    picture = models.CharField(_("关键帧"), max_length=120)
    width = models.PositiveIntegerField(_("宽"))
    height = models.PositiveIntegerField(_("高"))
    lon = models.FloatField(_("经度"), null=True)
    lat = models.FloatField(_("纬度"), null=True)
    verdict = models.CharField(_("结论"), max_length=9, choices=Verdict, default=Verdict.OPEN)
    verdict_by = models.ForeignKey(USER, models.SET_NULL, null=True, related_name="+", verbose_name=_("核实人"))
    verdict_at = models.DateTimeField(_("核实时间"), null=True)

    objects = ScopedQuerySet.as_manager()
    scope_paths = OF_THE_CHANNEL

    class Meta:
        verbose_name = verbose_name_plural = _("识别结果")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["task", "label"], condition=models.Q(ended_at__isnull=True), name="finding_once_while_it_lasts"
            )
        ]
        indexes = [
            models.Index(fields=["analyser", "verdict"], name="finding_verdict"),
            models.Index(fields=["taken_at"], name="finding_time"),
            models.Index(fields=["ended_at"], name="finding_end"),  # asked every second: what ended lately
        ]

    def __str__(self) -> str:
        return f"{self.label} {self.confidence:.0%}"
