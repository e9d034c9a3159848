"""Personal identifiers (个人身份信息): stored encrypted, found by blind index, shown masked, seen only on the record.

The column holds ``TAG.KEY.DIGEST:SEALED``: which provider and key made it, the keyed digest of the normalised value,
and the value sealed for this one field. PostgreSQL itself derives the companion column ``<name>_index`` (everything
before the colon) as a generated column, so it is never stale, whichever way a row was written. An attribute gives a
:class:`Personal`, which shows its mask everywhere and its content only through :meth:`Personal.reveal`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import EmptyResultSet, FieldError, ValidationError
from django.db import models
from django.db.models.expressions import Col
from django.db.models.lookups import IsNull
from django.db.models.query_utils import DeferredAttribute
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access import identifiers
from access.ciphers import current_provider, provider_for, providers
from access.exceptions import PersonalDataError, RevealRefused

if TYPE_CHECKING:
    from access.models import User

_STORED = re.compile(r"([0-9a-z]{1,16})\.([0-9a-z]{1,16})\.([A-Za-z0-9_-]{16,120}):([A-Za-z0-9_-]{16,})")


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


class IndexPart(models.Func):
    """SQL: the part of a stored value before its colon, by which it is found."""

    function = "split_part"
    template = "%(function)s(%(expressions)s, ':', 1)"
    arity = 1


class PersonalAttribute(DeferredAttribute):
    """Turns text into a sealed value the moment it is assigned: no instance ever holds the plain one."""

    field: PersonalField

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = self.field.seal(value)


class PersonalField(models.TextField):
    """Model field for a personal identifier.

    Parameters
    ----------
    kind : str
        One of :data:`KINDS`: ``telephone``, ``mobile``, ``identity_number``.
    contribute_index : bool
        Whether the companion column ``<name>_index`` is added to the model. Migrations say False: they list it.

    Notes
    -----
    ``filter(telephone="138 …")``, ``telephone__in`` and ``telephone__isnull`` work; any other lookup raises
    :class:`~django.core.exceptions.FieldError`, because the database cannot read the value. Fixtures and dumps carry
    the sealed text.
    """

    description = _("加密保存的个人信息")
    descriptor_class = PersonalAttribute

    def __init__(
        self, verbose_name: Any = None, *, kind: str = "telephone", contribute_index: bool = True, **options: Any
    ):
        for name in ("unique", "primary_key", "db_index"):
            if options.get(name):
                raise ValueError(f"PersonalField cannot be {name}: constrain its companion column <name>_index")
        options.setdefault("null", True)
        options.setdefault("blank", True)
        super().__init__(verbose_name, **options)
        self.kind = kind
        self.rules = KINDS[kind]
        self.contribute_index = contribute_index

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Describe the field for a migration."""
        name, path, args, options = super().deconstruct()
        return name, path, list(args), {**options, "kind": self.kind, "contribute_index": False}

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        """Add the field and its companion column."""
        super().contribute_to_class(cls, name, private_only)
        if self.contribute_index:
            companion = models.GeneratedField(
                expression=IndexPart(models.F(name)),
                output_field=models.CharField(max_length=160, null=True),
                db_persist=True,
                db_index=True,
                verbose_name=_("检索摘要"),
            )
            cls.add_to_class(self.index_name, companion)  # type: ignore[attr-defined]

    @property
    def index_name(self) -> str:
        """Name of the companion column."""
        return f"{self.name}_index"

    @property
    def label(self) -> str:
        """``app.model.field``: the context every value is sealed for and digested in."""
        return f"{self.model._meta.label_lower}.{self.name}"

    def seal(self, value: Any) -> Personal | None:
        """Normalise and seal a value; empty text becomes None, what is sealed stays as it is.

        Raises
        ------
        TypeError
            The value is neither text nor a Personal of this very field.
        """
        if isinstance(value, Personal):
            if value._field.label != self.label:
                raise TypeError(f"a value of {value._field.label} cannot be stored as {self.label}: reveal it first")
            return value
        if value is None:
            return None
        if not isinstance(value, str):
            raise TypeError(f"{self.label} takes text, not {type(value).__name__}")
        plain = self.rules.normalise(value)
        if not plain:
            return None
        provider = current_provider()
        head = self._head(provider, plain)
        sealed = provider.encrypt(plain.encode(), self._context(head))
        return Personal(self, f"{head}:{_to_text(sealed)}")

    def unseal(self, stored: str) -> str:
        """Open a stored text; for this package only, nothing else may show what it gives.

        Raises
        ------
        PersonalDataError
            See :class:`~access.exceptions.PersonalDataError`.
        """
        match = _STORED.fullmatch(stored)
        if match is None:
            raise PersonalDataError(f"the column of {self.label} holds something that was not sealed")
        head, _colon, sealed = stored.partition(":")
        provider = provider_for(match[1], match[2])
        return provider.decrypt(_from_text(sealed), self._context(head)).decode()

    def reseal(self, value: Personal) -> Personal:
        """Seal the same value with the current provider.

        Raises
        ------
        PersonalDataError
            It cannot be opened.
        """
        resealed = self.seal(self.unseal(value._stored))
        return value if resealed is None else resealed

    def _head(self, provider: Any, plain: str) -> str:
        return f"{provider.tag}.{provider.key_id}.{_to_text(provider.digest(plain.encode(), self.label.encode()))}"

    def _context(self, head: str) -> bytes:
        # The head is bound as well: nobody can hang another's digest on a sealed value.
        return hashlib.sha256(f"{self.label}\n{head}".encode()).digest()

    def heads(self, value: str | Personal) -> list[str]:
        """What the companion column may hold for this value: one text for each provider and key in use."""
        plain = self.unseal(value._stored) if isinstance(value, Personal) else self.rules.normalise(value)
        return [self._head(provider, plain) for provider in providers()]

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Personal | None:
        """Wrap what the column holds."""
        return None if value is None else Personal(self, value)

    def to_python(self, value: Any) -> Any:
        """Text from a form or a fixture; a fixture's text is sealed already and must open."""
        if isinstance(value, str) and _STORED.fullmatch(value):
            try:
                self.unseal(value)
            except PersonalDataError as error:
                raise ValidationError(str(error), code="sealed") from None
            return Personal(self, value)
        return value

    def get_prep_value(self, value: Any) -> Any:
        """Text for the column."""
        sealed = self.seal(value)
        return None if sealed is None else sealed._stored

    def value_to_string(self, obj: models.Model) -> str:
        """Sealed text, for fixtures and dumps."""
        value: Any = self.value_from_object(obj)
        return "" if value is None else value._stored

    def validate(self, value: Any, model_instance: models.Model | None) -> None:
        """Check emptiness; the form of the value is checked by its kind."""
        if value in self.empty_values and not self.blank:
            raise ValidationError(self.error_messages["blank"], code="blank")

    def run_validators(self, value: Any) -> None:
        """Check the value by its kind; messages never repeat it."""
        if value not in self.empty_values:
            self.rules.check(self.unseal(value._stored) if isinstance(value, Personal) else value)

    def get_lookup(self, lookup_name: str) -> Any:
        """Only what the blind index can answer."""
        allowed = {"exact": PersonalExact, "in": PersonalIn, "isnull": IsNull}
        if lookup_name not in allowed:
            raise FieldError(
                f"{self.name} is stored encrypted: it can be found by its whole value (exact, in) or by being empty "
                f"(isnull), not by {lookup_name!r}"
            )
        return allowed[lookup_name]

    def get_transform(self, name: str) -> Any:
        """None: nothing can be computed from a sealed value."""
        self.get_lookup(name)

    def formfield(self, **options: Any) -> forms.Field:  # type: ignore[override]
        """A field that never shows the stored value, and keeps it when left empty."""
        from access.forms import PersonalFormField

        options.pop("form_class", None)
        options.pop("widget", None)
        defaults = {"required": not self.blank, "label": self.verbose_name, "help_text": self.help_text}
        return PersonalFormField(**{**defaults, **options})

    def save_form_data(self, instance: models.Model, data: Any) -> None:
        """Take a form's value; an untouched field changes nothing."""
        from access.forms import KEEP

        if data is not KEEP:
            super().save_form_data(instance, data)


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


def _to_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _from_text(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
