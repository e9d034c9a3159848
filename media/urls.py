"""Addresses of video."""

from django.urls import path

from media.views import video_page

urlpatterns = [
    path("video/", video_page, name="video"),
]
