"""Desk pages of this floor: organizations, users with their grants, the audit ledger."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access import admin_tokens as _admin_tokens  # noqa: F401 - registers its page
from access.admin_scope import ScopedAdminMixin, ScopedRelatedFilter, choices
from access.audit import Action, record
from access.audited import audited_models
from access.calibration import page as calibration_page  # noqa: F401 - puts itself on the desk
from access.desk import as_lines
from access.exchange.pages import ExchangeMixin
from access.history import HistoryMixin
from access.models import AuditRecord, Grant, Organization, User
from access.roles import Permission
from access.scope import Scope, scope_of
from access.signals import UNKNOWN_NAME
from gis.admin import RegionAdmin
from gis.models import Region

admin.site.unregister(Group)
admin.site.unregister(Region)


@admin.register(Region)
class DeskRegionAdmin(ExchangeMixin, HistoryMixin, RegionAdmin):
    """Regions of the floor below, with what every register on the desk has; boundaries come from no file here."""

    importable = False
    has_history = True  # type: ignore[assignment]

    def save_model(self, request: HttpRequest, obj: Region, form: Any, change: bool) -> None:
        """Record what was corrected: the floor below knows no ledger."""
        super().save_model(request, obj, form, change)
        changes = {
            name: {"old": form.initial.get(name), "new": form.cleaned_data.get(name)} for name in form.changed_data
        }
        if changes:
            record(Action.CHANGE, subject=obj, changes=changes)


@admin.register(Organization)
class OrganizationAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """Agencies and enterprises. The site boundary is described, not drawn: the map is the place for that."""

    list_display = ["name", "uscc", "kind", "region", "parent"]
    list_filter = ["kind", ("region", ScopedRelatedFilter)]
    list_select_related = ["region", "parent"]
    search_fields = ["name", "uscc", "contact_phone__exact"]
    fields = ["name", "uscc", "kind", "parent", "region", "contact_phone", "site_summary", "path"]
    readonly_fields = ["site_summary", "path"]

    @admin.display(description=_("厂界概况"))
    def site_summary(self, organization: Organization) -> str:
        """Pieces, points and extent in degrees."""
        if not organization.site:
            return gettext("未登记厂界")
        west, south, east, north = organization.site.extent
        return gettext("%(parts)d 块，%(points)d 点，经度 %(lon)s，纬度 %(lat)s") % {
            "parts": len(organization.site),
            "points": organization.site.num_coords,
            "lon": f"{west:.5f}–{east:.5f}",
            "lat": f"{south:.5f}–{north:.5f}",
        }


class GrantFormSet(forms.BaseInlineFormSet):
    """Refuses to give a role beyond the place where the giver is an administrator."""

    scope: Scope

    def clean(self) -> None:
        """Check every grant that stays."""
        super().clean()
        for form in self.forms:
            values = getattr(form, "cleaned_data", {})
            if not values or values.get("DELETE") or not form.has_changed():
                continue
            if not covers(self.scope, values.get("region"), values.get("organization")):
                form.add_error(None, gettext("只能在您管理的范围内授权。"))


def covers(scope: Scope, region: Any, organization: Organization | None) -> bool:
    """Whether a grant for this place lies wholly inside ``scope``."""
    if organization is not None:
        return scope.allows(organization.path, [organization.region.path])
    return scope.allows(None, [region.path]) if region is not None else scope.everything


class GrantInline(admin.TabularInline):
    """The grants of one user."""

    model = Grant
    formset = GrantFormSet
    extra = 0

    def get_formset(self, request: HttpRequest, obj: Any = None, **options: Any) -> Any:
        """Let the forms know who gives."""
        made = super().get_formset(request, obj, **options)
        return type("ScopedGrantFormSet", (made,), {"scope": _administers(request)})

    def formfield_for_foreignkey(self, db_field: models.ForeignKey, request: HttpRequest, **options: Any) -> Any:
        """Offer only places inside the giver's scope."""
        options["queryset"] = choices(db_field, _administers(request))
        return super().formfield_for_foreignkey(db_field, request, **options)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever administers somewhere sees grants; the page itself is limited to people inside the scope."""
        return not _administers(request).empty

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See :meth:`has_change_permission`."""
        return self.has_change_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only on accounts the giver may change."""
        return not _administers(request).empty and (obj is None or may_manage(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See :meth:`has_change_permission`."""
        return self.has_change_permission(request, obj)


def _administers(request: HttpRequest) -> Scope:
    return scope_of(request.user, Permission.ADMINISTER)  # type: ignore[arg-type]


def may_manage(manager: Any, user: User) -> bool:
    """Whether every grant of ``user`` lies inside what ``manager`` administers.

    Otherwise a district's administrator could set the password of somebody who may do more, and sign in as them.
    """
    scope = scope_of(manager, Permission.ADMINISTER)
    grants = user.grants.select_related("region", "organization__region") if user.pk else ()
    return all(covers(scope, grant.region, grant.organization) for grant in grants)


@admin.register(User)
class UserAdmin(ScopedAdminMixin, DjangoUserAdmin):
    """Accounts. Whoever may do more than the administrator can be looked at by them, but not changed."""

    view_requires = Permission.ADMINISTER
    exchange_fields = (
        *("username", "display_name", "organization", "telephone", "identity_number", "email", "is_active"),
    )

    list_display = ["username", "display_name", "organization", "telephone", "is_active", "last_login"]
    list_filter = ["is_active", "grants__role", ("organization", ScopedRelatedFilter)]
    list_select_related = ["organization"]
    search_fields = ["username", "display_name", "telephone__exact", "identity_number__exact"]
    ordering = ["username"]
    filter_horizontal = ()
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["username", "password", "is_active"]}),
        (_("个人信息"), {"fields": ["display_name", "organization", "telephone", "identity_number", "email"]}),
        (_("时间"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["username", "display_name", "organization", "usable_password", "password1", "password2"]}),
    ]
    inlines = [GrantInline]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Inside the scope, and nobody who may do more than oneself."""
        return super().has_change_permission(request, obj) and (obj is None or may_manage(request.user, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never oneself; else see :meth:`has_change_permission`."""
        if obj is not None and (obj.pk == request.user.pk or not may_manage(request.user, obj)):
            return False
        return super().has_delete_permission(request, obj)

    def prepare_imported(self, instance: User) -> None:
        """Nobody signs in to an account from a file until somebody has set its password."""
        instance.set_unusable_password()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No deleting in bulk: accounts are switched off, or deleted one by one."""
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}


def kind_name(label: str) -> str:
    """What the desk calls a model; the ledger's own text where there is no such model any more."""
    try:
        return str(apps.get_model(label)._meta.verbose_name) if label else ""
    except LookupError:
        return label


def _field_name(label: str, field: str) -> str:
    try:
        return str(getattr(apps.get_model(label)._meta.get_field(field), "verbose_name", field))
    except (LookupError, ValueError, FieldDoesNotExist):
        return field


class AuditedKindFilter(admin.SimpleListFilter):
    """By what sort of thing; offers what is under audit."""

    title = _("对象类型")
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Models under audit, by name."""
        return sorted(((m._meta.label, str(m._meta.verbose_name)) for m in audited_models()), key=lambda kind: kind[1])

    def queryset(self, request: HttpRequest, queryset: models.QuerySet) -> models.QuerySet:
        """Records about the chosen sort."""
        return queryset.filter(model=self.value()) if self.value() else queryset


@admin.register(AuditRecord)
class AuditRecordAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """The ledger, to be read."""

    view_requires = Permission.ADMINISTER
    add_requires = change_requires = delete_requires = None

    list_display = ["at", "actor_shown", "action", "kind", "label", "ip"]
    list_filter = ["action", "at", AuditedKindFilter]
    search_fields = ["actor_name", "label", "object_id__exact", "request_id__exact"]
    date_hierarchy = "at"
    show_full_result_count = False
    readonly_fields = [
        *("at", "actor_shown", "action", "kind", "object_id", "label"),
        *("changes_table", "detail_text", "ip", "session", "request_id"),
    ]
    fields = tuple(readonly_fields)

    @admin.display(description=_("操作人账号"), ordering="actor_name")
    def actor_shown(self, row: AuditRecord) -> str:
        """Who did it; of a name that no account has, its first letter and what is the same whenever it is typed."""
        typed = UNKNOWN_NAME.fullmatch(row.actor_name)
        if typed is None:
            return row.actor_name
        told = {"first": typed["first"], "sign": typed["sign"]}
        return gettext("无此账号：%(first)s…（输入特征 %(sign)s）") % told if typed["first"] else gettext("未填账号")

    @admin.display(description=_("对象类型"), ordering="model")
    def kind(self, row: AuditRecord) -> str:
        """What sort of thing it happened to, as people call it."""
        return kind_name(row.model)

    @admin.display(description=_("变更"))
    def changes_table(self, row: AuditRecord) -> str:
        """Old and new values, one field a line."""
        return as_lines(
            f"{_field_name(row.model, name)}：{change.get('old')} → {change.get('new')}"
            for name, change in row.changes.items()
        )

    @admin.display(description=_("说明"))
    def detail_text(self, row: AuditRecord) -> str:
        """Everything else that was kept."""
        return as_lines(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in row.detail.items())
