"""The twin: what the city's things are, where they are, and where they have been."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class TwinConfig(AppConfig):
    """Registers map layers and keeps the history's partitions ready."""

    name = "twin"
    label = "twin"
    verbose_name = _("城市孪生")

    def ready(self) -> None:
        """Register layers, audit what people change, make partitions after each migration."""
        from access.audited import audited
        from gis.tiles import registry
        from twin.annotations import subjects
        from twin.annotations.feed import AnnotationFeed, AnnotationTeller
        from twin.history import ensure_partitions_after_migrate
        from twin.live.feeds import register_feed
        from twin.maplayers import AREAS
        from twin.models import Annotation, Area, Asset, Basemap, GridThreshold

        registry.register(AREAS)
        audited(Asset)
        audited(Area)
        audited(GridThreshold)
        audited(Basemap, secrets=("sealed",))
        audited(Annotation, ignore=("changed_at", "version"))
        register_feed(AnnotationFeed(), AnnotationTeller)
        subjects.register_subject(subjects.SubjectKind("asset", _("对象"), subjects.asset_title, subjects.find_assets))
        subjects.register_subject(subjects.SubjectKind("area", _("区域"), subjects.area_title, subjects.find_areas))
        post_migrate.connect(ensure_partitions_after_migrate, sender=self)
