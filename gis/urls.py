"""Addresses of the vector tiles, to be included below ``tiles/``."""

from django.urls import path

from gis import views

urlpatterns = [
    path("catalog.json", views.catalog, name="tile-catalog"),
    path("<str:layers>/<int:z>/<int:x>/<int:y>.mvt", views.tile, name="tile"),
]
