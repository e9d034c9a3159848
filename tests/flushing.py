"""What Django does after each test of committed rows, without what such tests do not change.

Django empties all tables, then writes every model's content type and permissions anew: most of the time of such a test.
Here only tables with rows are emptied, and those two stay as the migrations left them; whatever else is written after a
migration (:data:`post_migrate`) is written again as ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.contenttypes.management import create_contenttypes
from django.db import connection
from django.db.models.signals import post_migrate

STAYING = frozenset({"django_content_type", "auth_permission"})
CREATE_PERMISSIONS = "django.contrib.auth.management.create_permissions"


def flush_what_has_rows() -> None:
    """From now on, on this thread's connection."""
    original = connection.ops.sql_flush

    def sql_flush(style: Any, tables: Sequence[str], **options: Any) -> list[str]:
        known = sorted(set(tables) - STAYING)
        asked = " UNION ALL ".join(
            f"SELECT {number} WHERE EXISTS (SELECT 1 FROM {connection.ops.quote_name(table)})"  # noqa: S608 (our own tables)
            for number, table in enumerate(known)
        )
        with connection.cursor() as cursor:
            cursor.execute(asked)
            filled = [known[number] for (number,) in cursor.fetchall()]
        # Those that refer to them are empty, or filled themselves.
        return original(style, filled, **{**options, "allow_cascade": True})

    connection.ops.sql_flush = sql_flush  # type: ignore[method-assign]
    assert post_migrate.disconnect(create_contenttypes)
    assert post_migrate.disconnect(dispatch_uid=CREATE_PERMISSIONS)
