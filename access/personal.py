"""Personal identifiers (个人身份信息): stored encrypted, found by blind index, shown masked, seen only on the record.

The column holds ``TAG.KEY.DIGEST:SEALED``: which provider and key made it, the keyed digest of the normalised value,
and the value sealed for this one field. PostgreSQL itself derives the companion column ``<name>_index`` (everything
before the colon) as a generated column, so it is never stale, whichever way a row was written. An attribute gives a
:class:`~access.personal_value.Personal`, which shows its mask everywhere and its content only through
:meth:`~access.personal_value.Personal.reveal`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from django import forms
from django.core.exceptions import FieldError, ValidationError
from django.db import models
from django.db.models.lookups import IsNull
from django.db.models.query_utils import DeferredAttribute
from django.utils.translation import gettext_lazy as _

from access.ciphers import current_provider, provider_for, providers
from access.exceptions import PersonalDataError
from access.personal_lookups import PersonalExact, PersonalIn
from access.personal_value import KINDS, Personal

_STORED = re.compile(r"([0-9a-z]{1,16})\.([0-9a-z]{1,16})\.([A-Za-z0-9_-]{16,120}):([A-Za-z0-9_-]{16,})")


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


def _to_text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _from_text(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
