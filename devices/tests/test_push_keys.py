"""Secrets of platforms outlive a change of the data key."""

from __future__ import annotations

import base64
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from devices.platforms import Platform, PushKey
from devices.push_keys import issue_push_key, secret_of

pytestmark = pytest.mark.django_db


def test_a_changed_data_key_is_followed_by_reencrypt(settings, tmp_path):
    platform = Platform.objects.create(name="芯片平台")
    issued = issue_push_key(platform)
    former = tmp_path / "former"
    former.write_text(settings.DATA_KEY)
    settings.DATA_KEY = base64.b64encode(b"n" * 32).decode()
    with pytest.raises(CommandError, match=r"PushKey.*SANDTABLE_DATA_KEY"):
        call_command("reencrypt", stdout=StringIO())
    told = StringIO()
    call_command("reencrypt", old_key_file=former, stdout=told)
    assert "devices.PushKey.sealed: 1" in told.getvalue()
    stored = PushKey.objects.get(key_id=issued.key_id)
    assert secret_of(stored.key_id, stored.provider, bytes(stored.sealed)) == issued.secret.encode()
    call_command("reencrypt", stdout=(again := StringIO()))
    assert "devices.PushKey.sealed: 0" in again.getvalue()
