"""Video: cameras and recorders that register with the platform, and the pictures that come from them."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MediaConfig(AppConfig):
    """Declares cameras as a kind, names the refusals, and puts devices under audit."""

    name = "media"
    label = "media"
    verbose_name = _("视频")

    def ready(self) -> None:
        """Declare and audit; of a password, only that it changed."""
        from access.audited import audited
        from devices.reasons import register_reasons
        from media import kinds  # noqa: F401 (declares the kind)
        from media.analysis.models import AnalysisModel, AnalysisTask
        from media.analysis.registered import AnalyserKind, register_analyser
        from media.models import Channel, Gb28181Setting, SharedChannel, Superior, VideoDevice, VideoSource
        from media.reasons import REASONS
        from media.recordings.models import RecordingMark, RecordingOrder, RecordingPolicy
        from media.sources.making import register_sources

        register_reasons(REASONS)
        register_sources()
        register_analyser(AnalyserKind("media.blank", _("画面无内容（遮挡、黑屏）"), "media.analysis.blank:make"))
        audited(VideoDevice, secrets=["sealed"], ignore=["fault"])
        audited(VideoSource, secrets=["sealed"], ignore=["fault"])
        audited(Channel, ignore=["online", "listed"])
        audited(Gb28181Setting)
        audited(Superior, secrets=["sealed"])
        audited(SharedChannel)
        for model in (AnalysisModel, AnalysisTask, RecordingPolicy, RecordingOrder, RecordingMark):
            audited(model)
