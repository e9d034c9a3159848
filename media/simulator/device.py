"""One simulated device: signs in and keeps itself alive; what it answers, tells and shows is put together here."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable

from media.simulator import replies, wire
from media.simulator.clip import Pictures
from media.simulator.end import T1_S, End
from media.simulator.obeying import Obeying
from media.simulator.plan import Plan, Tally
from media.simulator.showing import Showing
from media.simulator.telling import Telling

SLOWEST_RETRY_S = 5.0


class SimulatedDevice:
    """A device.

    Parameters
    ----------
    send : callable
        Puts a datagram, or a piece of a connection, on its way.
    pictures : sequence of Picture
        Sent round and round.
    most_streams : int
        How many all devices of the tally send at once.
    """

    def __init__(
        self, plan: Plan, tally: Tally, send: Callable[[bytes], None], local: tuple[str, int],
        pictures: Pictures, most_streams: int, transport: str = "UDP",
    ) -> None:  # fmt: skip
        self.plan, self.tally = plan, tally
        self.registered = False
        self.end = End(plan, send, local, transport)
        self.telling = Telling(self.end)
        self.showing = Showing(self.end, tally, pictures, most_streams)
        self.obeying = Obeying(self.end, tally, self.telling.turned)

    async def live(self, delay_s: float) -> None:
        """Sign in after a while, and stay."""
        await asyncio.sleep(delay_s)
        retry = T1_S
        while not await self._sign_in():
            self.tally.refused += 1
            await asyncio.sleep(random.uniform(retry / 2, retry))  # noqa: S311
            retry = min(retry * 2, SLOWEST_RETRY_S)
        # Spread over the interval, as cameras that were switched on at different times are.
        await asyncio.sleep(random.uniform(0, self.plan.keepalive_s))  # noqa: S311
        misses = 0
        loop = asyncio.get_running_loop()
        refresh_s = loop.time() + self._refresh_s
        while True:
            if loop.time() >= refresh_s:
                # Before it runs out (RFC 3261, 10.2.4); where nobody answers, with the next keepalive again.
                if await self._sign_in():
                    refresh_s = loop.time() + self._refresh_s
                else:
                    self.tally.unanswered += 1
            answer = await self.end.message(replies.keepalive(self.end.next(), self.plan.code))
            if answer is not None and answer.status == 200:
                misses = 0
                self.tally.keepalives += 1
            else:
                misses += 1
                self.tally.unanswered += 1
                if misses >= 3:
                    self._set_registered(False)
                    await self._sign_in()
                    misses = 0
            await asyncio.sleep(min(self.plan.keepalive_s, self._refresh_s))

    @property
    def _refresh_s(self) -> float:
        """How long until the registration is renewed: not all devices at once."""
        return self.plan.expires_s * random.uniform(0.5, 0.8)  # noqa: S311

    def _set_registered(self, now: bool) -> None:
        self.tally.registered += now - self.registered
        self.registered = now

    async def _sign_in(self, expires_s: int | None = None) -> bool:
        plan, end = self.plan, self.end
        base = [
            ("From", f"{end.own};tag={secrets.token_hex(4)}"),
            ("To", end.own),
            ("Call-ID", secrets.token_hex(8)),
            end.contact,
            ("Expires", str(plan.expires_s if expires_s is None else expires_s)),
            ("X-GB-ver", "3.0"),
        ]
        first = await end.ask("REGISTER", end.platform, [*base, ("CSeq", "1 REGISTER")])
        if first is None or first.status != 401:
            return False
        shown = wire.credentials(first.get("www-authenticate"), plan.code, plan.password, "REGISTER", end.platform)
        second = await end.ask("REGISTER", end.platform, [*base, ("CSeq", "2 REGISTER"), ("Authorization", shown)])
        if second is None or second.status != 200:
            return False
        self._set_registered(expires_s != 0)
        return True

    async def sign_out(self) -> None:
        """Unregister."""
        await self._sign_in(0)
