"""``ensureadmin``: there is an administrator, and whoever installs learns the password once."""

from __future__ import annotations

import json
import secrets
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from access.audit import acting
from access.models import User

USERNAME = "admin"


class Command(BaseCommand):
    """Make the account ``admin``, administrator of the whole city, unless it exists."""

    help = "Create the administrator and print {username, password} as one line of JSON; password null if it exists."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the command."""
        password = None
        with transaction.atomic(), acting("ensureadmin"):
            if not User.objects.filter(username=USERNAME).exists():
                password = secrets.token_urlsafe(18)
                User.objects.create_superuser(USERNAME, "", password, display_name="系统管理员")
        self.stdout.write(json.dumps({"username": USERNAME, "password": password}))
