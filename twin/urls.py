"""Addresses of this floor."""

from django.urls import path

from twin.views import map_page

urlpatterns = [path("", map_page, name="map")]
