"""The life of a draft (方案流转): draft → submitted → approved → in force; who may do what, and the one setter.

Whoever drew, changed or submitted a draft does not approve it: four eyes, whatever one's role. Approving takes
:attr:`access.roles.Permission.APPROVE` where the draft lies and where the area that it changes lies now; so a city
officer or an administrator approves, each in their scope (ADR 0029).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from django.db.models import TextChoices
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.models import User
from access.roles import Permission
from command.plan.exceptions import DraftFaultError, DraftForbiddenError

if TYPE_CHECKING:
    from command.plan.models import AreaDraft


class DraftState(TextChoices):
    """How far a draft has come."""

    DRAFT = "draft", _("草稿")
    SUBMITTED = "submitted", _("待批准")
    APPROVED = "approved", _("已批准")
    ACTIVE = "active", _("已生效")
    DISCARDED = "discarded", _("已作废")

    @classmethod
    def open_states(cls) -> list[str]:
        """States from which it may still become an area."""
        return [cls.DRAFT.value, cls.SUBMITTED.value, cls.APPROVED.value]


class DraftAction(TextChoices):
    """What people do to a draft."""

    CREATE = "create", _("起草")
    CHANGE = "change", _("修改")
    SUBMIT = "submit", _("提交")
    WITHDRAW = "withdraw", _("撤回")
    RETURN = "return", _("退回")
    APPROVE = "approve", _("批准")
    ACTIVATE = "activate", _("生效")
    DISCARD = "discard", _("作废")


_S, _A = DraftState, DraftAction
TRANSITIONS: Mapping[tuple[DraftState, DraftAction], DraftState] = MappingProxyType(
    {
        (_S.DRAFT, _A.CREATE): _S.DRAFT,
        (_S.DRAFT, _A.CHANGE): _S.DRAFT,
        (_S.DRAFT, _A.SUBMIT): _S.SUBMITTED,
        (_S.DRAFT, _A.DISCARD): _S.DISCARDED,
        (_S.SUBMITTED, _A.WITHDRAW): _S.DRAFT,
        (_S.SUBMITTED, _A.RETURN): _S.DRAFT,
        (_S.SUBMITTED, _A.APPROVE): _S.APPROVED,
        (_S.APPROVED, _A.RETURN): _S.DRAFT,
        (_S.APPROVED, _A.ACTIVATE): _S.ACTIVE,
    }
)
DRAWING = frozenset({_A.CREATE, _A.CHANGE, _A.SUBMIT})
"""Who has done one of these to a draft has a hand in it."""
DECIDING = frozenset({_A.APPROVE, _A.RETURN})
NEEDS_TEXT = frozenset({_A.RETURN})


def actions_for(draft: AreaDraft, user: User) -> list[str]:
    """What ``user`` may do to ``draft`` now, in the order of its life."""
    return [
        action.value
        for action in DraftAction
        if action is not _A.CREATE
        and (DraftState(draft.state), action) in TRANSITIONS
        and not forbidden(draft, action, user)
    ]


def forbidden(draft: AreaDraft, action: DraftAction, user: User) -> str:
    """Why ``user`` may not do this; empty where they may."""
    from command.plan.places import covers

    permission = Permission.APPROVE if action in DECIDING else Permission.PLAN
    if not covers(user, permission, draft) or (draft.area is not None and not covers(user, permission, draft.area)):
        if action in DECIDING:
            return gettext("您在该区域所在范围内没有批准权限。")
        return gettext("该区域不全在您的规划范围内。")
    if action is _A.APPROVE and has_a_hand(draft, user):
        return gettext("方案须由他人批准：您参与过起草、修改或提交。")
    return ""


def has_a_hand(draft: AreaDraft, user: User) -> bool:
    """Whether somebody drew, changed or submitted it."""
    return draft.created_by_id == user.pk or any(
        step.by_id == user.pk and step.action in DRAWING for step in draft.steps.all()
    )


def step(draft: AreaDraft, action: DraftAction, by: User, text: str = "") -> None:
    """Do ``action`` to a draft that is locked: the only way its state changes; the caller saves it.

    Raises
    ------
    DraftForbiddenError
        ``by`` may not.
    DraftFaultError
        Not in this state, or a reason is missing.
    """
    from command.plan.models import MOST_TEXT_CHARS, DraftStep

    before, text = DraftState(draft.state), text.strip()
    if fault := forbidden(draft, action, by):
        raise DraftForbiddenError(fault)
    if (before, action) not in TRANSITIONS:
        values = {"state": before.label, "action": action.label}
        raise DraftFaultError(gettext("方案当前为“%(state)s”，不能%(action)s。") % values)
    if action in NEEDS_TEXT and not text:
        raise DraftFaultError(gettext("请填写退回原因。"))
    if len(text) > MOST_TEXT_CHARS:
        raise DraftFaultError(gettext("最多 %d 个字。") % MOST_TEXT_CHARS)
    draft.state = TRANSITIONS[before, action]
    draft.revision += 1
    draft.save()
    DraftStep.objects.create(
        draft=draft,
        action=action,
        by=by,
        by_name=by.display_name or by.get_username(),
        state_before=before,
        state_after=draft.state,
        text=text,
    )
