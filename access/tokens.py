"""Personal access tokens (访问令牌): what a program shows instead of a password.

The token itself is shown once, when it is issued; stored is its SHA-256 (it has 256 bits of chance, so nothing slower
is needed). A token opens what its owner may see at that moment, and only the doors of :mod:`access.outside`.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from access.audited import AuditedQuerySet

if TYPE_CHECKING:
    from access.models import User

PREFIX = "st_"
MARK_EVERY = timedelta(minutes=5)
"""A token in use is written again at most this often."""
LONGEST_DAYS = 366


class AccessToken(models.Model):
    """访问令牌: one key of one account, with an end."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="access_tokens", editable=False, verbose_name=_("用户")
    )
    name = models.CharField(_("用途"), max_length=80, help_text=_("谁、用什么程序访问，例如“规划院 QGIS”。"))
    digest = models.CharField(_("摘要"), max_length=64, unique=True, editable=False)
    hint = models.CharField(_("开头"), max_length=12, editable=False)
    created_at = models.DateTimeField(_("签发时间"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("到期时间"), editable=False)
    revoked_at = models.DateTimeField(_("吊销时间"), null=True, editable=False)
    last_used_at = models.DateTimeField(_("最近使用"), null=True, editable=False)

    objects = AuditedQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("访问令牌")
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.name}（{self.hint}…）"

    @property
    def valid(self) -> bool:
        """Whether it still opens anything."""
        return self.revoked_at is None and self.expires_at > timezone.now() and self.user.is_active

    def renew_secret(self, days: int) -> str:
        """Give it a new secret, good for so many days; returns the token, which is told nowhere else.

        Raises
        ------
        ValueError
            Not 1 to :data:`LONGEST_DAYS` days.
        """
        if not 1 <= days <= LONGEST_DAYS:
            raise ValueError(f"days must be 1..{LONGEST_DAYS}, not {days}")
        token = PREFIX + secrets.token_urlsafe(32)
        self.digest, self.hint = _digest(token), token[: len(PREFIX) + 4]
        self.expires_at = timezone.now() + timedelta(days=days)
        return token


def user_of_token(token: str) -> User | None:
    """Whose token this is; None where there is none, it has ended or was revoked, or the account is switched off."""
    row = AccessToken.objects.select_related("user").filter(digest=_digest(token)).first()
    if row is None or not row.valid:
        return None
    now = timezone.now()
    if row.last_used_at is None or now - row.last_used_at > MARK_EVERY:
        AccessToken.objects.filter(pk=row.pk).update(last_used_at=now)
    return row.user


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
