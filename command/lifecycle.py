"""The life of an alert (预警处置): states, who may do what in which, and the one setter.

raised → acknowledged → disposed → verified → closed. Whoever verifies is somebody else than who disposed; verification
may send an alert back. Every step is logged. An alert closed while its cause still holds is raised anew, with the next
report, as another alert: closing never silences.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import Q, QuerySet, TextChoices
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from access.models import User
from access.roles import Permission
from access.scope import Scope, scope_of, scope_of_role
from command.exceptions import NotAllowedError, TransitionError
from command.rules import Rule, Trigger, registry

if TYPE_CHECKING:
    from command.models import Alert

MOST_TEXT_CHARS = 2000


class AlertState(TextChoices):
    """How far an alert has come."""

    RAISED = "raised", _("待确认")
    ACKNOWLEDGED = "acknowledged", _("处置中")
    DISPOSED = "disposed", _("待核验")
    VERIFIED = "verified", _("已核验")
    CLOSED = "closed", _("已关闭")


class AlertAction(StrEnum):
    """What people do to an alert."""

    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    DISPOSE = "dispose"
    RETURN = "return"
    VERIFY = "verify"
    CLOSE = "close"


class StepAction(TextChoices):
    """What the log of an alert holds: people's actions and the platform's own."""

    RAISED = "raised", _("产生")
    CAUSE_ENDED = "cause_ended", _("起因消除")
    ESCALATED = "escalated", _("超时升级")
    ACKNOWLEDGE = "acknowledge", _("确认")
    ASSIGN = "assign", _("指派")
    DISPOSE = "dispose", _("处置")
    RETURN = "return", _("退回")
    VERIFY = "verify", _("核验")
    CLOSE = "close", _("关闭")


_S, _A = AlertState, AlertAction
TRANSITIONS: Mapping[tuple[AlertState, AlertAction], AlertState] = MappingProxyType(
    {
        (_S.RAISED, _A.ACKNOWLEDGE): _S.ACKNOWLEDGED,
        (_S.RAISED, _A.ASSIGN): _S.RAISED,
        (_S.ACKNOWLEDGED, _A.ASSIGN): _S.ACKNOWLEDGED,
        (_S.ACKNOWLEDGED, _A.DISPOSE): _S.DISPOSED,
        (_S.DISPOSED, _A.RETURN): _S.ACKNOWLEDGED,
        (_S.DISPOSED, _A.VERIFY): _S.VERIFIED,
        (_S.VERIFIED, _A.CLOSE): _S.CLOSED,
    }
)
NEEDS_TEXT = frozenset({AlertAction.DISPOSE, AlertAction.RETURN})
ESCALATING = (AlertState.RAISED, AlertState.ACKNOWLEDGED)
"""States in which time runs."""


def actions_for(alert: Alert, user: User) -> list[AlertAction]:
    """What ``user`` may do to ``alert`` now, in the order of its life."""
    return [
        action for action in AlertAction if (alert.state, action) in TRANSITIONS and not _forbidden(alert, action, user)
    ]


def assignees(user: User) -> QuerySet[User]:
    """People to whom ``user`` may assign: those in their scope, and themselves."""
    inside = User.objects.within(scope_of(user)).filter(is_active=True)
    return User.objects.filter(Q(pk__in=inside.values("pk")) | Q(pk=user.pk)).order_by("display_name", "pk")


def advance(alert_id: int, action: AlertAction, by: User, *, text: str = "", assign_to: User | None = None) -> Alert:
    """Do ``action`` to an alert: the only way its state changes.

    Parameters
    ----------
    alert_id : int
        Which.
    action : AlertAction
        What.
    by : User
        Who; their permission is checked here.
    text : str
        What was done about it, or why it goes back; needed to dispose and to return.
    assign_to : User, optional
        Whom to assign it to; needed to assign.

    Raises
    ------
    NotAllowedError
        ``by`` may not.
    TransitionError
        Not in this state, or something is missing.
    Alert.DoesNotExist
        There is no such alert.
    """
    from command.models import Alert

    text = text.strip()
    with transaction.atomic():
        alert = Alert.objects.select_for_update(of=("self",)).get(pk=alert_id)
        if fault := _forbidden(alert, action, by):
            raise NotAllowedError(fault)
        _check(alert, action, by, text, assign_to)
        _set(alert, action, by, text, assign_to)
    return alert


def _check(alert: Alert, action: AlertAction, by: User, text: str, assign_to: User | None) -> None:
    if (alert.state, action) not in TRANSITIONS:
        values = {"state": AlertState(alert.state).label, "action": StepAction(action.value).label}
        raise TransitionError(gettext("预警当前为“%(state)s”，不能%(action)s。") % values)
    if action in NEEDS_TEXT and not text:
        raise TransitionError(gettext("请填写处置情况或退回原因。"))
    if len(text) > MOST_TEXT_CHARS:
        raise TransitionError(gettext("最多 %d 个字。") % MOST_TEXT_CHARS)
    if action is AlertAction.ASSIGN and (
        assign_to is None or not assignees(by).filter(pk=assign_to.pk).exists() or not alert.inside(scope_of(assign_to))
    ):
        raise TransitionError(gettext("只能指派给您范围内、看得到该预警的人员。"))


def _forbidden(alert: Alert, action: AlertAction, user: User) -> str:
    """Why ``user`` may not do this; empty where they may."""
    rule = registry.find(alert.rule)
    role = rule.disposer_role if rule is not None else None
    if action is AlertAction.DISPOSE and role is not None:
        if not alert.inside(scope_of_role(user, role)):
            return gettext("该预警须由“%s”处置。") % role.label
    elif not alert.inside(_handles(rule, user)):
        return gettext("您在该预警所在范围内没有调度权限。")
    if action is AlertAction.VERIFY and alert.disposed_by_id == user.pk:
        return gettext("核验人不能是处置人本人。")
    return ""


def _handles(rule: Rule | None, user: User) -> Scope:
    """Where ``user`` does something about alerts of ``rule``; about the platform's own, administrators do so, too."""
    scope = scope_of(user, Permission.DISPATCH)
    if rule is not None and rule.on is Trigger.PLATFORM:
        scope |= scope_of(user, Permission.ADMINISTER)
    return scope


def _set(alert: Alert, action: AlertAction, by: User, text: str, assign_to: User | None) -> None:
    from command.models import AlertStep
    from command.push import publish_after_commit

    before, alert.state = alert.state, TRANSITIONS[AlertState(alert.state), action]
    now = timezone.now()
    rule = registry.find(alert.rule)
    if action is AlertAction.ASSIGN:
        alert.assigned_to = assign_to
    else:
        _stamp(alert, action, by, text, rule)
    ends = action is AlertAction.CLOSE or (
        action is AlertAction.DISPOSE and rule is not None and rule.on is Trigger.EVENTS
    )
    if ends and alert.cause_ended_at is None:
        alert.cause_ended_at = now
        with connection.cursor() as cursor:
            # Whoever keeps open causes in memory must read them again, or a cause that returns would raise nothing.
            cursor.execute("SELECT pg_notify('sandtable', 'causes')")
    alert.save()
    AlertStep.objects.create(
        alert=alert,
        action=action.value,
        by=by,
        by_name=by.display_name or by.get_username(),
        state_before=before,
        state_after=alert.state,
        text=text,
        detail={"assigned_to": assign_to.pk} if assign_to is not None else {},
    )
    publish_after_commit([alert.pk])


def _stamp(alert: Alert, action: AlertAction, by: User, text: str, rule: Rule | None) -> None:
    from command.models import due_after

    now = timezone.now()
    if action is AlertAction.ACKNOWLEDGE:
        alert.acknowledged_at, alert.acknowledged_by = now, by
    elif action is AlertAction.DISPOSE:
        alert.disposed_at, alert.disposed_by, alert.feedback = now, by, text
    elif action is AlertAction.VERIFY:
        alert.verified_at, alert.verified_by = now, by
    elif action is AlertAction.CLOSE:
        alert.closed_at, alert.closed_by = now, by
    alert.due_at = due_after(rule, now) if alert.state in ESCALATING else None
