"""The desk page of access tokens: everybody issues their own; administrators see and revoke those of their people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.exchange.pages import ExchangeMixin
from access.history import HistoryMixin
from access.models import User
from access.roles import Permission
from access.scope import scope_of
from access.tokens import LONGEST_DAYS, AccessToken

DAYS = ((7, _("7 天")), (30, _("30 天")), (90, _("90 天")), (LONGEST_DAYS, _("一年")))


class TokenForm(forms.ModelForm):
    """What a new token is for, and how long it is good."""

    days = forms.TypedChoiceField(label=_("有效期"), choices=DAYS, coerce=int, initial=90)

    class Meta:
        model = AccessToken
        fields = ["name"]


@admin.register(AccessToken)
class AccessTokenAdmin(ExchangeMixin, HistoryMixin, admin.ModelAdmin):
    """Tokens are issued and revoked, never changed or deleted: the ledger and the list tell the same story."""

    list_display = ["name", "user", "hint", "created_at", "expires_at", "last_used_at", "state"]
    list_select_related = ["user"]
    list_filter = ["created_at", "expires_at"]
    importable = False
    exchange_fields = ("name",)
    search_fields = ["name", "user__username"]
    actions = ["revoke"]
    readonly_fields = ["user", "name", "hint", "created_at", "expires_at", "last_used_at", "revoked_at", "state"]

    @admin.display(description=_("状态"))
    def state(self, row: AccessToken) -> str:
        """Whether it still opens anything."""
        if row.revoked_at is not None:
            return gettext("已吊销")
        if row.expires_at <= timezone.now():
            return gettext("已到期")
        return gettext("有效") if row.user.is_active else gettext("账号停用")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AccessToken]:
        """One's own, and those of people one administers."""
        people = User.objects.within(scope_of(request.user, Permission.ADMINISTER))
        return super().get_queryset(request).filter(Q(user=request.user.pk) | Q(user__in=people.values("pk")))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        """A new one asks for its purpose and its end."""
        return TokenForm if obj is None else super().get_form(request, obj, change, **options)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """See :meth:`get_form`."""
        return self.readonly_fields if obj else ["name", "days"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Everything, once it is there."""
        return self.readonly_fields if obj else []

    def save_model(self, request: HttpRequest, obj: AccessToken, form: Any, change: bool) -> None:
        """Give it its owner and its secret."""
        obj.user = request.user  # type: ignore[assignment]
        obj.shown_once = obj.renew_secret(form.cleaned_data["days"])  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def response_add(self, request: HttpRequest, obj: AccessToken, post_url_continue: Any = None) -> HttpResponse:
        """Show the token, this once; pages of the desk are kept by no browser."""
        context = {**self.admin_site.each_context(request), "token": obj.shown_once, "row": obj}  # type: ignore[attr-defined]
        return render(request, "access/desk/token.html", {**context, "title": gettext("新的访问令牌")})

    @admin.action(description=_("吊销所选令牌"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[AccessToken]) -> None:
        """End them now."""
        ended = queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
        self.message_user(request, gettext("已吊销 %(count)d 个令牌。") % {"count": ended}, messages.SUCCESS)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whoever has the desk."""
        return request.user.is_staff

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """See :meth:`get_queryset`, which decides which."""
        return request.user.is_staff

    def has_add_permission(self, request: HttpRequest) -> bool:
        """One's own."""
        return request.user.is_staff

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is changed; on the list, actions ask for this."""
        return request.user.is_staff and obj is None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: revoked ones stay to be seen."""
        return False
