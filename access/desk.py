"""The desk (管理台): Django's admin site under the product's name, and nothing of other people's on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django.apps import apps
from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from access.models import User

NOT_ON_THE_DESK = ("procrastinate",)
"""Applications that bring admin pages for their own makers; ``./sandtable status`` and the metrics tell of jobs."""
USUAL_PLACE = 50
"""Where an application stands in the navigation whose config has no ``desk_place``; a smaller number stands higher."""

TONES = ("red", "orange", "blue", "")
"""How much a figure asks for somebody; the gravest stands first."""


@dataclass(frozen=True)
class Tile:
    """A figure on the overview that leads to the list it counts.

    Attributes
    ----------
    tone : str
        One of :data:`TONES`; empty: it only informs.
    """

    title: str
    count: int
    address: str
    note: str = ""
    tone: str = ""


_tiles: list[Callable[[HttpRequest], Tile | None]] = []


def register_tile(make: Callable[[HttpRequest], Tile | None]) -> Callable[[HttpRequest], Tile | None]:
    """Put a figure on the overview; ``make`` counts inside the user's scope, None: it is not for this user."""
    _tiles.append(make)
    return make


@dataclass(frozen=True)
class DeskPage:
    """A page of the desk that is no register.

    Attributes
    ----------
    path, name : str
        Its address below the desk's, and what ``reverse`` calls it after ``admin:``.
    app_label : str
        Under which application the navigation has it.
    view : callable
        Gives the answer to a request; only asked for users who are ``allowed``.
    parts : tuple of (path, name, view)
        Further addresses under the same guard, such as what the page fetches.
    """

    path: str
    name: str
    title: Any
    app_label: str
    allowed: Callable[[HttpRequest], bool]
    view: Callable[[HttpRequest], HttpResponse]
    parts: tuple[tuple[str, str, Callable[[HttpRequest], HttpResponse]], ...] = ()


_pages: list[DeskPage] = []


def register_page(page: DeskPage) -> DeskPage:
    """Put a page on the desk and in its navigation."""
    _pages.append(page)
    return page


def as_lines(lines: Iterable[str]) -> str:
    """Several values in one read-only field, one a line; a dash for none."""
    text = "\n".join(lines)
    return format_html('<pre class="ledger">{}</pre>', text) if text else "—"


class Desk(AdminSite):
    """The admin site of this product."""

    site_title = site_header = _("沙盘 · 管理台")
    index_title = _("概览")

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Besides Django's: the other pages, for the line above."""
        from access.pages import pages_of  # models are not there yet when this file is read

        pages = pages_of(cast("User", request.user)) if self.has_permission(request) else []
        return {**super().each_context(request), "pages": pages[:-1]}

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """The navigation: what people work with first, what all of it stands on last."""
        order = {config.label: index for index, config in enumerate(apps.get_app_configs())}

        def place(app: dict[str, Any]) -> tuple[int, int]:
            label = app["app_label"]
            return getattr(apps.get_app_config(label), "desk_place", USUAL_PLACE), -order[label]

        apps_shown = super().get_app_list(request, app_label)
        for app in apps_shown:
            app["models"] += [
                _entry(page) for page in _pages if page.app_label == app["app_label"] and page.allowed(request)
            ]
        return sorted(apps_shown, key=place)

    def get_urls(self) -> list[Any]:
        """Pages that are no register, each behind its own guard, then the registers."""
        views = [(page, *part) for page in _pages for part in ((page.path, page.name, page.view), *page.parts)]
        own = [path(address, self.admin_view(_guarded(page, view)), name=name) for page, address, name, view in views]
        return [*own, *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The overview: figures that need somebody, then all registers."""
        tiles = [tile for make in _tiles if (tile := make(request)) is not None]
        tiles.sort(key=lambda tile: TONES.index(tile.tone))
        return super().index(request, {"tiles": tiles, **(extra_context or {})})


def _guarded(page: DeskPage, view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def guarded(request: HttpRequest) -> HttpResponse:
        if not page.allowed(request):
            raise PermissionDenied
        return view(request)

    return guarded


def _entry(page: DeskPage) -> dict[str, Any]:
    """A page as Django's navigation has registers."""
    return {
        "name": page.title,
        "object_name": page.name,
        "perms": {"view": True},
        "admin_url": reverse(f"admin:{page.name}"),
        "add_url": None,
        "view_only": True,
    }


class DeskConfig(AdminConfig):
    """Stands in ``INSTALLED_APPS`` for ``django.contrib.admin``."""

    default_site = "access.desk.Desk"

    def ready(self) -> None:
        """Collect everybody's pages, then put away what is nobody's work here."""
        from django.contrib.admin import site

        super().ready()
        for label in NOT_ON_THE_DESK:
            for model in apps.get_app_config(label).get_models():
                if site.is_registered(model):
                    site.unregister(model)
