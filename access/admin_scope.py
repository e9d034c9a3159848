"""Scope and roles inside Django's admin.

A :class:`ScopedAdminMixin` in front of ``ModelAdmin`` is all a registered model needs: lists, pages, searches, actions
and choices hold only what is inside the signed-in user's scope, and a role's permission decides what may be done there.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext

from access.exchange.pages import ExchangeMixin
from access.history import HistoryMixin
from access.roles import Permission
from access.scope import Scope, allowed_regions, scope_of


class ScopedAdminMixin(ExchangeMixin, HistoryMixin):
    """Admin of a model that declares ``scope_paths`` and whose manager is a ScopedQuerySet.

    Import, export and the history of changes come with it (:mod:`access.exchange`, :mod:`access.history`).

    Attributes
    ----------
    view_requires, add_requires, change_requires, delete_requires : str or None
        Permission needed; None: nobody may.
    """

    view_requires: str | None = Permission.VIEW
    add_requires: str | None = Permission.ADMINISTER
    change_requires: str | None = Permission.ADMINISTER
    delete_requires: str | None = Permission.ADMINISTER

    model: type[models.Model]

    def scope(self, request: HttpRequest, permission: str | None) -> Scope:
        """Where the user may do this; nowhere for a permission nobody has."""
        return scope_of(request.user, permission) if permission else Scope()  # type: ignore[arg-type]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        """Only what is inside the user's scope."""
        return super().get_queryset(request).within(self.scope(request, self.view_requires))  # type: ignore[misc]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the user sees this model on the desk at all."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """See :attr:`view_requires`."""
        return self.inside(request, self.view_requires, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """See :attr:`add_requires`."""
        return self.inside(request, self.add_requires, None)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """See :attr:`change_requires`."""
        return self.inside(request, self.change_requires, obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """See :attr:`delete_requires`."""
        return self.inside(request, self.delete_requires, obj)

    def inside(self, request: HttpRequest, permission: str | None, obj: models.Model | None) -> bool:
        """Whether the row as it is stored is where the user holds the permission; without a row: anywhere at all."""
        scope = self.scope(request, permission)
        if obj is None or obj.pk is None:
            return not scope.empty
        return self.model._default_manager.within(scope).filter(pk=obj.pk).exists()  # type: ignore[attr-defined]

    def formfield_for_foreignkey(self, db_field: models.ForeignKey, request: HttpRequest, **options: Any) -> Any:
        """Offer only what is inside the scope."""
        options.setdefault("queryset", choices(db_field, self.scope(request, self.change_requires)))
        return super().formfield_for_foreignkey(db_field, request, **options)  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: models.ManyToManyField, request: HttpRequest, **options: Any) -> Any:
        """Offer only what is inside the scope."""
        options.setdefault("queryset", choices(db_field, self.scope(request, self.change_requires)))
        return super().formfield_for_manytomany(db_field, request, **options)  # type: ignore[misc]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save what belongs to the row, then refuse to have moved it out of (or made it outside) the scope.

        The admin saves inside a transaction, so a refusal undoes everything.
        """
        super().save_related(request, form, formsets, change)  # type: ignore[misc]
        if not self.inside(request, self.change_requires if change else self.add_requires, form.instance):
            raise PermissionDenied(gettext("保存后该对象将不在您的数据范围内，未保存。"))

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet) -> None:
        """Delete what the permission to delete covers; the list shows what the permission to view covers."""
        inside = queryset.within(self.scope(request, self.delete_requires))  # type: ignore[attr-defined]
        if inside.count() != queryset.count():
            raise PermissionDenied(gettext("所选对象中有您无权删除的，未删除。"))
        super().delete_queryset(request, inside)  # type: ignore[misc]


def choices(relation: models.Field, scope: Scope) -> models.QuerySet:
    """Rows a form may offer for a foreign key.

    Scoped models: those inside. Regions: those inside, and for an organization's scope the home regions of its
    subtree. Anything else belongs to no scope and is offered in full.
    """
    target = relation.related_model
    rows = target._default_manager.all()  # type: ignore[union-attr]
    if hasattr(target, "scope_paths"):
        return rows.within(scope)  # type: ignore[union-attr]
    if target._meta.label == "geo.Region" and not scope.everything:  # type: ignore[union-attr]
        from access.models import Organization

        home = Organization.objects.within(scope).values("region")
        return rows.filter(Q(pk__in=list(allowed_regions(scope))) | Q(pk__in=home))
    return rows


class ScopedRelatedFilter(admin.RelatedFieldListFilter):
    """List filter on a foreign key that names only what is inside the scope: ``("owner", ScopedRelatedFilter)``."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Choices of the filter."""
        rows = choices(field, model_admin.scope(request, model_admin.view_requires))
        ordering = self.field_admin_ordering(field, request, model_admin)
        return [(row.pk, str(row)) for row in (rows.order_by(*ordering) if ordering else rows)]


class OnceChosenMixin:
    """What a row is about is its primary key: chosen when it is made, and never changed."""

    model: type[models.Model]

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> list[str]:
        """Besides, the primary key of a row that is there."""
        fields = list(super().get_readonly_fields(request, obj))  # type: ignore[misc]
        assert self.model._meta.pk is not None
        return [*fields, self.model._meta.pk.name] if obj else fields
