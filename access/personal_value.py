"""One personal identifier as the platform holds it: masked wherever it is printed, opened on the record alone."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils.translation import gettext

from access import identifiers
from access.exceptions import PersonalDataError, RevealRefused

if TYPE_CHECKING:
    from access.models import User
    from access.personal import PersonalField


@dataclass(frozen=True)
class PersonalKind:
    """How one kind of identifier is normalised, checked and masked."""

    normalise: Callable[[str], str]
    check: Callable[[str], str]
    front: int
    back: int

    def mask(self, value: str) -> str:
        """Show the first ``front`` and last ``back`` signs, stars between; only stars where too little would hide."""
        if len(value) < self.front + self.back + 3:
            return "*" * len(value)
        return value[: self.front] + "*" * (len(value) - self.front - self.back) + value[-self.back :]


KINDS = {
    "telephone": PersonalKind(identifiers.normalise_telephone, identifiers.check_telephone, 3, 4),
    "mobile": PersonalKind(identifiers.normalise_telephone, identifiers.check_mobile, 3, 4),
    "identity_number": PersonalKind(identifiers.normalise_code, identifiers.check_identity_number, 3, 4),
}


class Personal:
    """One personal identifier. Whatever prints it prints its mask.

    Equality compares keyed digests; there is no way to the content but :meth:`reveal`.
    """

    __slots__ = ("_field", "_stored")

    def __init__(self, field: PersonalField, stored: str) -> None:
        """Wrap a stored text; :meth:`PersonalField.seal` makes one from a value."""
        self._field = field
        self._stored = stored

    @property
    def masked(self) -> str:
        """The mask, e.g. ``138****1234``.

        Raises
        ------
        PersonalDataError
            The value cannot be opened.
        """
        return self._field.rules.mask(self._field.unseal(self._stored))

    def reveal(self, *, by: User, subject: models.Model, reason: str) -> str:
        """Open the value for somebody, on the record.

        Parameters
        ----------
        by : User
            Who wants to see it.
        subject : Model
            The stored row that has this value; it decides whose scope applies.
        reason : str
            What for; kept in the audit record.

        Raises
        ------
        RevealRefused
            ``by`` does not hold ``view_personal`` where the subject is. The refusal is recorded, too.
        ValueError
            The value is not the subject's, or no reason is given.
        PersonalDataError
            The value cannot be opened.
        """
        from access import audit
        from access.roles import Permission
        from access.scope import scope_of

        if type(subject) is not self._field.model or getattr(subject, self._field.attname) != self:
            raise ValueError(f"this value is not the {self._field.name} of the subject")
        if not reason.strip():
            raise ValueError("a reason is needed to see a personal identifier")
        seen = {"field": self._field.name, "reason": reason.strip()[:200]}
        if not type(subject).objects.within(scope_of(by, Permission.VIEW_PERSONAL)).filter(pk=subject.pk).exists():  # type: ignore[attr-defined]
            audit.record(audit.Action.REFUSED, subject=subject, actor=by, detail=seen)
            raise RevealRefused(gettext("您的角色无权在此范围内查看该信息；本次请求已记录。"))
        value = self._field.unseal(self._stored)
        audit.record(audit.Action.REVEAL, subject=subject, actor=by, detail=seen)
        return value

    def __str__(self) -> str:
        try:
            return self.masked
        except PersonalDataError:
            return gettext("（无法解密）")

    def __repr__(self) -> str:
        return f"<Personal {self}>"

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Personal):
            return NotImplemented
        if self._field.label != other._field.label:
            return False
        mine, theirs = self._stored.partition(":")[0], other._stored.partition(":")[0]
        if mine.rpartition(".")[0] == theirs.rpartition(".")[0]:
            return hmac.compare_digest(mine, theirs)
        return self._field.unseal(self._stored) == self._field.unseal(other._stored)

    def __hash__(self) -> int:
        # By field alone: equal values sealed with different keys must hash alike, too.
        return hash(self._field.label)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._field.label, self._stored)


def _restored(label: str, stored: str) -> Personal:
    from django.apps import apps

    model, _dot, name = label.rpartition(".")
    field = apps.get_model(model)._meta.get_field(name)
    return Personal(field, stored)  # type: ignore[arg-type]
