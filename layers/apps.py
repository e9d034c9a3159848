"""The framework's app: finds the modules and hands what they declare to the floors below."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LayersConfig(AppConfig):
    """Stands before the modules in ``INSTALLED_APPS``; by the time it is ready every model is there."""

    name = "layers"
    label = "layers"
    verbose_name = _("图层模块")

    def ready(self) -> None:
        """Load the registry; give kinds to the twin, tiles to gis, rules to command."""
        from command.rules import registry as rules
        from gis.tiles import registry as tiles
        from layers.registry import registry
        from layers.tiles import tile_layer
        from twin.kinds import register_kind

        registry.load()
        for kind in registry.kinds():
            register_kind(kind)
        for layer in registry.map_layers():
            if (tiled := tile_layer(layer)) is not None:
                tiles.register(tiled)
        for rule in registry.rules():
            rules.register(rule)
        rules.freeze()
