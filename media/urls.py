"""Addresses of video."""

from django.urls import path

from media.recordings.pages import recordings_page
from media.views import video_page

urlpatterns = [
    path("video/", video_page, name="video"),
    path("video/recordings/", recordings_page, name="recordings"),
]
