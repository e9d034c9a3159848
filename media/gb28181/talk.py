"""Requests of ours to devices, and the answers they owe in messages of their own (9.5: MESSAGE, 200, MESSAGE)."""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from media.exceptions import NoReplyError, OfflineError, RefusedByDeviceError
from media.faults import TOOK_AND_WAS_SILENT
from media.gb28181.codes import domain_of
from media.gb28181.peers import Binding, Peers
from media.gb28181.xml import Element, Fields, write_xml
from media.sip.exceptions import DeclinedError, NoAnswerError
from media.sip.message import Headers, Request
from media.sip.transaction import new_tag
from media.sip.transactions import Transactions

XML_TYPE = "Application/MANSCDP+xml"
PATIENCE_S = 10.0
"""Between two parts of an answer, and before the first."""
MOST_PARTS = 200_000
MOST_TOGETHER = 64
"""Devices asked at once: a thousand that come back together are asked one after another."""
LISTS = {"catalog": "DeviceList", "recordinfo": "RecordList", "presetquery": "PresetList"}

Key = tuple[str, str, str]


@dataclass
class Said:
    """An answer, put together from its parts.

    Attributes
    ----------
    body : Element
        Of the last part.
    items : list of Element
        Of all parts, each once.
    whole : bool
        As many came as were announced.
    """

    body: Element
    items: list[Element] = field(default_factory=list)
    whole: bool = True


class _Collector:
    """Parts of one answer, which come in any order, some twice, some never."""

    def __init__(self, done: asyncio.Future[Said], patience_s: float) -> None:
        self._done = done
        self._patience_s = patience_s
        self._items: dict[str, Element] = {}
        self._body: Element | None = None
        self._timer: asyncio.TimerHandle | None = None

    def wait(self) -> None:
        """Give it time once more."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._done.done():
            self._timer = asyncio.get_running_loop().call_later(self._patience_s, self._end)

    def take(self, body: Element, list_name: str) -> None:
        """One part has come."""
        self._body = body
        listed = body.find(list_name) if list_name else None
        if listed is None and not list_name:
            self._end(whole=True)
            return
        for item in listed.all("Item") if listed is not None else ():
            if len(self._items) < MOST_PARTS:
                self._items.setdefault(_mark(item), item)
        announced = body.get("SumNum").strip()
        total = int(announced) if announced.isdecimal() else len(self._items)
        if len(self._items) >= total:
            self._end(whole=True)
        else:
            self.wait()

    def close(self) -> None:
        """Nobody waits any longer."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._done.done():
            self._done.cancel()

    def _end(self, whole: bool = False) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._done.done():
            return
        if self._body is None:
            self._done.set_exception(NoReplyError(TOOK_AND_WAS_SILENT))
        else:
            self._done.set_result(Said(self._body, list(self._items.values()), whole))


def _mark(item: Element) -> str:
    """What tells one item from another: its code, and of recordings their times; presets their number."""
    names = ("DeviceID", "PresetID", "StartTime", "EndTime", "FilePath")
    return "|".join(item.get(name) for name in names)


@dataclass
class Talker:
    """Asks devices.

    Attributes
    ----------
    code, domain : str
        Ours.
    """

    transactions: Transactions
    peers: Peers
    code: str
    domain: str

    def __post_init__(self) -> None:
        self._numbers = itertools.count(secrets.randbelow(9000) + 1)
        self._waiting: dict[Key, _Collector] = {}
        self._room = asyncio.Semaphore(MOST_TOGETHER)

    @property
    def ours(self) -> str:
        """Our own address, without a tag."""
        return f"<sip:{self.code}@{self.domain}>"

    def request(
        self, method: str, binding: Binding, to: str, headers: tuple[tuple[str, str], ...] = (), body: bytes = b""
    ) -> Request:
        """A request outside any dialog, to a device or a channel of it.

        Its To has no tag of ours or theirs: a copied one is answered with 481.
        """
        cseq = secrets.randbelow(10_000) + 1
        items = [
            ("from", f"{self.ours};tag={new_tag()}"),
            ("to", f"<sip:{to}@{domain_of(to)}>"),
            ("call-id", f"{new_tag()}@{binding.flow.local[0]}"),
            ("cseq", f"{cseq} {method}"),
            ("max-forwards", "70"),
            ("user-agent", "Sandtable"),
            *headers,
        ]
        uri = binding.uri.replace(f"sip:{binding.code}@", f"sip:{to}@")
        return Request(method, uri=uri, cseq=cseq, headers=Headers(items), body=body)

    def next_number(self) -> str:
        """An SN of ours that is free."""
        return str(next(self._numbers))

    async def tell(self, code: str, root: str, fields: Fields, to: str = "") -> None:
        """Send one MESSAGE and wait for its 200.

        Raises
        ------
        OfflineError, NoReplyError, RefusedByDeviceError
            It did not get there, or was not taken.
        """
        binding = self.peers.online(code)
        if binding is None:
            raise OfflineError(code)
        body = write_xml(root, fields, binding.known.charset or "gb18030")
        request = self.request("MESSAGE", binding, to or code, (("content-type", XML_TYPE),), body)
        try:
            await self.transactions.ask(request, binding.flow)
        except NoAnswerError as error:
            raise NoReplyError(str(error)) from None
        except DeclinedError as error:
            raise RefusedByDeviceError(str(error)) from None

    async def ask(
        self,
        code: str,
        root: str,
        command: str,
        fields: Callable[[str], Fields],
        to: str = "",
        patience_s: float = PATIENCE_S,
    ) -> Said:
        """Ask a device and wait for what it says.

        Parameters
        ----------
        code : str
            The device's.
        root, command : str
            ``Query`` or ``Control``; ``Catalog``, ``DeviceInfo`` …
        fields : callable
            Gives the body's fields for the question's number.
        to : str
            Code of the channel that is asked about; empty: the device itself.

        Raises
        ------
        OfflineError, NoReplyError, RefusedByDeviceError
            There is no answer.
        """
        number = self.next_number()
        key = (code, command.lower(), number)
        done: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        async with self._room:
            # Heard from now on: the answer may be here before the 200 of the question.
            collector = self._waiting[key] = _Collector(done, patience_s)
            try:
                await self.tell(code, root, fields(number), to)
                collector.wait()
                return await done
            finally:
                del self._waiting[key]
                collector.close()

    def hear(self, code: str, body: Element) -> bool:
        """Take an answer; False where nobody asked, or nobody waits any longer."""
        command = body.get("CmdType").strip().lower()
        collector = self._waiting.get((code, command, body.get("SN").strip()))
        if collector is None:
            return False
        collector.take(body, LISTS.get(command, ""))
        return True


def query(command: str, device: str, *more: tuple[str, str]) -> Callable[[str], Fields]:
    """Fields of a question (A.2.4)."""
    return lambda number: (("CmdType", command), ("SN", number), ("DeviceID", device), *more)
