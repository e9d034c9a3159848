"""The recordings' page: a shell that the bundle fills."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from twin.bundle import entry
from twin.views import boot_data


@require_safe
def recordings_page(request: HttpRequest) -> HttpResponse:
    """Recordings, for whoever is signed in; which channels there are to see is asked of the API."""
    boot = boot_data(request)
    boot["urls"] |= {
        "recordings": reverse("api:recording-channels").removesuffix("/channels"),
        "map": reverse("map"),
        "screen": reverse("screen"),
    }
    return render(request, "media/recordings.html", {"bundle": entry("src/video/recordings/main.ts"), "boot": boot})
