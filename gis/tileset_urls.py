"""Addresses of the 3D Tiles, to be included below ``tilesets/``."""

from django.urls import path

from gis import tileset_views

urlpatterns = [
    path("catalog.json", tileset_views.catalog, name="tileset-catalog"),
    path("<str:name>/<path:path>", tileset_views.tileset_file, name="tileset-file"),
]
