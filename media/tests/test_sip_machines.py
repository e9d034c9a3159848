"""Transactions: every named transition, and the same over a line that loses and doubles (RFC 3261, 17)."""

from __future__ import annotations

import asyncio

import pytest

from media.sip import transaction, transactions
from media.sip.dialogs import Dialog
from media.sip.exceptions import DeclinedError, NoAnswerError
from media.sip.machines import CLIENT, INVITE_CLIENT, INVITE_SERVER, SERVER, Do, Input, Machine, State, UnlistedError
from media.sip.message import Headers, Request, read_message
from media.sip.transactions import Transactions, observe

TABLES = {"invite client": INVITE_CLIENT, "client": CLIENT, "invite server": INVITE_SERVER, "server": SERVER}


@pytest.mark.parametrize("name", TABLES)
def test_every_state_is_reached_and_left_and_everything_ends(name):
    table = TABLES[name]
    first = {"client": State.TRYING, "server": State.TRYING, "invite client": State.CALLING}.get(name, State.PROCEEDING)
    reached, new = {first}, {first}
    while new:
        new = {row.to for (state, _input), row in table.items() if state in new} - reached
        reached |= new
    assert reached == {state for state, _input in table} | {State.TERMINATED}
    ending = {State.TERMINATED}
    for _ in State:
        ending |= {state for (state, _input), row in table.items() if row.to in ending}
    assert ending == reached
    for (state, happened), row in table.items():
        machine = Machine(table, state)
        assert machine.step(happened) is row
        assert machine.state is row.to


def test_an_unlisted_transition_raises():
    machine = Machine(SERVER, State.COMPLETED)
    assert not machine.takes(Input.ACKED)
    with pytest.raises(UnlistedError):
        machine.step(Input.ACKED)


def test_what_is_remembered_is_forgotten():
    for table in TABLES.values():
        for row in table.values():
            if Do.REMEMBER in row.do:
                assert (row.to, Input.FORGET) in table


class Line:
    """Two ends; ``lose`` says which messages are lost, by number."""

    def __init__(self, transport="UDP", lose=()):
        self.lose, self.sent, self.broken = set(lose), [], False
        self.ends = [End(self, 0, transport), End(self, 1, transport)]

    def carry(self, data, sender):
        self.sent.append(data)
        if len(self.sent) not in self.lose:
            asyncio.get_running_loop().call_soon(self.ends[1 - sender].hear, data)


class End:
    """One end: its layer, and its flow to the other."""

    def __init__(self, line, number, transport):
        self.line, self.number, self.transport = line, number, transport
        self.peer, self.local = ("192.0.2.9", 5060), ("192.0.2.1", 5060)
        self.got = []
        self.layer = Transactions(self.got.append)
        self.acks = 0

    @property
    def open(self):
        return not self.line.broken

    def send(self, data):
        self.line.carry(data, self.number)

    def hear(self, data):
        message = read_message(data)
        if not isinstance(message, Request):
            self.layer.receive_response(message, self)
        elif not self.layer.known(message, self):
            self.layer.begin(message, self)
        elif message.method == "ACK":
            self.acks += 1


def request(method="MESSAGE", call="c1"):
    items = [("from", "<sip:a@x>;tag=1"), ("to", "<sip:b@x>"), ("call-id", call), ("cseq", f"5 {method}")]
    return Request(method, uri="sip:b@x", cseq=5, headers=Headers(items))


@pytest.fixture(autouse=True)
def _short_clocks(monkeypatch):
    monkeypatch.setattr(transaction, "T1", 0.01)
    monkeypatch.setattr(transaction, "T2", 0.02)


def run(work):
    asyncio.run(work)


async def wait_for(happened):
    async with asyncio.timeout(10):
        while not happened():
            await asyncio.sleep(0.002)


def test_lost_requests_and_lost_answers_are_made_good():
    async def work():
        line = Line(lose=[1, 2, 4])  # the request twice, then the answer
        left, right = line.ends
        asked = asyncio.ensure_future(left.layer.ask(request(), left))
        await wait_for(lambda: right.got)
        right.got[0].answer(200)
        response = await asked
        assert (response.status, response.method) == (200, "MESSAGE")
        assert len(right.got) == 1  # copies never reach the user
        await wait_for(lambda: not len(left.layer) and not len(right.layer))

    run(work())


def test_nobody_answers():
    async def work():
        line = Line(lose=range(1, 100))
        with pytest.raises(NoAnswerError):
            await line.ends[0].layer.ask(request(), line.ends[0])
        assert len(line.sent) > 5
        assert not len(line.ends[0].layer)
        line.broken = True
        with pytest.raises(NoAnswerError, match="connection"):
            await line.ends[0].layer.ask(request(), line.ends[0])

    run(work())


def test_a_refusal_is_told_and_an_answer_of_another_is_not_taken():
    async def work():
        line = Line()
        left, right = line.ends
        asked = asyncio.ensure_future(left.layer.ask(request(), left))
        await wait_for(lambda: right.got)
        forged = read_message(right.got[0].request.answer(200).write())

        class Other:
            peer = ("203.0.113.5", 5060)

        assert not left.layer.receive_response(forged, Other())
        right.got[0].answer(486)
        with pytest.raises(DeclinedError) as caught:
            await asked
        assert caught.value.status == 486

    run(work())


@pytest.mark.parametrize("lose", [(), (2,), (2, 3), (1, 4)])
def test_a_call_is_accepted_and_every_copy_of_that_is_acknowledged(lose):
    async def work():
        line = Line(lose=lose)
        left, right = line.ends
        acknowledged, lost = [], []
        dialogs = []

        def on_response(response):
            if response.status == 200:
                dialog = Dialog.of_response(calling.request, response, left)
                dialogs.append(dialog)
                ack = dialog.request("ACK")
                ack.headers.items.insert(0, ("via", "SIP/2.0/UDP h;branch=" + transactions.new_branch()))
                left.send(ack.write())

        calling = left.layer.send(request("INVITE"), left, on_response, lost.append)
        await wait_for(lambda: right.got)
        call = right.got[0]
        call.on_ack = lambda: acknowledged.append(1)
        call.on_lost = lost.append
        call.answer(200)
        await wait_for(lambda: acknowledged)
        assert len({dialog.key for dialog in dialogs}) == 1
        assert right.acks >= 1
        await wait_for(lambda: not len(left.layer) and not len(right.layer))
        assert not lost

    run(work())


def test_a_call_that_is_declined_or_never_acknowledged():
    async def work():
        line = Line(lose=[2])
        left, right = line.ends
        statuses, lost = [], []
        left.layer.send(request("INVITE"), left, lambda r: statuses.append(r.status), lost.append)
        await wait_for(lambda: right.got)
        right.got[0].answer(488)
        await wait_for(lambda: statuses == [488] and right.acks)
        await wait_for(lambda: not len(left.layer) and not len(right.layer))
        # Accepted, and the caller is gone.
        line.lose |= set(range(len(line.sent) + 2, 1000))
        left.layer.send(request("INVITE", "c2"), left, lambda r: None, lambda why: None)
        await wait_for(lambda: len(right.got) == 2)
        right.got[1].on_lost = lost.append
        right.got[1].answer(200)
        await wait_for(lambda: lost == ["no answer"])

    run(work())


def test_a_lost_connection_ends_what_waits_on_it():
    async def work():
        line = Line("TCP", lose=[1])
        left = line.ends[0]
        asked = asyncio.ensure_future(left.layer.ask(request(), left))
        await asyncio.sleep(0)
        left.layer.lose(left)
        with pytest.raises(NoAnswerError, match="lost"):
            await asked

    run(work())


@pytest.mark.parametrize(
    ("via", "seen"),
    [
        ("10.0.0.8:5060;rport;branch=z9hG4bK1", "10.0.0.8:5060;rport=7000;branch=z9hG4bK1;received=192.0.2.9"),
        ("10.0.0.8;branch=z9hG4bK1;rport", "10.0.0.8;branch=z9hG4bK1;rport=7000;received=192.0.2.9"),
        ("10.0.0.8;branch=z9hG4bK1", "10.0.0.8;branch=z9hG4bK1;received=192.0.2.9"),
        ("192.0.2.9;branch=z9hG4bK1", "192.0.2.9;branch=z9hG4bK1"),
    ],
)
def test_the_answer_goes_where_the_request_came_from(via, seen):
    message = request()
    message.headers.items.insert(0, ("via", f"SIP/2.0/UDP {via}"))
    message.headers.items.append(("content-length", "0"))
    message = read_message(message.write())

    class Flow:
        peer = ("192.0.2.9", 7000)

    observe(message, Flow())
    assert message.headers.get("via") == f"SIP/2.0/UDP {seen}"
