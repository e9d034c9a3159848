"""Telling every web process at once what became of an annotation, over the broker."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from django.db import transaction

from twin.annotations.messages import told
from twin.annotations.models import Annotation, AnnotationVersion
from twin.observers import Message
from twin.publishing import publish_messages

ANNOTATION_TOPICS = "st/annotations/+"


def publish_after_commit(annotation: Annotation) -> None:
    """Tell of this annotation as it is once the running transaction is committed."""
    transaction.on_commit(partial(_publish, annotation.pk))


def record_of(annotation: Annotation) -> dict[str, Any]:
    """An annotation as processes tell each other of it: with where it lies now, and where it ever lay.

    Whoever could see it and cannot any more is told that it is gone, and nothing else.
    """
    versions = AnnotationVersion.objects.filter(annotation=annotation).values_list("regions", "organizations")
    places = list(versions)
    return {
        "annotation": told(annotation),
        "regions": annotation.regions,
        "organizations": annotation.organizations,
        "ever_regions": sorted({key for regions, _organizations in places for key in regions}),
        "ever_organizations": sorted({key for _regions, organizations in places for key in organizations}),
        "removed": annotation.removed,
    }


def _publish(key: int) -> None:
    annotation = Annotation.objects.select_related("author", "changed_by").filter(pk=key).first()
    if annotation is not None:
        message = json.dumps(record_of(annotation), ensure_ascii=False).encode()
        publish_messages([Message("st/annotations/web", message)])
