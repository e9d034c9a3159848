"""Platforms that push positions of their devices over HTTP: who they are, their keys, and what is kept of requests."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from access.scope import ScopedQuerySet, ScopePaths


class Platform(models.Model):
    """对接平台: another system (of a maker of chips, of a trade) that pushes the positions of its devices over HTTP."""

    name = models.CharField(_("名称"), max_length=80, unique=True)
    owner = models.ForeignKey(
        "access.Organization", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("单位")
    )
    active = models.BooleanField(_("启用"), default=True)
    created_at = models.DateTimeField(_("登记时间"), auto_now_add=True)

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(organization="owner__path", regions=("owner__region__path",))

    class Meta:
        verbose_name = verbose_name_plural = _("对接平台")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PushKey(models.Model):
    """推送密钥: what a platform signs its requests with; sealed, since no hash of it could check a signature."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="keys", verbose_name=_("对接平台"))
    key_id = models.CharField(_("密钥编号"), max_length=32, unique=True)
    provider = models.CharField(_("加密方式"), max_length=40)
    sealed = models.BinaryField(_("密文"))
    issued_at = models.DateTimeField(_("签发时间"), auto_now_add=True)
    ends_at = models.DateTimeField(_("失效时间"), null=True)

    objects = ScopedQuerySet.as_manager()
    scope_paths = ScopePaths(organization="platform__owner__path", regions=("platform__owner__region__path",))

    class Meta:
        verbose_name = verbose_name_plural = _("推送密钥")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.key_id


class PushNonce(models.Model):
    """A nonce that was used, for as long as its time stamp would still be taken."""

    key = models.ForeignKey(PushKey, models.CASCADE, related_name="+", db_index=False)
    nonce = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = verbose_name_plural = _("推送随机数")
        constraints = [models.UniqueConstraint(fields=["key", "nonce"], name="nonce_used_once")]


class PushReceipt(models.Model):
    """What was answered to a batch with an identifier, so that the same batch sent again gets the same answer."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="+", db_index=False)
    batch = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    answer = models.TextField()
    at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = verbose_name_plural = _("推送回执")
        constraints = [models.UniqueConstraint(fields=["platform", "batch"], name="batch_answered_once")]
