"""Addresses of the framework."""

from django.urls import include, path

from layers.director import director_page
from layers.plan import plan_page
from layers.screen import screen_page
from layers.views import export

urlpatterns = [
    path("layers/export", export, name="layers-export"),
    path("screen/", screen_page, name="screen"),
    path("", include("layers.ogc.urls")),
    path("director/", director_page, name="director"),
    path("plan/", plan_page, name="plan"),
]
