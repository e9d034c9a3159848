"""The register of basemaps."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.audited import AuditedQuerySet
from access.ciphers import current_provider, provider_for

MOST_ZOOM = 22
_CONTEXT = b"twin.basemap.secret"
_PLACES = re.compile(r"\{[^{}]*\}")
_ALLOWED = {"{z}", "{x}", "{y}", "{key}"}


class Basemap(models.Model):
    """外部底图: where tiles come from, and the key that only the server knows."""

    class Kind(models.TextChoices):
        """How tiles are asked for."""

        XYZ = "xyz", _("XYZ 瓦片服务")
        WMTS = "wmts", _("WMTS 服务")
        PMTILES = "pmtiles", _("PMTiles 文件")
        MBTILES = "mbtiles", _("MBTiles 文件")

    slug = models.SlugField(_("代号"), max_length=32, unique=True, help_text=_("小写字母、数字和连字符，用在地址里。"))
    title = models.CharField(_("名称"), max_length=60)
    kind = models.CharField(_("类型"), max_length=16, choices=Kind)
    address = models.CharField(
        _("地址或文件名"),
        max_length=500,
        help_text=_(
            "XYZ 与 WMTS 填网址，用 {z} {x} {y} 表示级别、列、行，{key} 表示密钥；"
            "WMTS 也可只填服务网址，由下面的图层等参数组成请求。"
            "PMTiles 与 MBTiles 填服务器 var/basemaps 目录下的文件名。"
        ),
    )
    wmts_layer = models.CharField(_("WMTS 图层"), max_length=80, blank=True)
    wmts_style = models.CharField(_("WMTS 样式"), max_length=80, blank=True, default="default")
    wmts_set = models.CharField(_("WMTS 瓦片矩阵集"), max_length=80, blank=True, default="w")
    wmts_format = models.CharField(_("WMTS 格式"), max_length=40, blank=True, default="tiles")
    sealed = models.BinaryField(_("密钥"), null=True, editable=False)
    min_zoom = models.PositiveSmallIntegerField(_("最小级别"), default=0)
    max_zoom = models.PositiveSmallIntegerField(_("最大级别"), default=18)
    attribution = models.CharField(_("版权说明"), max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(_("次序"), default=10)
    active = models.BooleanField(_("启用"), default=True)

    objects = AuditedQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("外部底图")
        ordering = ["position", "title"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(min_zoom__lte=models.F("max_zoom"), max_zoom__lte=MOST_ZOOM),
                name="basemap_zooms",
                violation_error_message=_("级别应为 0 至 22，最小级别不大于最大级别。"),
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_file(self) -> bool:
        """Whether it is a file on the server."""
        return self.kind in (self.Kind.PMTILES, self.Kind.MBTILES)

    @property
    def path(self) -> Path:
        """The file; only its last name counts, so that there is no way out of the folder."""
        return Path(settings.VAR_DIR) / "basemaps" / Path(self.address).name

    @property
    def secret(self) -> str:
        """The key in the clear; empty where there is none."""
        if not self.sealed:
            return ""
        tag, key_id, sealed = bytes(self.sealed).split(b":", 2)
        return provider_for(tag.decode(), key_id.decode()).decrypt(sealed, _CONTEXT).decode()

    def seal(self, secret: str) -> None:
        """Take over a key; empty: none."""
        provider = current_provider()
        head = f"{provider.tag}:{provider.key_id}:".encode()
        self.sealed = head + provider.encrypt(secret.encode(), _CONTEXT) if secret else None

    def clean(self) -> None:
        """Refuse an address that cannot work, or that means something else than it seems to."""
        if self.is_file:
            if Path(self.address).name != self.address or self.address in (".", ".."):
                raise ValidationError({"address": gettext("请只填文件名，文件放在服务器的 var/basemaps 目录下。")})
            return
        parts = urlsplit(_PLACES.sub("0", self.address))
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
            raise ValidationError({"address": gettext("请填以 http:// 或 https:// 开头、不含账号的网址。")})
        if set(_PLACES.findall(urlsplit(self.address).netloc)):
            raise ValidationError({"address": gettext("网址的主机名里不能有 {z} 之类的占位。")})
        places = set(_PLACES.findall(self.address))
        whole = {"{z}", "{x}", "{y}"} <= places
        if places - _ALLOWED or not (whole or (self.kind == self.Kind.WMTS and self.wmts_layer)):
            raise ValidationError({"address": gettext("网址须含 {z} {x} {y}；WMTS 也可填写图层名由系统组成请求。")})
