"""Addresses of the framework."""

from django.urls import path

from layers.views import export

urlpatterns = [path("export", export, name="layers-export")]
