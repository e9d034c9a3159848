"""``ensureadmin`` makes the first account once, and says its password once."""

import json
from io import StringIO

from django.contrib.auth import authenticate
from django.core.management import call_command
from django.test import RequestFactory

from access.models import AuditRecord, User
from access.scope import scope_of


def run():
    out = StringIO()
    call_command("ensureadmin", stdout=out)
    [line] = out.getvalue().splitlines()
    return json.loads(line)


def test_ensureadmin(db):
    first = run()
    assert first["username"] == "admin"
    assert len(first["password"]) >= 20
    user = authenticate(RequestFactory().post("/"), username="admin", password=first["password"])
    assert user == User.objects.get()
    assert scope_of(user, "administer").everything
    assert AuditRecord.objects.filter(actor_name="ensureadmin").count() == 2
    assert first["password"] not in str(list(AuditRecord.objects.values()))
    assert run() == {"username": "admin", "password": None}
    assert User.objects.count() == 1
