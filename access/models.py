"""Organizations, users, grants, and the audit ledger."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.contrib.gis.db import models
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from access.audit import Action
from access.identifiers import normalise_code, validate_uscc
from access.personal import PersonalField
from access.roles import DESK_PERMISSIONS, NEEDS_ORGANIZATION, NEEDS_REGION, Role
from access.scope import Scoped, ScopedQuerySet, ScopePaths, permissions_of, scope_of_role
from access.tokens import AccessToken as AccessToken


class Organization(Scoped):
    """An agency or enterprise (单位); organizations nest.

    ``path`` is kept by the database (a trigger, see the first migration), whichever way a row is written.
    """

    class Kind(models.TextChoices):
        AGENCY = "agency", _("机关事业单位")
        ENTERPRISE = "enterprise", _("企业")

    scope_paths = ScopePaths(organization="path", regions=("region__path",))

    name = models.CharField(_("单位名称"), max_length=120)
    uscc = models.CharField(_("统一社会信用代码"), max_length=18, unique=True, validators=[validate_uscc])
    kind = models.CharField(_("单位类型"), max_length=16, choices=Kind.choices)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("上级单位")
    )
    path = models.TextField(_("路径"), editable=False, default="")
    region = models.ForeignKey("geo.Region", models.PROTECT, related_name="+", verbose_name=_("所在行政区"))
    site = models.MultiPolygonField(_("厂界"), srid=4326, null=True, blank=True)
    contact_phone = PersonalField(_("联系电话"), kind="telephone")

    class Meta:
        verbose_name = _("单位")
        verbose_name_plural = _("单位")
        ordering = ["name", "id"]
        indexes = [models.Index(fields=["path"], name="access_organization_path", opclasses=["text_pattern_ops"])]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Bring the code into its normal form and refuse a loop.

        Raises
        ------
        ValidationError
            The organization would lie inside itself.
        """
        self.uscc = normalise_code(self.uscc)
        if self.pk and self.parent is not None and f"/{self.pk}/" in self.parent.path:
            raise ValidationError({"parent": _("上级单位不能是本单位或其下级单位。")}, code="loop")

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and take over the path the database gave.

        Raises
        ------
        IntegrityError
            The organization would lie inside itself.
        """
        self.uscc = normalise_code(self.uscc)
        with transaction.atomic(using=kwargs.get("using")):
            super().save(*args, **kwargs)
            self.path = type(self)._base_manager.using(self._state.db).values_list("path", flat=True).get(pk=self.pk)


class UserManager(DjangoUserManager.from_queryset(ScopedQuerySet)):  # type: ignore[misc]
    """Makes accounts; what they may do comes from grants alone."""

    use_in_migrations = False

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **fields: Any
    ) -> User:
        """Make an account with an administrator grant for the whole city."""
        with transaction.atomic():
            user = self.create_user(username, email, password, **fields)
            Grant.objects.create(user=user, role=Role.ADMINISTRATOR)
        return user

    def create_user(self, username: str, email: str | None = None, password: str | None = None, **fields: Any) -> User:
        """Make an account that may do nothing yet."""
        user = self.model(username=self.model.normalize_username(username), email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractUser):
    """An account (用户). Django's own flags, groups and model permissions do not exist here: grants decide."""

    scope_paths: ClassVar[ScopePaths] = ScopePaths(
        organization="organization__path", regions=("organization__region__path",)
    )

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    groups = None  # type: ignore[assignment]
    user_permissions = None  # type: ignore[assignment]

    display_name = models.CharField(_("姓名"), max_length=60, blank=True)
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="users", verbose_name=_("所属单位")
    )
    telephone = PersonalField(_("手机号码"), kind="mobile")
    identity_number = PersonalField(_("公民身份号码"), kind="identity_number")

    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("用户")
        verbose_name_plural = _("用户")
        ordering = ["username"]

    def __str__(self) -> str:
        return f"{self.display_name}（{self.username}）" if self.display_name else self.username

    @property
    def is_staff(self) -> bool:  # type: ignore[override]
        """Whether a grant opens the desk; asked by Django's admin."""
        return bool(permissions_of(self) & DESK_PERMISSIONS)

    @property
    def is_superuser(self) -> bool:  # type: ignore[override]
        """Whether this is an administrator of the whole city; opens admin pages of tables that belong to no scope."""
        return scope_of_role(self, Role.ADMINISTRATOR).everything

    def get_full_name(self) -> str:
        """Name to show."""
        return self.display_name or self.username

    def get_short_name(self) -> str:
        """Name to show where there is little room."""
        return self.get_full_name()

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Answer Django's model permissions: all of them to an administrator of the whole city, none to others."""
        return bool(self.is_active and self.is_superuser)

    def has_module_perms(self, app_label: str) -> bool:
        """See :meth:`has_perm`."""
        return self.has_perm(app_label)


class Grant(models.Model):
    """A role given to a user for one place: a region, an organization, or (neither) the whole city (授权)."""

    user = models.ForeignKey(User, models.CASCADE, related_name="grants", verbose_name=_("用户"))
    role = models.CharField(_("角色"), max_length=16, choices=Role.choices)
    # PROTECT, never SET_NULL: a grant that lost its place would hold for the whole city.
    region = models.ForeignKey(
        "geo.Region", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("行政区")
    )
    organization = models.ForeignKey(
        Organization, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("单位")
    )

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("授权")
        verbose_name_plural = _("授权")
        ordering = ["user", "role", "id"]
        constraints = [
            models.CheckConstraint(
                name="access_grant_one_place",
                condition=Q(region=None) | Q(organization=None),
                violation_error_message=_("一项授权只能限定行政区或单位之一。"),
            ),
            models.CheckConstraint(
                name="access_grant_district_region",
                condition=~Q(role__in=sorted(NEEDS_REGION)) | Q(region__isnull=False),
                violation_error_message=_("区级角色须指定行政区。"),
            ),
            models.CheckConstraint(
                name="access_grant_enterprise_organization",
                condition=~Q(role__in=sorted(NEEDS_ORGANIZATION)) | Q(organization__isnull=False),
                violation_error_message=_("企业角色须指定单位。"),
            ),
            models.UniqueConstraint(
                fields=["user", "role", "region", "organization"],
                name="access_grant_once",
                nulls_distinct=False,
                violation_error_message=_("同样的授权已经存在。"),
            ),
        ]

    def __str__(self) -> str:
        place = self.region or self.organization or _("全市")
        return f"{self.get_role_display()} · {place}"


class AuditRecord(models.Model):
    """One line of the ledger (审计记录). Rows are added and never changed: a trigger refuses it."""

    scope_paths: ClassVar[ScopePaths] = ScopePaths(
        organization="actor__organization__path", regions=("actor__organization__region__path",)
    )

    at = models.DateTimeField(_("时间"), default=timezone.now, db_index=True)
    # No constraint: the ledger outlives accounts, and nothing may write into it when one is deleted.
    actor = models.ForeignKey(
        User, models.DO_NOTHING, null=True, db_constraint=False, related_name="+", verbose_name=_("操作人")
    )
    actor_name = models.CharField(_("操作人账号"), max_length=150, blank=True)
    action = models.CharField(_("操作"), max_length=24, choices=Action.choices)
    model = models.CharField(_("对象类型"), max_length=80, blank=True)
    object_id = models.CharField(_("对象编号"), max_length=64, blank=True)
    label = models.CharField(_("对象名称"), max_length=200, blank=True)
    changes = models.JSONField(_("变更"), default=dict, blank=True)
    detail = models.JSONField(_("说明"), default=dict, blank=True)
    ip = models.GenericIPAddressField(_("来源地址"), null=True, blank=True)
    session = models.CharField(_("会话"), max_length=16, blank=True)
    request_id = models.CharField(_("请求编号"), max_length=64, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("审计记录")
        verbose_name_plural = _("审计记录")
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["model", "object_id"], name="access_audit_object"),
            models.Index(fields=["actor", "-at"], name="access_audit_actor"),
        ]

    def __str__(self) -> str:
        return f"{timezone.localtime(self.at):%Y-%m-%d %H:%M:%S} {self.actor_name} {self.get_action_display()}"


class ImportDraft(models.Model):
    """A file between its trial and its confirmation, sealed: it may hold personal identifiers in full."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+", verbose_name=_("用户"))
    model = models.CharField(_("对象类型"), max_length=80)
    created_at = models.DateTimeField(_("时间"), default=timezone.now, db_index=True)
    provider = models.CharField(max_length=40)
    sealed = models.BinaryField()

    class Meta:
        verbose_name = verbose_name_plural = _("待确认的导入")

    def __str__(self) -> str:
        return f"{self.model} {self.id}"
