"""Addresses of this floor."""

from django.urls import path

from media.recordings.pages import recordings_page

urlpatterns = [path("video/recordings/", recordings_page, name="recordings")]
