"""What pages send to the planners' desk and what it answers."""

from __future__ import annotations

from typing import Any, Literal

from ninja import Schema
from pydantic import Field

from access.models import User
from command.plan.drafts import Wanted
from command.plan.lifecycle import DraftAction, DraftState, actions_for
from command.plan.models import AreaDraft
from command.plan.shapes import write_shape
from twin.models import Area, AreaVersion
from twin.period_text import write_text

MOST_PERIODS = 50


class DraftIn(Schema):
    """A draft as it is to be; ``area``: the area it changes; ``revision``: the one that was changed."""

    name: str = Field(max_length=120)
    kind: str = Field(max_length=16)
    shape: dict[str, Any] | None = None
    figure: dict[str, Any] | None = None
    z_min_m: float | None = None
    z_max_m: float | None = None
    owner: int | None = None
    periods: list[dict[str, Any]] = Field(default=[], max_length=MOST_PERIODS)
    source: str = Field(default="", max_length=200)
    attributes: dict[str, Any] = {}
    retire: bool = False
    area: int | None = None
    revision: int = 0

    def wanted(self) -> Wanted:
        """The same, for :mod:`command.plan.drafts`."""
        values = self.model_dump()
        del values["area"], values["revision"]
        return Wanted(**values)


class ActionIn(Schema):
    """Something done to a draft; ``activate``: an approved one goes into force at once."""

    revision: int
    text: str = Field(default="", max_length=2000)
    activate: bool = False


class ShapesIn(Schema):
    """A question about shapes (GeoJSON, degrees): ``op`` on ``shapes``, with the numbers that it takes."""

    op: Literal["figure", "buffer", "merge", "split", "cut", "snap", "mend", "measure", "compare"]
    shapes: list[dict[str, Any]] = Field(default=[], max_length=50)
    figure: dict[str, Any] | None = None
    distance_m: float = 0.0


def told_draft(draft: AreaDraft, user: User, *, whole: bool) -> dict[str, Any]:
    """A draft for a page; ``whole``: with its shape and its history."""
    said: dict[str, Any] = {
        "id": draft.pk,
        "name": draft.name,
        "kind": draft.kind,
        "state": draft.state,
        "state_name": DraftState(draft.state).label,
        "revision": draft.revision,
        "area": draft.area_id,
        "base_version": draft.base_version,
        "made_version": draft.made_version,
        "retire": draft.retire,
        "region": draft.region.name if draft.region else "",
        "created_by": _named(draft.created_by),
        "changed_at": draft.changed_at.isoformat(),
        "bbox": list(draft.shape.extent),
    }
    if not whole:
        return said
    steps = [
        {
            "action": step.action,
            "action_name": DraftAction(step.action).label,
            "by": step.by_name,
            "at": step.at.isoformat(),
            "text": step.text,
        }
        for step in draft.steps.all()
    ]
    return said | {
        "shape": write_shape(draft.shape),
        "figure": draft.figure,
        **_properties(draft),
        "actions": actions_for(draft, user),
        "in_force_at": draft.in_force_at.isoformat() if draft.in_force_at else None,
        "steps": steps,
    }


def told_area(area: Area | AreaVersion) -> dict[str, Any]:
    """An area, or what it was in one of its versions, with its shape."""
    return {
        "id": area.pk if isinstance(area, Area) else area.area_id,
        "name": area.name,
        "kind": area.kind,
        "version": area.version,
        "active": area.active,
        "region": area.region.name if area.region else "",
        "shape": write_shape(area.line if area.line is not None else area.boundary),
        **_properties(area),
    }


def _properties(thing: AreaDraft | Area | AreaVersion) -> dict[str, Any]:
    owner = thing.owner
    return {
        "z_min_m": thing.z_min_m,
        "z_max_m": thing.z_max_m,
        "owner": {"id": owner.pk, "name": owner.name} if owner else None,
        "periods": thing.periods,
        "periods_text": write_text(thing.periods),
        "source": thing.source,
        "attributes": thing.attributes,
    }


def _named(user: User | None) -> str:
    return (user.display_name or user.get_username()) if user else ""
