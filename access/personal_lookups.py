"""How a sealed identifier is found: by the digests of the whole value, in its companion column."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import EmptyResultSet, FieldError
from django.db import models
from django.db.models.expressions import Col


class _PersonalLookup(models.Lookup):
    """Compares the companion column with the digests of the value wanted."""

    prepare_rhs = False

    def heads(self) -> list[str]:
        field = self.lhs.output_field
        wanted: Iterable[Any] = [self.rhs] if self.lookup_name == "exact" else self.rhs
        if not isinstance(self.lhs, Col) or hasattr(self.rhs, "resolve_expression") or hasattr(self.rhs, "as_sql"):
            raise FieldError(f"{field.name} is stored encrypted: compare it with a value, not with an expression")
        return [head for value in wanted if value is not None for head in field.heads(value)]

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        heads = self.heads()
        if not heads:
            raise EmptyResultSet
        field = self.lhs.output_field
        column, params = compiler.compile(Col(self.lhs.alias, field.model._meta.get_field(field.index_name)))
        return f"{column} IN ({', '.join(['%s'] * len(heads))})", [*params, *heads]


class PersonalExact(_PersonalLookup):
    """``filter(telephone=…)``."""

    lookup_name = "exact"


class PersonalIn(_PersonalLookup):
    """``filter(telephone__in=[…])``."""

    lookup_name = "in"
