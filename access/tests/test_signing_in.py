"""The door: sign-in, throttle, lock-out page, sessions and their end, password, language."""

import re

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.hashers import identify_hasher
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from access import sessions
from access.models import AuditRecord, User
from access.sessions import user_of_session, users_of_sessions
from config.settings import PASSWORD_HASHERS

SIGN_IN = "/sign-in/"
PASSWORD = "calm-Harbour-42"


@pytest.fixture
def user(city):
    return city.user("city", password=PASSWORD, display_name="张三")


def attempt(client, username, password, **extra):
    return client.post(SIGN_IN, {"username": username, "password": password}, **extra)


def test_sign_in_and_out_are_recorded(user):
    client = Client(headers={"user-agent": "x"})
    response = attempt(client, user.username, PASSWORD, REMOTE_ADDR="192.0.2.9")
    assert response.status_code == 302
    record = AuditRecord.objects.get(action="sign_in")
    assert (record.actor, record.ip, len(record.session)) == (user, "192.0.2.9", 16)
    assert client.session.session_key not in str(record.__dict__)
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").status_code == 302
    assert AuditRecord.objects.get(action="sign_out").actor == user
    assert client.get(reverse("directory")).status_code == 302


def test_the_password_is_kept_with_argon2(city, settings):
    settings.PASSWORD_HASHERS = PASSWORD_HASHERS
    user = city.user("city", password=PASSWORD)
    assert identify_hasher(user.password).algorithm == "argon2"
    assert attempt(Client(), user.username, PASSWORD).status_code == 302


def test_failures_lock_the_account_for_this_address_only(user):
    client = Client()
    for _ in range(4):
        response = attempt(client, user.username, "wrong")
        assert response.status_code == 200
    locked = attempt(client, user.username, "wrong")
    assert locked.status_code == 429
    assert "15 分钟" in locked.content.decode()
    assert attempt(client, user.username, PASSWORD).status_code == 429, "not even with the right password"
    assert attempt(Client(), user.username, PASSWORD, REMOTE_ADDR="192.0.2.50").status_code == 302
    assert AuditRecord.objects.filter(action="sign_in_failed", actor_name=user.username).count() >= 5
    assert AuditRecord.objects.filter(action="locked_out", actor_name=user.username).exists()


def test_nobody_learns_whether_an_account_exists(user):
    answers = []
    for name in (user.username, "no-such-account"):
        client = Client()
        pages = [attempt(client, name, "wrong") for _ in range(5)]
        texts = [page.content.decode().replace(name, "NAME") for page in pages]
        answers.append([(page.status_code, _without_token(text)) for page, text in zip(pages, texts, strict=True)])
    assert answers[0] == answers[1]


def _without_token(text):
    return "\n".join(line for line in text.splitlines() if "csrfmiddlewaretoken" not in line)


def test_a_password_typed_as_a_name_is_not_kept(db):
    attempt(Client(), "my-Secret-password-9", "x")
    record = AuditRecord.objects.get(action="sign_in_failed")
    assert "Secret" not in str(record.__dict__)
    shown = admin.site.get_model_admin(AuditRecord).actor_shown
    assert re.fullmatch(r"无此账号：m…（输入特征 [0-9a-f]{8}）", shown(record))
    assert shown(AuditRecord(actor_name="王工")) == "王工"


def test_a_switched_off_account_cannot_sign_in_and_is_signed_out(user, signed_in):
    client = signed_in(user)
    assert client.get(reverse("directory")).status_code == 200
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get(reverse("directory")).status_code == 302
    assert attempt(Client(), user.username, PASSWORD).status_code == 200
    assert user_of_session(client.session.session_key) is None


class Clock:
    """Stands for the clock that sessions read."""

    def __init__(self, at: float) -> None:
        self.at = at

    def time(self) -> float:
        return self.at


@pytest.fixture
def clock(monkeypatch):
    clock = Clock(1_800_000_000)
    monkeypatch.setattr(sessions, "time", clock)
    return clock


def test_a_session_unused_for_eight_hours_is_over(user, signed_in, clock):
    client = signed_in(user)
    clock.at += 8 * 3600 - 1
    assert client.get(reverse("directory")).status_code == 200
    client = signed_in(user)
    clock.at += 8 * 3600
    assert client.get(reverse("directory")).status_code == 302
    assert AuditRecord.objects.filter(action="session_ended", actor=user).exists()


def test_a_session_in_use_is_over_after_twelve_hours(user, signed_in, clock):
    client = signed_in(user)
    key = client.session.session_key
    for _ in range(11):
        clock.at += 3600
        assert client.get(reverse("directory")).status_code == 200
    assert user_of_session(key) == user
    clock.at += 3600
    assert user_of_session(key) is None
    assert client.get(reverse("directory")).status_code == 302
    assert client.get(reverse("directory")).status_code == 302


def test_a_session_that_does_not_say_when_it_began_is_over(user, signed_in):
    client = signed_in(user)
    session = client.session
    del session[sessions.SIGNED_IN_AT]
    session.save()
    assert client.get(reverse("directory")).status_code == 302
    assert user_of_session("no-such-session") is None
    assert user_of_session(None) is None


def test_use_is_written_every_five_minutes_only(user, signed_in, clock):
    client = signed_in(user)
    response = client.get(reverse("password"))
    assert settings.SESSION_COOKIE_NAME not in response.cookies
    clock.at += sessions.MARK_EVERY_S
    assert settings.SESSION_COOKIE_NAME in client.get(reverse("password")).cookies


def test_changing_the_password_ends_other_sessions(user, signed_in):
    here, there = signed_in(user), signed_in(user)
    new = "quiet-Estuary-77"
    page = here.post(
        reverse("password"), {"old_password": PASSWORD, "new_password1": new, "new_password2": new}, follow=True
    )
    assert "密码已修改" in page.content.decode()
    assert there.get(reverse("directory")).status_code == 302
    assert user_of_session(there.session.session_key) is None
    assert AuditRecord.objects.filter(action="password", actor=user).exists()
    weak = here.post(reverse("password"), {"old_password": new, "new_password1": "short", "new_password2": "short"})
    assert weak.status_code == 200
    assert "errorlist" in weak.content.decode()


def test_the_page_speaks_both_languages(db):
    client = Client()
    page = client.get(SIGN_IN, headers={"accept-language": "en-US"})
    assert 'lang="zh-hans"' in page.content.decode()
    assert "密码" in page.content.decode()
    client.post("/language/", {"language": "en", "next": SIGN_IN})
    english = client.get(SIGN_IN)
    assert 'lang="en"' in english.content.decode()


def test_pages_hold_nothing_inline(user, signed_in):
    client = signed_in(user)
    pages = [Client().get(SIGN_IN), client.get(reverse("directory")), client.get(reverse("password"))]
    for page in pages:
        text = page.content.decode()
        assert "<style" not in text
        assert "style=" not in text
        assert "<script" not in text
        policy = page.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "default-src 'self'" in policy


def test_a_signed_in_visitor_is_not_sent_off_site(user):
    client = Client()
    page = client.post(f"{SIGN_IN}?next=https://example.org/", {"username": user.username, "password": PASSWORD})
    assert page.status_code == 302
    assert "example.org" not in page["Location"]


@pytest.fixture(autouse=True)
def _fresh_cache():
    cache.clear()


def test_many_sessions_are_looked_up_by_two_queries(user, signed_in, clock, django_assert_num_queries):
    keys = [signed_in(user).session.session_key for _ in range(3)]
    with django_assert_num_queries(2):
        found = users_of_sessions([*keys, "no-such-session", "", keys[0]])
    assert found == dict.fromkeys(keys, user)
    user.is_active = False
    user.save(update_fields=["is_active"])
    assert users_of_sessions(keys) == {}


def test_a_session_says_whose_it_is_in_full_or_counts_for_nothing(user, signed_in):
    for name, value in (("_auth_user_hash", ""), ("_auth_user_hash", "0" * 64), ("_auth_user_backend", "none.such")):
        session = signed_in(user).session
        assert user_of_session(session.session_key) == user
        session[name] = value
        session.save()
        assert user_of_session(session.session_key) is None
