"""Desk page: cameras on the local network that speak ONVIF, looked for when a person asks for it."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.desk import DeskPage, register_page
from access.models import User
from access.roles import Permission
from access.scope import scope_of
from media.asking import ask
from media.exceptions import MediaError
from media.models import VideoDevice, VideoSource
from media.sources.faults import explain

WAIT_S = 12.0


def may_discover(request: HttpRequest) -> bool:
    """Who keeps the whole city's devices: what answers belongs to no district yet."""
    user: User | AnonymousUser = request.user  # type: ignore[assignment]
    return scope_of(user, Permission.MANAGE_DEVICES).everything


def discover_page(request: HttpRequest) -> HttpResponse:
    """What there is to find, and after a press of the button what was found."""
    context: dict[str, object] = {"opts": VideoSource._meta, "title": gettext("查找摄像机"), "asked": False}
    if request.method == "POST":
        context["asked"] = True
        try:
            found = ask("onvif_discover", WAIT_S)
        except MediaError as error:
            context["error"] = explain(str(error))
        else:
            known = set(
                VideoDevice.objects.filter(protocol=VideoDevice.Protocol.ONVIF).values_list("address", flat=True)
            )
            add = reverse("admin:media_videosource_add")
            context["rows"] = [
                {
                    **one,
                    "known": one["address"] in known,
                    "add": f"{add}?"
                    + urlencode(
                        {"protocol": "onvif", "address": one["address"], "name": one["name"] or one["hardware"]}
                    ),
                }
                for one in found
            ]
    return TemplateResponse(request, "media/onvif_discover.html", {**admin.site.each_context(request), **context})


register_page(
    DeskPage(
        path="cameras-nearby/",
        name="cameras-nearby",
        title=_("查找摄像机"),
        app_label="media",
        allowed=may_discover,
        view=discover_page,
    )
)
