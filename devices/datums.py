"""In which coordinates a device may report: degrees, of a datum built in or calibrated."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext

from gis.calibration.store import calibrated_names
from gis.crs import find_datum
from gis.exceptions import UnknownDatumError


class Datum(models.TextChoices):
    """The built-in ones."""

    WGS84 = "wgs84", "WGS 84"
    CGCS2000 = "cgcs2000", "CGCS2000"
    GCJ02 = "gcj02", "GCJ-02"
    BD09 = "bd09", "BD-09"


def datum_choices() -> list[tuple[str, str]]:
    """Name and label of each that can be chosen now."""
    return [*Datum.choices, *((name, name) for name in calibrated_names(degrees_only=True))]


def check_datum(name: str) -> None:
    """Refuse a name that is no datum, and coordinates that the messages cannot carry.

    Raises
    ------
    ValidationError
        Unknown; or metres of a plane, for a message has longitude and latitude.
    """
    if name in Datum.values:
        return
    try:
        datum = find_datum(name)
    except UnknownDatumError as error:
        raise ValidationError(str(error)) from None
    if not datum.geographic:
        raise ValidationError(
            gettext("终端消息里只有经纬度，不能用平面坐标系“%(name)s”。请在终端或网关上换算成经纬度。") % {"name": name}
        )


def datum_label(name: str) -> str:
    """What people call the datum of that name."""
    return next((label for known, label in datum_choices() if known == name), name)


class DatumField(forms.ChoiceField):
    """A choice among the datums that there are when it is asked; takes labels, too, as files have them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=datum_choices, validators=[check_datum], **options)

    def to_python(self, value: Any) -> str:
        """The name of what is named or labelled."""
        text = super().to_python(value)
        return next((name for name, label in datum_choices() if label == text), text)
