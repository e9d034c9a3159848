"""Pages of a module: its registers on the desk, its entries in the menu."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.urls import reverse

from access.roles import Permission
from layers.contract.ids import Text


@dataclass(frozen=True)
class Register:
    """A register (台账) on the desk: rows of a model, which the module's ``admin.py`` shows.

    ``requires``: permission without which its entry is not offered.
    """

    id: str
    title: Text
    model: type[models.Model]
    requires: Permission = Permission.VIEW

    @property
    def address(self) -> str:
        """Path of its list on the desk."""
        meta = self.model._meta
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")


@dataclass(frozen=True)
class MenuEntry:
    """A page of the module in the menu: ``view`` is the name of its address."""

    id: str
    title: Text
    view: str
    requires: Permission = Permission.VIEW

    @property
    def address(self) -> str:
        """Path of the page."""
        return reverse(self.view)
