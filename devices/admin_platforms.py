"""Desk pages of the platforms that push over HTTP, and their keys."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.admin_scope import ScopedAdminMixin
from access.roles import Permission
from access.scope import ScopedQuerySet
from devices.platforms import Platform, PushKey
from devices.push_keys import issue_push_key, revoke_push_keys


@admin.register(Platform)
class PlatformAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """Platforms. A key's secret is shown once, when it is made."""

    list_display = ["name", "owner", "active", "device_count", "created_at"]
    list_filter = ["active"]
    list_select_related = ["owner"]
    search_fields = ["name"]
    autocomplete_fields = ["owner"]
    readonly_fields = ["created_at"]
    actions = ["issue_keys", "revoke_keys"]
    view_requires = add_requires = change_requires = delete_requires = Permission.MANAGE_DEVICES

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With how many devices each may push for."""
        return super().get_queryset(request).annotate(device_total=Count("devices"))

    @admin.display(description=_("终端数"), ordering="device_total")
    def device_count(self, platform: Platform) -> int:
        """Devices it may push for."""
        return platform.device_total  # type: ignore[attr-defined]

    def has_keys_permission(self, request: HttpRequest) -> bool:
        """Whether the user may make and revoke keys somewhere."""
        return self.has_change_permission(request)

    @admin.action(description=_("签发推送密钥（旧密钥 24 小时后失效）"), permissions=["keys"])
    def issue_keys(self, request: HttpRequest, queryset: ScopedQuerySet) -> None:
        """Give the selected platforms new keys and show them."""
        for platform in queryset.within(self.scope(request, self.change_requires)):
            key = issue_push_key(platform)
            text = gettext("%(platform)s 的推送密钥（仅显示这一次）：编号 %(id)s，密钥 %(secret)s") % {
                "platform": platform,
                "id": key.key_id,
                "secret": key.secret,
            }
            self.message_user(request, text, messages.WARNING)

    @admin.action(description=_("吊销推送密钥（立即生效）"), permissions=["keys"])
    def revoke_keys(self, request: HttpRequest, queryset: ScopedQuerySet) -> None:
        """End all keys of the selected platforms."""
        for platform in queryset.within(self.scope(request, self.change_requires)):
            revoke_push_keys(platform)
            self.message_user(request, gettext("%s 的推送密钥已全部吊销。") % platform)


@admin.register(PushKey)
class PushKeyAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """Which keys there are; they are made and ended on the page of platforms."""

    list_display = ["key_id", "platform", "issued_at", "ends_at"]
    list_filter = [("platform", admin.RelatedOnlyFieldListFilter), ("ends_at", admin.EmptyFieldListFilter)]
    list_select_related = ["platform"]
    search_fields = ["key_id", "platform__name"]
    fields = readonly_fields = ("key_id", "platform", "issued_at", "ends_at")
    view_requires = Permission.MANAGE_DEVICES
    add_requires = change_requires = delete_requires = None
