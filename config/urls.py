"""Addresses. Everything asks for a signed-in user unless its view says :func:`access.public`."""

from django.contrib import admin
from django.urls import include, path

from config.api import api
from config.health import healthz, readyz

urlpatterns = [
    path("", include("twin.urls")),
    path("", include("access.urls")),
    path("tiles/", include("gis.urls")),
    path("", include("media.urls")),
    path("", include("layers.urls")),
    path("tilesets/", include("gis.tileset_urls")),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
]
