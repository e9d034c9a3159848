"""The video wall (视频墙): a shell that the bundle fills."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from twin.bundle import entry
from twin.views import boot_data


@require_safe
def video_page(request: HttpRequest) -> HttpResponse:
    """The wall of whoever is signed in; which cameras it shows, the API decides."""
    return render(request, "media/video.html", {"bundle": entry("src/video/main.ts"), "boot": boot_data(request)})
