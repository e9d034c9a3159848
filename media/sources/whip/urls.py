"""Addresses of publishing."""

from django.urls import path

from media.sources.whip.views import publication, publish

urlpatterns = [
    path("<str:code>", publish, name="whip"),
    path("<str:code>/<str:number>", publication, name="whip-publication"),
]
