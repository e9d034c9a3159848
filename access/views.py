"""Signing in and out, the password, and the directory with its personal identifiers."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import FieldDoesNotExist
from django.core.paginator import Paginator
from django.db.models import Prefetch, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django.views.i18n import set_language as django_set_language

from access.decorators import public
from access.forms import RevealForm
from access.models import Organization, User
from access.personal import PersonalField
from access.roles import Permission
from access.scope import scope_of

set_language = public(django_set_language)
"""Switches the language, on the sign-in page, too."""


class SignInForm(AuthenticationForm):
    """Account and password, with what to do when they do not fit."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _("账号或密码不正确（区分大小写）。忘记密码，请联系本单位的系统管理员重设。"),
    }


@method_decorator(public, name="dispatch")
class SignInView(auth_views.LoginView):
    """The sign-in page."""

    template_name = "access/sign_in.html"
    form_class = SignInForm
    redirect_authenticated_user = True


class SignOutView(auth_views.LogoutView):
    """Signs out; POST only."""

    http_method_names = ["post", "options"]


class PasswordView(auth_views.PasswordChangeView):
    """Change one's own password."""

    template_name = "access/password.html"
    success_url = reverse_lazy("password-done")


@require_safe
def password_done(request: HttpRequest) -> HttpResponse:
    """Say that the password was changed."""
    return render(request, "access/password.html", {"done": True})


def locked_out(request: HttpRequest, response: Any = None, credentials: Any = None, **_: Any) -> HttpResponse:
    """Answer somebody who failed too often; says the same whether or not there is such an account."""
    return render(request, "access/locked_out.html", status=429)


@require_safe
@never_cache
def directory(request: HttpRequest) -> HttpResponse:
    """Organizations inside the user's scope with their people, identifiers masked."""
    wanted = request.GET.get("q", "").strip()[:80]
    scope = scope_of(request.user, Permission.VIEW)  # type: ignore[arg-type]
    people = User.objects.within(scope).filter(is_active=True)
    rows = Organization.objects.within(scope).select_related("region").defer("site")
    if wanted:
        found = Q(name__icontains=wanted) | Q(uscc=wanted.upper()) | Q(contact_phone=wanted)
        rows = rows.filter(found | Q(pk__in=people.filter(_named(wanted)).values("organization")))
    rows = rows.order_by("name", "pk").prefetch_related(Prefetch("users", people))
    page = Paginator(rows, 40).get_page(request.GET.get("page"))
    may_reveal = not scope_of(request.user, Permission.VIEW_PERSONAL).empty  # type: ignore[arg-type]
    context = {"page": page, "wanted": wanted, "may_reveal": may_reveal}
    return render(request, "access/directory.html", context)


def _named(wanted: str) -> Q:
    return Q(display_name__icontains=wanted) | Q(telephone=wanted) | Q(identity_number=wanted)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def reveal(request: HttpRequest, model: str, pk: int, field: str) -> HttpResponse:
    """Ask why, then show one personal identifier; asked and answered on the record.

    Raises
    ------
    Http404
        There is no such thing inside what the user may see at all.
    RevealRefused
        The user sees the thing but may not see its identifiers (answered with 403).
    """
    try:
        kind = apps.get_model(model)
        column = kind._meta.get_field(field)
    except (LookupError, ValueError, FieldDoesNotExist):
        raise Http404 from None
    if not isinstance(column, PersonalField):
        raise Http404
    scope = scope_of(request.user, Permission.VIEW)  # type: ignore[arg-type]
    subject = get_object_or_404(kind.objects.within(scope), pk=pk)  # type: ignore[attr-defined]
    value = getattr(subject, field)
    if value is None:
        raise Http404
    form = RevealForm(request.POST or None)
    shown = None
    if request.method == "POST" and form.is_valid():
        shown = value.reveal(by=request.user, subject=subject, reason=form.cleaned_data["reason"])
    context = {"subject": subject, "column": column, "masked": value, "form": form, "shown": shown}
    return render(request, "access/reveal.html", context)
