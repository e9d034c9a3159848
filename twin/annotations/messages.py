"""Annotations as pages get them, over HTTP and over the live socket."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from access.models import User
from twin.annotations.models import Annotation, AnnotationVersion
from twin.annotations.shapes import write_shape


def iso(moment: datetime | None) -> str | None:
    """A time in UTC, to the millisecond."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def person(user: User | None) -> dict[str, Any] | None:
    """Key and name of somebody."""
    return None if user is None else {"id": user.pk, "name": user.get_full_name() or user.get_username()}


def told(row: Annotation | AnnotationVersion) -> dict[str, Any]:
    """An annotation, or what it was in one of its versions; whatever sees it may know all of this.

    Asks for nothing more where ``author`` and ``changed_by`` are selected.
    """
    said = {
        "id": row.pk if isinstance(row, Annotation) else row.annotation_id,
        "version": row.version,
        "kind": row.kind,
        "title": row.title,
        "text": row.text,
        "keywords": row.keywords,
        "colour": row.colour,
        "shape": write_shape(row.shape),
        "length_m": row.length_m,
        "area_m2": row.area_m2,
        "happened_at": iso(row.happened_at),
        "subject": {"kind": row.subject_kind, "key": row.subject_key, "title": row.subject_title}
        if row.subject_kind
        else None,
        "photograph": row.photograph_id,
        "copied_from": row.copied_from_id,
        "locked": row.locked,
        "hidden": row.hidden,
        "author": person(row.author),
        "changed_by": person(row.changed_by),
    }
    if isinstance(row, Annotation):
        return said | {"created_at": iso(row.created_at), "changed_at": iso(row.changed_at)}
    return said | {"from": iso(row.valid_from), "to": iso(row.valid_to), "removed": row.removed}


def feature(row: Annotation) -> dict[str, Any]:
    """An annotation as a feature of a GeoJSON file."""
    properties = told(row)
    shape = properties.pop("shape")
    return {"type": "Feature", "id": properties.pop("id"), "geometry": shape, "properties": properties}
