"""A file between its trial and its confirmation: kept for its owner, sealed, for an hour."""

from __future__ import annotations

import json
import zlib
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from django.utils import timezone

from access.ciphers import current_provider, provider_for
from access.exchange.tables import Table
from access.models import ImportDraft

KEPT_FOR = timedelta(hours=1)


def keep(request: HttpRequest, model: str, contents: dict[str, Any], draft: ImportDraft | None = None) -> ImportDraft:
    """Seal and store; whatever is older than an hour goes, whoever left it."""
    ImportDraft.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
    provider = current_provider()
    row = draft or ImportDraft(user=request.user, model=model)  # type: ignore[misc]
    row.provider = f"{provider.tag}.{provider.key_id}"
    row.sealed = provider.encrypt(zlib.compress(json.dumps(contents, ensure_ascii=False).encode()), _context(row))
    row.save()
    return row


def take(request: HttpRequest, model: str, pk: UUID, *, lock: bool = False) -> tuple[ImportDraft, dict[str, Any]]:
    """Open one's own draft.

    Raises
    ------
    Http404
        There is none of this user for this register, or it has run out.
    """
    rows = ImportDraft.objects.select_for_update() if lock else ImportDraft.objects
    fresh = timezone.now() - KEPT_FOR
    row = rows.filter(pk=pk, user=request.user, model=model, created_at__gte=fresh).first()  # type: ignore[misc]
    if row is None:
        raise Http404
    tag, _dot, key_id = row.provider.partition(".")
    return row, json.loads(zlib.decompress(provider_for(tag, key_id).decrypt(bytes(row.sealed), _context(row))))


def _context(row: ImportDraft) -> bytes:
    return f"import draft {row.pk} {row.user_id}".encode()


def table_of(contents: dict[str, Any]) -> Table:
    """The file's rows."""
    rows = tuple((number, tuple(row)) for number, row in contents["rows"])
    return Table(tuple(contents["headers"]), rows, contents["encoding"])
