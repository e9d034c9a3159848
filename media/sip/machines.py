"""The four transactions of RFC 3261, section 17, with the corrections of RFC 6026, as tables of named transitions.

Pure: an input and a state give a state and what is to be done; clocks and sockets are :mod:`media.sip.transactions`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple


class State(Enum):
    """Where a transaction is."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Input(Enum):
    """What can happen to it."""

    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "3xx-6xx"
    REPEATED = "the request again"
    ACKED = "ack"
    RESEND = "timer A, E or G"
    GIVE_UP = "timer B, F or H"
    FORGET = "timer D, I, J, K, L or M"
    BROKEN = "transport error"


class Do(Enum):
    """What follows."""

    SEND = "send the request, or the last answer, (again)"
    ACK = "acknowledge a failure"
    HAND_OVER = "give it to the user"
    TELL_TIMEOUT = "tell the user that nobody answered"
    TELL_BROKEN = "tell the user that it could not be sent"
    STOP_RESENDING = "stop timer A, E or G, and B, F or H"
    REMEMBER = "start timer D, I, J, K, L or M"
    WAIT_FOR_ACK = "start timers G and H"
    SLOW_DOWN = "resend every T2 from now on"


class Transition(NamedTuple):
    """One row of a table."""

    name: str
    to: State
    do: tuple[Do, ...] = ()


Table = Mapping[tuple[State, Input], Transition]
_S, _I = State, Input

INVITE_CLIENT: Table = {
    (_S.CALLING, _I.RESEND): Transition("call again", _S.CALLING, (Do.SEND,)),
    (_S.CALLING, _I.PROVISIONAL): Transition("heard", _S.PROCEEDING, (Do.STOP_RESENDING, Do.HAND_OVER)),
    (_S.CALLING, _I.SUCCESS): Transition("accepted", _S.ACCEPTED, (Do.STOP_RESENDING, Do.HAND_OVER, Do.REMEMBER)),
    (_S.CALLING, _I.FAILURE): Transition(
        "declined", _S.COMPLETED, (Do.STOP_RESENDING, Do.ACK, Do.HAND_OVER, Do.REMEMBER)
    ),
    (_S.CALLING, _I.GIVE_UP): Transition("no answer", _S.TERMINATED, (Do.TELL_TIMEOUT,)),
    (_S.CALLING, _I.BROKEN): Transition("not sent", _S.TERMINATED, (Do.TELL_BROKEN,)),
    (_S.PROCEEDING, _I.PROVISIONAL): Transition("still at it", _S.PROCEEDING, (Do.HAND_OVER,)),
    (_S.PROCEEDING, _I.SUCCESS): Transition("accepted", _S.ACCEPTED, (Do.HAND_OVER, Do.REMEMBER)),
    (_S.PROCEEDING, _I.FAILURE): Transition("declined", _S.COMPLETED, (Do.ACK, Do.HAND_OVER, Do.REMEMBER)),
    (_S.PROCEEDING, _I.BROKEN): Transition("broken off", _S.TERMINATED, (Do.TELL_BROKEN,)),
    # RFC 6026: every copy of the 2xx goes up, for each must be acknowledged by the user.
    (_S.ACCEPTED, _I.SUCCESS): Transition("accepted again", _S.ACCEPTED, (Do.HAND_OVER,)),
    (_S.ACCEPTED, _I.FORGET): Transition("over", _S.TERMINATED),
    (_S.COMPLETED, _I.FAILURE): Transition("declined again", _S.COMPLETED, (Do.ACK,)),
    (_S.COMPLETED, _I.BROKEN): Transition("ack not sent", _S.TERMINATED, (Do.TELL_BROKEN,)),
    (_S.COMPLETED, _I.FORGET): Transition("over", _S.TERMINATED),
}
CLIENT: Table = {
    (_S.TRYING, _I.RESEND): Transition("ask again", _S.TRYING, (Do.SEND,)),
    (_S.TRYING, _I.PROVISIONAL): Transition("heard", _S.PROCEEDING, (Do.SLOW_DOWN, Do.HAND_OVER)),
    (_S.TRYING, _I.SUCCESS): Transition("answered", _S.COMPLETED, (Do.STOP_RESENDING, Do.HAND_OVER, Do.REMEMBER)),
    (_S.TRYING, _I.FAILURE): Transition("declined", _S.COMPLETED, (Do.STOP_RESENDING, Do.HAND_OVER, Do.REMEMBER)),
    (_S.TRYING, _I.GIVE_UP): Transition("no answer", _S.TERMINATED, (Do.TELL_TIMEOUT,)),
    (_S.TRYING, _I.BROKEN): Transition("not sent", _S.TERMINATED, (Do.TELL_BROKEN,)),
    (_S.PROCEEDING, _I.RESEND): Transition("ask again", _S.PROCEEDING, (Do.SEND,)),
    (_S.PROCEEDING, _I.PROVISIONAL): Transition("still at it", _S.PROCEEDING, (Do.HAND_OVER,)),
    (_S.PROCEEDING, _I.SUCCESS): Transition("answered", _S.COMPLETED, (Do.STOP_RESENDING, Do.HAND_OVER, Do.REMEMBER)),
    (_S.PROCEEDING, _I.FAILURE): Transition("declined", _S.COMPLETED, (Do.STOP_RESENDING, Do.HAND_OVER, Do.REMEMBER)),
    (_S.PROCEEDING, _I.GIVE_UP): Transition("no answer", _S.TERMINATED, (Do.TELL_TIMEOUT,)),
    (_S.PROCEEDING, _I.BROKEN): Transition("not sent", _S.TERMINATED, (Do.TELL_BROKEN,)),
    (_S.COMPLETED, _I.FORGET): Transition("over", _S.TERMINATED),
}
INVITE_SERVER: Table = {
    (_S.PROCEEDING, _I.REPEATED): Transition("still at it", _S.PROCEEDING, (Do.SEND,)),
    (_S.PROCEEDING, _I.PROVISIONAL): Transition("say so", _S.PROCEEDING, (Do.SEND,)),
    # RFC 6026 leaves the repeating of a 2xx to the user; here the user is this layer, so timers G and H serve it too.
    (_S.PROCEEDING, _I.SUCCESS): Transition("accept", _S.ACCEPTED, (Do.SEND, Do.WAIT_FOR_ACK)),
    (_S.PROCEEDING, _I.FAILURE): Transition("decline", _S.COMPLETED, (Do.SEND, Do.WAIT_FOR_ACK)),
    (_S.PROCEEDING, _I.BROKEN): Transition("broken off", _S.TERMINATED, (Do.TELL_BROKEN,)),
    (_S.ACCEPTED, _I.REPEATED): Transition("accepted already", _S.ACCEPTED, (Do.SEND,)),
    (_S.ACCEPTED, _I.RESEND): Transition("accept again", _S.ACCEPTED, (Do.SEND,)),
    (_S.ACCEPTED, _I.ACKED): Transition("confirmed", _S.CONFIRMED, (Do.STOP_RESENDING, Do.HAND_OVER, Do.REMEMBER)),
    (_S.ACCEPTED, _I.GIVE_UP): Transition("never acknowledged", _S.TERMINATED, (Do.TELL_TIMEOUT,)),
    (_S.ACCEPTED, _I.BROKEN): Transition("broken off", _S.TERMINATED, (Do.TELL_BROKEN,)),
    (_S.COMPLETED, _I.REPEATED): Transition("declined already", _S.COMPLETED, (Do.SEND,)),
    (_S.COMPLETED, _I.RESEND): Transition("decline again", _S.COMPLETED, (Do.SEND,)),
    (_S.COMPLETED, _I.ACKED): Transition("confirmed", _S.CONFIRMED, (Do.STOP_RESENDING, Do.REMEMBER)),
    (_S.COMPLETED, _I.GIVE_UP): Transition("never acknowledged", _S.TERMINATED),
    (_S.COMPLETED, _I.BROKEN): Transition("broken off", _S.TERMINATED, (Do.TELL_BROKEN,)),
    (_S.CONFIRMED, _I.REPEATED): Transition("late copy", _S.CONFIRMED),
    (_S.CONFIRMED, _I.ACKED): Transition("confirmed again", _S.CONFIRMED),
    (_S.CONFIRMED, _I.FORGET): Transition("over", _S.TERMINATED),
}
SERVER: Table = {
    (_S.TRYING, _I.REPEATED): Transition("not ready yet", _S.TRYING),
    (_S.TRYING, _I.PROVISIONAL): Transition("say so", _S.PROCEEDING, (Do.SEND,)),
    (_S.TRYING, _I.SUCCESS): Transition("answer", _S.COMPLETED, (Do.SEND, Do.REMEMBER)),
    (_S.TRYING, _I.FAILURE): Transition("decline", _S.COMPLETED, (Do.SEND, Do.REMEMBER)),
    (_S.TRYING, _I.BROKEN): Transition("broken off", _S.TERMINATED),
    (_S.PROCEEDING, _I.REPEATED): Transition("still at it", _S.PROCEEDING, (Do.SEND,)),
    (_S.PROCEEDING, _I.PROVISIONAL): Transition("say so", _S.PROCEEDING, (Do.SEND,)),
    (_S.PROCEEDING, _I.SUCCESS): Transition("answer", _S.COMPLETED, (Do.SEND, Do.REMEMBER)),
    (_S.PROCEEDING, _I.FAILURE): Transition("decline", _S.COMPLETED, (Do.SEND, Do.REMEMBER)),
    (_S.PROCEEDING, _I.BROKEN): Transition("broken off", _S.TERMINATED),
    (_S.COMPLETED, _I.REPEATED): Transition("answered already", _S.COMPLETED, (Do.SEND,)),
    (_S.COMPLETED, _I.BROKEN): Transition("broken off", _S.TERMINATED),
    (_S.COMPLETED, _I.FORGET): Transition("over", _S.TERMINATED),
}


class UnlistedError(Exception):
    """A transition that no table has: a fault of ours."""


class Machine:
    """One transaction's state; :meth:`step` is the only one to set it.

    Parameters
    ----------
    table : Table
        Its transitions.
    state : State
        Where it begins.
    """

    __slots__ = ("_table", "state")

    def __init__(self, table: Table, state: State) -> None:
        self._table = table
        self.state = state

    def takes(self, happened: Input) -> bool:
        """Whether this input means anything now; what comes late or twice from outside often does not."""
        return (self.state, happened) in self._table

    def step(self, happened: Input) -> Transition:
        """Go on.

        Raises
        ------
        UnlistedError
            The table has no such transition.
        """
        try:
            transition = self._table[self.state, happened]
        except KeyError:
            raise UnlistedError(f"{happened.value} while {self.state.value}") from None
        self.state = transition.to
        return transition
