"""Drafts of areas over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext
from ninja import Router, Status
from ninja.errors import HttpError
from ninja.params import Path

from access.models import User
from command.plan.areas import area_seen
from command.plan.drafts import act, change_draft, drafts_seen, make_draft
from command.plan.exceptions import DraftForbiddenError, DraftStaleError, PlanError
from command.plan.force import force_of
from command.plan.lifecycle import DraftAction, DraftState
from command.plan.messages import ActionIn, DraftIn, ShapesIn, told_draft
from command.plan.models import AreaDraft
from command.plan.places import planner
from command.plan.shapes import read_shape, settled_figure, shape_of, write_shape
from gis import editing
from gis.exceptions import EditError

router = Router(tags=["plan"])

MOST_LISTED = 200
_DOABLE = (
    DraftAction.SUBMIT, DraftAction.WITHDRAW, DraftAction.RETURN, DraftAction.APPROVE, DraftAction.ACTIVATE,
    DraftAction.DISCARD,
)  # fmt: skip


def answered(work: Callable[[], Any]) -> Any:
    """What ``work`` gives; its refusals as HTTP answers.

    Raises
    ------
    HttpError
    """
    try:
        return work()
    except AreaDraft.DoesNotExist:
        raise HttpError(404, "Not Found") from None
    except DraftForbiddenError as error:
        raise HttpError(403, str(error)) from error
    except DraftStaleError as error:
        raise HttpError(409, str(error)) from error
    except (PlanError, EditError) as error:
        raise HttpError(400, str(error)) from error


@router.get("/plan/drafts")
def drafts(request: HttpRequest, state: str = "open", q: str = "") -> dict[str, Any]:
    """Drafts that one sees, the last changed first: ``{"drafts", "more"}``; ``state``: one of them, or ``open``."""
    user = planner(request)
    states = DraftState.open_states() if state == "open" else [state]
    found = drafts_seen(user).filter(state__in=states)
    if q.strip():
        found = found.filter(name__icontains=q.strip())
    rows = list(found[: MOST_LISTED + 1])
    told = [told_draft(draft, user, whole=False) for draft in rows[:MOST_LISTED]]
    return {"drafts": told, "more": len(rows) > MOST_LISTED}


@router.post("/plan/drafts", response={201: dict[str, Any]})
def add_draft(request: HttpRequest, given: DraftIn) -> Any:
    """A new draft; of a change where ``area`` is named. 409: there is an open one about that area."""
    user = planner(request)
    area = None if given.area is None else area_seen(user, given.area)
    return Status(201, _told(answered(lambda: make_draft(user, given.wanted(), area)).pk, user))


@router.get("/plan/drafts/{int:draft_id}")
def one_draft(request: HttpRequest, draft_id: Path[int]) -> dict[str, Any]:
    """A draft with its shape, what one may do to it (``actions``), and its history (``steps``)."""
    return _told(draft_id, planner(request))


@router.put("/plan/drafts/{int:draft_id}")
def save_draft(request: HttpRequest, draft_id: Path[int], given: DraftIn) -> dict[str, Any]:
    """Make a draft what is given; 409: somebody changed it since ``revision``."""
    user = planner(request)
    answered(lambda: change_draft(user, draft_id, given.wanted(), given.revision))
    return _told(draft_id, user)


@router.get("/plan/drafts/{int:draft_id}/force")
def in_force(request: HttpRequest, draft_id: Path[int]) -> dict[str, Any]:
    """Whether every ingest process judges by what this draft made; :class:`command.plan.force.Force`."""
    user = planner(request)
    draft = answered(lambda: drafts_seen(user).get(pk=draft_id))
    if draft.in_force_at is None:
        raise HttpError(409, gettext("方案尚未生效。"))
    return force_of(draft)._asdict()


@router.post("/plan/drafts/{int:draft_id}/{action}")
def act_on_draft(request: HttpRequest, draft_id: Path[int], action: Path[str], given: ActionIn) -> dict[str, Any]:
    """Do something to a draft: submit, withdraw, return, approve, activate, discard."""
    user = planner(request)
    if action not in _DOABLE:
        raise HttpError(404, "Not Found")
    draft = answered(lambda: act(user, draft_id, DraftAction(action), given.revision, given.text))
    if action == DraftAction.APPROVE and given.activate:
        answered(lambda: act(user, draft_id, DraftAction.ACTIVATE, draft.revision))
    return _told(draft_id, user)


@router.post("/plan/shapes")
def shapes(request: HttpRequest, asked: ShapesIn) -> dict[str, Any]:
    """Work on shapes: ``{"shapes": [GeoJSON …], "measures": [{area_m2, length_m, points} …]}``."""
    planner(request)
    found = answered(lambda: _worked(asked))
    return {"shapes": [write_shape(shape) for shape in found], "measures": [editing.measure(shape) for shape in found]}


def _worked(asked: ShapesIn) -> list[Any]:
    if asked.op == "figure":
        return [shape_of(settled_figure(asked.figure or {"type": ""}))]
    given = [read_shape(shape) for shape in asked.shapes]
    if not given or (asked.op in ("split", "cut", "compare") and len(given) < 2):
        raise EditError(gettext("请先选择要处理的图形。"))
    first, rest = given[0], given[1:]
    if asked.op == "split":
        return editing.split(first, rest[0])
    if asked.op == "compare":
        return list(editing.changes(first, rest[0]))
    work: dict[str, Callable[[], Any]] = {
        "buffer": lambda: editing.buffer(first, asked.distance_m),
        "merge": lambda: editing.merge(given),
        "cut": lambda: editing.cut(first, rest[0]),
        "snap": lambda: editing.snap(first, rest, asked.distance_m),
        "mend": lambda: editing.mend(first),
        "measure": lambda: first,
    }
    return [work[asked.op]()]


def _told(draft_id: int, user: User) -> dict[str, Any]:
    found = drafts_seen(user).prefetch_related("steps")
    return told_draft(answered(lambda: found.get(pk=draft_id)), user, whole=True)
