"""Desk pages of recordings: when is recorded, what there is and was, what it is bound to."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.admin_scope import ScopedAdminMixin, ScopedRelatedFilter
from access.roles import Permission
from access.scope import ScopedQuerySet
from media.models import Channel
from media.recordings.finding import ms
from media.recordings.keeping import verify
from media.recordings.models import RecordingMark, RecordingPolicy, RecordingRemoval, RecordingSegment
from media.recordings.words import said
from twin.admin import PeriodsField

MOST_VERIFIED = 10
MOST_TOLD = 20


class RecordingPolicyForm(forms.ModelForm):
    """A policy with its periods as lines."""

    periods = PeriodsField(label=_("时段"))

    class Meta:
        model = RecordingPolicy
        fields = "__all__"


@admin.register(RecordingPolicy)
class RecordingPolicyAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """When which channels are recorded."""

    form = RecordingPolicyForm
    list_display = ["name", "mode", "owner", "retention_days", "early", "enabled"]
    list_filter = ["mode", "enabled", ("owner", ScopedRelatedFilter)]
    list_select_related = ["owner"]
    search_fields = ["name"]
    autocomplete_fields = ["owner", "channels"]
    fieldsets = [
        (None, {"fields": ["name", "enabled", "owner", "channels", "mode", "periods"]}),
        (_("留存"), {"fields": ["retention_days", "early"]}),
        (_("预警"), {"fields": ["before_s", "after_s", "near_m"]}),
    ]
    importable = False
    add_requires = change_requires = delete_requires = Permission.MANAGE_DEVICES


class _ReadOnly(ScopedAdminMixin, admin.ModelAdmin):
    """What the platform writes itself."""

    importable = False
    add_requires = change_requires = delete_requires = None
    list_select_related = ["channel__device"]

    def has_verify_permission(self, request: HttpRequest) -> bool:
        """Whoever sees recordings may prove them."""
        return self.has_view_permission(request)


@admin.register(RecordingSegment)
class RecordingSegmentAdmin(_ReadOnly):
    """Segments, and whether the chain is whole."""

    list_display = ["channel", "number", "starts_at", "ends_at", "state", "size_bytes", "reasons", "expires_at", "play"]
    list_filter = ["state", "retention_days", "starts_at"]
    search_fields = ["channel__name", "channel__code"]
    actions = ["verify_channels"]
    show_full_result_count = False

    @admin.display(description=_("播放"))
    def play(self, segment: RecordingSegment) -> str:
        """Where it is played."""
        asked = urlencode({"channel": segment.channel_id, "at": ms(segment.starts_at)})
        return format_html('<a href="{}?{}">{}</a>', reverse("recordings"), asked, gettext("播放"))

    @admin.action(description=_("校验所选通道的全部录像"), permissions=["verify"])
    def verify_channels(self, request: HttpRequest, queryset: ScopedQuerySet) -> None:
        """Read the whole chain of the selected segments' channels, files included, and tell what does not fit."""
        keys = queryset.within(self.scope(request, self.view_requires)).order_by().values("channel").distinct()
        for channel in Channel.objects.filter(pk__in=keys).select_related("device")[:MOST_VERIFIED]:
            faults = list(verify(channel))
            if not faults:
                self.message_user(request, gettext("%s：录像完整，未被改动。") % channel)
            for fault in faults[:MOST_TOLD]:
                self.message_user(request, f"{channel}  {said(fault)}", messages.ERROR)
            if len(faults) > MOST_TOLD:
                more = gettext("%(channel)s：共 %(count)d 处不符。") % {"channel": channel, "count": len(faults)}
                self.message_user(request, more, messages.ERROR)


@admin.register(RecordingRemoval)
class RecordingRemovalAdmin(_ReadOnly):
    """What was deleted, and why."""

    list_display = ["channel", "first", "last", "starts_at", "ends_at", "size_bytes", "why", "at"]
    list_filter = ["why", "at"]
    search_fields = ["channel__name", "channel__code"]


@admin.register(RecordingMark)
class RecordingMarkAdmin(ScopedAdminMixin, admin.ModelAdmin):
    """Marks and what is bound; made on the recordings' page, let go here or there."""

    list_display = ["kind", "number", "channel", "starts_at", "ends_at", "text", "by", "released_at"]
    list_filter = ["kind", "starts_at"]
    list_select_related = ["channel__device", "by"]
    search_fields = ["number", "text", "channel__name", "channel__code"]
    readonly_fields = ["channel", "kind", "starts_at", "ends_at", "number", "by", "at", "released_at"]
    actions = ["release"]
    importable = False
    add_requires = None
    change_requires = delete_requires = Permission.DISPATCH

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only notes; what was bound stays on the record."""
        if obj is not None and obj.kind != RecordingMark.Kind.NOTE:
            return False
        return obj is not None and super().has_delete_permission(request, obj)

    def has_release_permission(self, request: HttpRequest) -> bool:
        """As changing."""
        return self.has_change_permission(request)

    @admin.action(description=_("解除关联（到期后可删除）"), permissions=["release"])
    def release(self, request: HttpRequest, queryset: QuerySet) -> None:
        """Keep what lies under the selected marks no longer than its time."""
        rows = queryset.within(self.scope(request, self.change_requires))  # type: ignore[attr-defined]
        count = rows.filter(released_at=None).exclude(kind=RecordingMark.Kind.NOTE).update(released_at=timezone.now())
        self.message_user(request, gettext("已解除 %d 项关联。") % count)
