"""Addresses of this floor."""

from django.urls import path

from twin.basemaps.views import catalog, tile
from twin.views import map_page

urlpatterns = [
    path("", map_page, name="map"),
    path("basemaps/catalog.json", catalog, name="basemap-catalog"),
    path("basemaps/<slug:slug>/<int:z>/<int:x>/<int:y>", tile, name="basemap-tile"),
]
