"""Desk pages of the devices: register, keys, commands, what was refused and why."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Field, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.admin_scope import ScopedAdminMixin
from access.desk import register_tile
from access.exchange.pages import ExchangeMixin
from access.history import HistoryMixin
from access.roles import Permission
from access.scope import ScopedQuerySet, scope_of
from devices import admin_platforms  # noqa: F401 (registers its pages)
from devices.admin_commands import CommandsMixin
from devices.datums import Datum, DatumField, datum_label
from devices.keys import issue_key, open_registration, revoke_key
from devices.models import Device, DeviceCommand, DeviceEvent, Refusal, RefusalCount
from devices.quiet import HeardFilter, refused_tile, silent_tile
from devices.reasons import hint_of, name_of

register_tile(silent_tile)
register_tile(refused_tile)


@admin.register(Device)
class DeviceAdmin(CommandsMixin, ScopedAdminMixin, admin.ModelAdmin):
    """Devices. A key is shown once, when it is made."""

    list_display = ["identifier", "kind", "asset", "datum_name", "numbered", "key_issued_at", "revoked_at"]
    list_filter = [
        HeardFilter,
        "kind",
        ("platform", admin.RelatedOnlyFieldListFilter),
        "datum",
        "numbered",
        ("revoked_at", admin.EmptyFieldListFilter),
    ]
    list_select_related = ["asset"]
    search_fields = ["identifier", "asset__name", "asset__code"]
    readonly_fields = ["username", "shard", "key_issued_at", "revoked_at", "registrable_until", "created_at"]
    actions = ["send_commands", "issue_keys", "revoke_keys", "open_registration"]
    add_requires = change_requires = delete_requires = Permission.MANAGE_DEVICES

    def formfield_for_dbfield(self, db_field: Field, request: HttpRequest, **options: Any) -> Any:
        """Datums are chosen from those that there are now, calibrated ones included."""
        if db_field.name == "datum":
            return DatumField(label=db_field.verbose_name, initial=Datum.WGS84)
        return super().formfield_for_dbfield(db_field, request, **options)

    @admin.display(description=_("坐标系"), ordering="datum")
    def datum_name(self, device: Device) -> str:
        """As it is chosen."""
        return datum_label(device.datum)

    @admin.display(description=_("MQTT 用户名"))
    def username(self, device: Device) -> str:
        """Name under which it signs in to the broker."""
        return device.username if device.identifier else ""

    def has_keys_permission(self, request: HttpRequest) -> bool:
        """Whether the user may make and revoke keys somewhere."""
        return self.has_change_permission(request)

    @admin.action(description=_("签发新密钥（旧密钥立即失效）"), permissions=["keys"])
    def issue_keys(self, request: HttpRequest, queryset: ScopedQuerySet) -> None:
        """Give the selected devices new keys and show them."""
        for device in queryset.within(self.scope(request, self.change_requires)):
            key = issue_key(device)
            text = gettext("%(device)s 的新密钥（仅显示这一次）：%(key)s") % {"device": device, "key": key}
            self.message_user(request, text, messages.WARNING)

    @admin.action(description=_("吊销密钥（立即断开）"), permissions=["keys"])
    def revoke_keys(self, request: HttpRequest, queryset: ScopedQuerySet) -> None:
        """End the selected devices' right to report."""
        for device in queryset.within(self.scope(request, self.change_requires)):
            revoke_key(device)
            self.message_user(request, gettext("%s 的密钥已吊销。") % device)

    @admin.action(description=_("允许自行注册（JT/T 808，30 分钟内一次，换发新密钥）"), permissions=["keys"])
    def open_registration(self, request: HttpRequest, queryset: ScopedQuerySet) -> None:
        """Let the selected devices ask for a key themselves, once and soon."""
        for device in queryset.within(self.scope(request, self.change_requires)):
            open_registration(device)
            self.message_user(request, gettext("%s 可在 30 分钟内注册一次。") % device)


class ReadOnlyScopedAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """What happened cannot be edited."""

    add_requires = change_requires = delete_requires = None


@admin.register(DeviceEvent)
class DeviceEventAdmin(ReadOnlyScopedAdmin):
    """What devices said beside positions."""

    list_display = ["ts", "device", "channel", "body"]
    list_filter = ["channel"]
    list_select_related = ["device"]
    search_fields = ["device__identifier"]


@admin.register(DeviceCommand)
class DeviceCommandAdmin(ReadOnlyScopedAdmin):
    """What was asked of devices and what they answered."""

    list_display = [
        "issued_at",
        "device",
        "name",
        "args",
        "state_now",
        "attempts",
        "reply_text",
        "replied_at",
        "issued_by",
    ]
    list_filter = ["state", "name"]
    list_select_related = ["device", "issued_by"]
    search_fields = ["device__identifier"]

    @admin.display(description=_("状态"), ordering="state")
    def state_now(self, command: DeviceCommand) -> str:
        """How far it got; a command that nobody answered in time will not be obeyed any more."""
        return str(DeviceCommand.State(command.state_now).label)


class WholeCityAdmin(ExchangeMixin, HistoryMixin, admin.ModelAdmin):
    """Read-only for administrators of the whole city: refused messages belong to no district."""

    importable = False

    def has_view_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        """Administrators of everything."""
        return scope_of(request.user, Permission.ADMINISTER).everything  # type: ignore[arg-type]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """As viewing."""
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        """Nobody."""
        return False


class WholeCityKeptAdmin(WholeCityAdmin):
    """Kept by administrators of the whole city."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """As viewing."""
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        """As viewing."""
        return self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        """As viewing."""
        return self.has_view_permission(request)


class ReasonFilter(admin.SimpleListFilter):
    """By reason; offers those that occurred."""

    title = _("原因")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Reasons that were ever counted, by name."""
        codes = RefusalCount.objects.order_by().values_list("reason", flat=True).distinct()
        return sorted(((code, name_of(code)) for code in codes), key=lambda reason: reason[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Those of the chosen reason."""
        return queryset.filter(reason=self.value()) if self.value() else queryset


class RefusalsAdmin(WholeCityAdmin):
    """Rows with a reason."""

    @admin.display(description=_("原因"), ordering="reason")
    def named_reason(self, row: Refusal | RefusalCount) -> str:
        """The reason in words, and the code that the protocol and the logs have."""
        name = name_of(row.reason)
        if name == row.reason:
            return name
        return format_html('{} <span class="code">{}</span>', name, row.reason)


@admin.register(Refusal)
class RefusalAdmin(RefusalsAdmin):
    """The last refused messages."""

    list_display = ["at", "named_reason", "device", "detail"]
    list_filter = [ReasonFilter]
    search_fields = ["device", "topic", "detail"]
    fields = ("at", "named_reason", "advice", "device", "topic", "detail", "payload")
    readonly_fields = fields

    @admin.display(description=_("怎么办"))
    def advice(self, refusal: Refusal) -> str:
        """What the reason means and what to do."""
        return hint_of(refusal.reason)


@admin.register(RefusalCount)
class RefusalCountAdmin(RefusalsAdmin):
    """How many were refused a day, by reason."""

    list_display = ["day", "named_reason", "count"]
    list_display_links = None
    list_filter = [ReasonFilter]
