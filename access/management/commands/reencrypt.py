"""``reencrypt``: seal what is sealed anew with the present key; the way to change SANDTABLE_DATA_KEY.

Every personal identifier, and whatever a floor above has registered (:mod:`access.resealing`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import models, transaction
from django.db.models import Q

from access.audit import Action, acting, record
from access.ciphers import AesGcmProvider, current_provider, key_from_text, register_provider, unregister_provider
from access.exceptions import PersonalDataError
from access.personal import PersonalField
from access.resealing import Reseal, resealers


class Command(BaseCommand):
    """Read with the old key, write with the present one; can be interrupted and run again."""

    help = "Seal stored personal identifiers and secrets anew with the present SANDTABLE_DATA_KEY."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where the old key is; a file, because a command line can be seen by everybody on the machine."""
        parser.add_argument("--old-key-file", type=Path, help="file holding the former SANDTABLE_DATA_KEY")

    def handle(self, *args: Any, old_key_file: Path | None = None, **options: Any) -> None:
        """Run the command."""
        old = AesGcmProvider(key_from_text(old_key_file.read_text().strip())) if old_key_file else None
        if old is not None and old.key_id != current_provider().key_id:
            register_provider(old)
        try:
            for model in apps.get_models():
                for field in model._meta.concrete_fields:
                    if isinstance(field, PersonalField):
                        self.stdout.write(f"{field.label}: {self._column(model, field)}")
            for label, reseal in resealers().items():
                self.stdout.write(f"{label}: {self._others(label, reseal)}")
        finally:
            if old is not None:
                unregister_provider(old)

    def _others(self, label: str, reseal: Reseal) -> int:
        with transaction.atomic(), acting("reencrypt"):
            try:
                done = reseal()
            except PersonalDataError as error:
                raise CommandError(f"{label}: {error}") from None
            if done:
                record(Action.CHANGE, detail={"resealed": label, "count": done})
        return done

    def _column(self, model: type[models.Model], field: PersonalField) -> int:
        present = current_provider()
        mark = Q(**{f"{field.index_name}__startswith": f"{present.tag}.{present.key_id}."})
        rows = model._base_manager.exclude(mark).filter(**{f"{field.name}__isnull": False}).order_by("pk")
        done = 0
        while batch := list(rows.only("pk", field.name)[:500]):
            with transaction.atomic(), acting("reencrypt"):
                for row in batch:
                    try:
                        sealed = field.reseal(getattr(row, field.attname))
                    except PersonalDataError as error:
                        raise CommandError(f"{field.label} of row {row.pk}: {error}") from None
                    # Only if nobody stored a new value meanwhile; the value is the same, so no change is recorded.
                    model._base_manager.filter(pk=row.pk).filter(~mark).update(**{field.name: sealed})
                done += len(batch)
                record(Action.CHANGE, detail={"resealed": field.label, "count": len(batch)})
        return done
