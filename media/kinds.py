"""Cameras as a kind of thing on the map."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from twin.kinds import AssetKind, register_kind

CAMERA = register_kind(
    # A fixed camera's place is told anew every hour, so that its age says whether it can still be counted on.
    AssetKind("camera", 5, _("摄像机"), "camera", silent_after_s=7200, retention_days=90, fastest_m_s=90, jitter_m=10)
)
