"""Around every request: who is asking (for the ledger), whether the session still holds, and no open doors."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.middleware import LoginRequiredMiddleware as DjangoLoginRequiredMiddleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.middleware.locale import LocaleMiddleware as DjangoLocaleMiddleware
from django.utils import translation
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext

from access import sessions
from access.audit import Action, RequestContext, record, running
from access.outside import challenge, is_outside, wants_a_page

_REQUEST_ID = re.compile(r"[0-9A-Za-z._-]{8,64}")
_FOR_PROGRAMS = ("/api/", "/tiles/", "/tilesets/", "/basemaps/")


class AuditMiddleware:
    """Gives the request an identifier and lets the ledger know about it; works in sync and async stacks.

    Takes over a proxy's ``X-Request-ID`` of a harmless form; the answer carries it.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        """Take the rest of the stack."""
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Handle one request."""
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        context = RequestContext(request=request, request_id=request_id)
        if self._is_async:
            return self._acall(request, context)
        with running(context):
            return _marked(self.get_response(request), context)

    async def _acall(self, request: HttpRequest, context: RequestContext) -> HttpResponseBase:
        with running(context):
            return _marked(await self.get_response(request), context)


def _marked(response: HttpResponseBase, context: RequestContext) -> HttpResponseBase:
    response["X-Request-ID"] = context.request_id
    return response


class SessionLimitMiddleware(MiddlewareMixin):
    """Ends sessions that have run out (:mod:`access.sessions`) and notes the use of the others."""

    def process_request(self, request: HttpRequest) -> None:
        """Look at the session before anybody asks who the user is."""
        session = request.session
        if SESSION_KEY not in session:
            return
        if sessions.run_out(session):
            user = request.user if request.user.is_authenticated else None
            record(Action.SESSION_ENDED, subject=user, actor=user)  # type: ignore[arg-type]
            session.flush()
            request.user = AnonymousUser()
        else:
            sessions.mark_use(session)


class LanguageMiddleware(DjangoLocaleMiddleware):
    """Chinese unless somebody switched: a wall's browser was set up by nobody, and its language says nothing."""

    def process_request(self, request: HttpRequest) -> None:
        """Take the language of the switch (a cookie), else the default."""
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        language = chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        translation.activate(language)
        request.LANGUAGE_CODE = translation.get_language()  # type: ignore[assignment]


class LoginRequiredMiddleware(DjangoLoginRequiredMiddleware):
    """Every view asks for a session unless it says otherwise (:data:`access.decorators.public`).

    People are sent to the sign-in page; programs get 401 and JSON.
    """

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> Any:
        """Turn somebody away who is not signed in."""
        if is_outside(request.path) and not wants_a_page(request):
            return challenge(gettext("请使用账号密码（HTTP Basic）或访问令牌（Bearer）。"))
        if request.path.startswith(_FOR_PROGRAMS) or "application/json" in request.headers.get("Accept", ""):
            response = JsonResponse({"detail": gettext("请先登录。")}, status=401)
            response["Cache-Control"] = "no-store"
            return response
        return super().handle_no_permission(request, view_func)
