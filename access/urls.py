"""Addresses of this floor; included at the root, before the admin."""

from django.urls import path
from django.views.generic import RedirectView

from access import views
from access.decorators import public

urlpatterns = [
    path("sign-in/", views.SignInView.as_view(), name="sign-in"),
    path("sign-out/", views.SignOutView.as_view(), name="sign-out"),
    path("password/", views.PasswordView.as_view(), name="password"),
    path("password/done/", views.password_done, name="password-done"),
    path("language/", views.set_language, name="language"),
    path("directory/", views.directory, name="directory"),
    path("personal/<str:model>/<int:pk>/<str:field>/", views.reveal, name="reveal"),
    # One sign-in page: the admin's own stands aside.
    path("admin/login/", public(RedirectView.as_view(pattern_name="sign-in", query_string=True))),
]
