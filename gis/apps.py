"""The GIS floor as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class GeoConfig(AppConfig):
    """Labelled ``geo``, because ``gis`` is the label of :mod:`django.contrib.gis`."""

    name = "gis"
    label = "geo"
    verbose_name = _("地理底座")

    def ready(self) -> None:
        """Register what must hold at start, and this floor's map layers."""
        from gis import checks, maplayers, tiles  # noqa: F401

        for layer in (maplayers.REGIONS, *maplayers.BASE_LAYERS):
            tiles.registry.register(layer)
