"""Doors for programs of others (OGC clients): HTTP Basic and bearer tokens besides the session, CORS where allowed.

Guessing passwords here counts as guessing them on the sign-in page: the same locks (axes), the same ledger. Hashing a
password costs some 100 ms and a map client sends it with every tile, so one that was right is remembered for a while
by a keyed digest that changes with the password, the account and the address it came from.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, cast

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.cache import patch_vary_headers
from django.utils.crypto import salted_hmac
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _

from access.audit import Action, record
from access.tokens import user_of_token

DOORS = ("/ogc",)
METHODS = "GET, HEAD, OPTIONS"
REMEMBERED_S = 300
LONGEST_HEADER = 1024


def is_outside(path: str) -> bool:
    """Whether this is an address for programs of others."""
    return any(path == door or path.startswith(f"{door}/") for door in DOORS)


def problem(status: int, title: str, detail: str = "") -> JsonResponse:
    """An error as problem details for HTTP APIs (RFC 9457)."""
    body = {"type": "about:blank", "title": title, "status": status, **({"detail": detail} if detail else {})}
    answer = JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})
    answer["Content-Type"] = "application/problem+json"
    answer["Cache-Control"] = "no-store"
    return answer


def challenge(detail: str) -> HttpResponse:
    """401 that tells a program how to show who it is."""
    answer = problem(401, _("请先登录"), detail)
    answer["WWW-Authenticate"] = 'Basic realm="Sandtable", charset="UTF-8", Bearer realm="Sandtable"'
    return answer


def wants_a_page(request: HttpRequest) -> bool:
    """Whether a person with a browser asks, who is better served by the sign-in page."""
    return "text/html" in request.headers.get("Accept", "") and request.GET.get("f", "html") == "html"


class OutsideDoorMiddleware(MiddlewareMixin):
    """Knows who a program is by its ``Authorization``, and answers other origins where they are allowed."""

    def process_request(self, request: HttpRequest) -> HttpResponseBase | None:
        """Take the credentials that came with the request; wrong ones are refused, whatever session there is."""
        if not is_outside(request.path):
            return None
        if request.method == "OPTIONS":
            return HttpResponse(status=204, headers={"Allow": METHODS})
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        scheme, _space, credentials = header.partition(" ")
        if len(header) > LONGEST_HEADER or scheme.lower() not in ("basic", "bearer"):
            return challenge(_("请使用 HTTP Basic 或 Bearer 令牌。"))
        if scheme.lower() == "bearer":
            user = user_of_token(credentials.strip())
            refused = challenge(_("令牌不存在、已到期或已吊销，请在管理台“访问令牌”中重新签发。"))
        else:
            user, refused = _basic(request, credentials)
        if user is None:
            return refused
        request.user = user
        return None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Say to which other origins the answer may be shown: to none, unless the configuration names them."""
        if not is_outside(request.path):
            return response
        patch_vary_headers(response, ["Cookie", "Authorization"])
        if not settings.OUTSIDE_ORIGINS:
            return response
        patch_vary_headers(response, ["Origin"])
        origin = request.headers.get("Origin", "")
        if origin in settings.OUTSIDE_ORIGINS:
            # No cookies: another origin's page shows a token, or nothing.
            response["Access-Control-Allow-Origin"] = origin
            response["Access-Control-Allow-Methods"] = METHODS
            response["Access-Control-Allow-Headers"] = "Authorization, Accept"
            response["Access-Control-Expose-Headers"] = "Content-Crs, Link, OGC-NumberMatched, OGC-NumberReturned"
        return response


def _basic(request: HttpRequest, credentials: str) -> tuple[Any, HttpResponse]:
    """Who this is, or None; and what to answer in that case."""
    refused = challenge(_("账号或密码不正确。"))
    try:
        name, colon, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None, refused
    if not colon or "\0" in name + password:
        return None, refused
    shown = {"username": name}
    if AxesProxyHandler.is_locked(request, shown):
        return None, problem(429, _("尝试次数过多"), _("账号已暂时锁定，请稍后再试。"))
    known = get_user_model().objects.filter(username=name, is_active=True).first()
    mark = ""
    if known is not None:
        text = "\0".join([name, password, known.password, request.META.get("REMOTE_ADDR", "")])
        mark = "access.basic." + salted_hmac("access.outside", text, algorithm="sha256").hexdigest()
        if cache.get(mark):
            return known, refused
    user = authenticate(request, username=name, password=password)
    if user is None:
        locked = AxesProxyHandler.is_locked(request, shown)
        return None, problem(429, _("尝试次数过多"), _("账号已暂时锁定，请稍后再试。")) if locked else refused
    AxesProxyHandler.reset_attempts(ip_address=request.META.get("REMOTE_ADDR"), username=name)
    record(Action.SIGN_IN, subject=cast(Any, user), actor=user, detail={"door": "basic"})
    if mark:
        cache.set(mark, True, REMEMBERED_S)
    return user, refused
