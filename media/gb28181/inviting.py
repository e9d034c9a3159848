"""An INVITE of ours on its way: sent, answered or taken back; and the BYE that ends the call (RFC 3261, 13, 15)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from media.exceptions import NoReplyError, RefusedByDeviceError
from media.faults import LINE_BUSY, NO_PICK_UP, NO_SUCH_CHANNEL, NOT_ACCEPTED, NOT_ALLOWED
from media.sip.dialogs import Dialog
from media.sip.exceptions import DeclinedError, NoAnswerError
from media.sip.flows import Flow
from media.sip.message import Request, Response
from media.sip.transactions import Transactions

ANSWER_S = 12.0
EXPLAINED = {403: NOT_ALLOWED, 404: NO_SUCH_CHANNEL, 486: LINE_BUSY, 488: NOT_ACCEPTED}

_unwanted: set[asyncio.Task[None]] = set()


async def invite(
    transactions: Transactions, request: Request, flow: Flow, accepted: Callable[[Dialog], bool]
) -> Response:
    """Call somebody, and wait until they have taken it.

    Parameters
    ----------
    accepted : callable
        Gets the dialog of every answer that accepts, copies included; returns whether it is wanted. What is not is
        hung up on.

    Raises
    ------
    MediaError
        They did not answer, or said no.
    """
    answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

    def on_response(response: Response) -> None:
        if not response.final:
            return
        if response.status < 300:
            # Every copy is acknowledged; a second camera that answers the same call is hung up on.
            dialog = Dialog.of_response(request, response, flow)
            transactions.acknowledge(dialog.request("ACK"), flow)
            if answered.cancelled() or not accepted(dialog):
                task = asyncio.create_task(say_bye(transactions, dialog, flow))
                _unwanted.add(task)
                task.add_done_callback(_unwanted.discard)
                return
        if not answered.done():
            answered.set_result(response)

    def on_end(why: str) -> None:
        if not answered.done():
            answered.set_exception(NoReplyError(why))

    transaction = transactions.send(request, flow, on_response, on_end)
    try:
        async with asyncio.timeout(ANSWER_S):
            response = await answered
    except TimeoutError:
        transactions.cancel(transaction)
        raise NoReplyError(NO_PICK_UP) from None
    except asyncio.CancelledError:
        transactions.cancel(transaction)
        raise
    if response.status >= 300:
        known = EXPLAINED.get(response.status)
        said = f"{known}: {response.status}" if known else f"{response.status} {response.reason}".strip()
        raise RefusedByDeviceError(said)
    return response


async def say_bye(transactions: Transactions, dialog: Dialog, flow: Flow) -> None:
    """Hang up; whoever does not answer has gone anyway."""
    with contextlib.suppress(NoAnswerError, DeclinedError):
        await transactions.ask(dialog.request("BYE"), flow)
