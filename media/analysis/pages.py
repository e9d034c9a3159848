"""The page of findings: a shell that the bundle fills."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from twin.bundle import entry
from twin.views import boot_data


@require_safe
def findings_page(request: HttpRequest) -> HttpResponse:
    """What machines saw, for whoever is signed in; which findings there are to see is asked of the API."""
    shell = {"bundle": entry("src/video/findings/main.ts"), "boot": boot_data(request)}
    return render(request, "media/findings.html", shell)
