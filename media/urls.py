"""Addresses of video."""

from django.urls import path

from media.analysis.pages import findings_page
from media.recordings.pages import recordings_page
from media.views import video_page

urlpatterns = [
    path("video/", video_page, name="video"),
    path("video/findings/", findings_page, name="findings"),
    path("video/recordings/", recordings_page, name="recordings"),
]
