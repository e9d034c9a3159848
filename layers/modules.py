"""The Django app of a module."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig

from layers.importing import importing


class ModuleConfig(AppConfig):
    """Base of every module's app config, which names ``name`` (``layers.<key>``) and ``verbose_name``.

    A file of the module that cannot be imported stops the start, named and with its cure.
    """

    default_auto_field = "django.db.models.BigAutoField"
    # Of the configs an apps.py knows, Django takes the one that says so: the module's, not this base.
    default = False

    def __init_subclass__(cls) -> None:
        """Make it the config of its app."""
        super().__init_subclass__()
        cls.default = True

    def import_models(self) -> None:
        """Import ``models.py``."""
        with importing(self.label, "models.py"):
            super().import_models()

    def ready(self) -> None:
        """Import ``admin.py``, and put the module's own models under audit."""
        from access.audited import AuditedQuerySet, audited, is_audited

        if find_spec(f"{self.name}.admin"):
            with importing(self.label, "admin.py"):
                import_module(f"{self.name}.admin")
        for model in self.get_models():
            if isinstance(model._default_manager.all(), AuditedQuerySet) and not is_audited(model):
                audited(model)
