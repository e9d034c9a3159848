"""Many simulated devices on one asyncio loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from devices.simulator.behaviours import make_mover
from devices.simulator.client import Broker, DeviceClient, new_unsettled, now_ms
from devices.simulator.credentials import Credential
from devices.simulator.movers import Mover

log = logging.getLogger(__name__)

CONNECT_SPREAD_S = 3.0
FIRMWARE = "simulator-1"
SETTLE_S = 5.0


class Simulated:
    """One device: a mover behind a client."""

    def __init__(self, broker: Broker, credential: Credential, seed: str, state: Path | None) -> None:
        self.mover: Mover = make_mover(credential.profile, Random(f"{seed}/{credential.identifier}"))  # noqa: S311
        path = state / f"{credential.identifier}.json" if state else None
        self.client = DeviceClient(
            broker, credential.kind, credential.identifier, credential.key, new_unsettled(path), self._obey
        )
        self._fixed_interval_s: float | None = None
        self._power: bool | None = None

    async def run(self, start_after_s: float, interval_s: float | None) -> None:
        """Live until cancelled, reporting every ``interval_s`` seconds, or as the behaviour says when None.

        At a pace of its own it measures as receivers of satellites do: on the clock's full second.
        """
        self._fixed_interval_s = interval_s
        await asyncio.sleep(start_after_s)
        self.client.start()
        await asyncio.sleep(self._to_measuring_s())
        due = time.monotonic()
        while True:
            self._tell()
            step = self._fixed_interval_s or max(1, round(self.mover.interval_s))
            due += step
            now = time.monotonic()
            if due < now - step:
                # The computer slept or was too slow: go on from here instead of catching up in a burst.
                due = now + self._to_measuring_s()
            await asyncio.sleep(max(0.0, due - now))
            self.mover.advance(step)

    def _to_measuring_s(self) -> float:
        return 0.0 if self._fixed_interval_s else -time.time() % 1

    def _tell(self) -> None:
        # The position first: the platform knows nothing of a thing's power until it knows where the thing is.
        self.client.position({"time": now_ms(), **self.mover.report()})
        if self.mover.power != self._power:
            self._power = self.mover.power
            battery = self.mover.battery_pct
            more: dict[str, Any] = {} if battery is None else {"battery_pct": round(battery)}
            self.client.status("on" if self._power else "off", firmware=FIRMWARE, **more)
        while self.mover.events:
            code, text = self.mover.events.pop()
            self.client.event(code, text=text, lon=self.mover.place[0], lat=self.mover.place[1])

    def _obey(self, name: str, args: dict[str, Any]) -> tuple[str, str]:
        if name == "locate":
            self.client.unsettled.add({"time": now_ms(), **self.mover.report()})
            return "ok", ""
        if name == "interval":
            seconds = float(args["seconds"])
            if not 0.1 <= seconds <= 3600:
                return "refused", "seconds must be 0.1 to 3600"
            self._fixed_interval_s = seconds
            return "ok", f"every {seconds:g} s"
        if name in ("permit_start", "stop"):
            done = self.mover.permit(name == "permit_start")
            return ("ok", "") if done else ("refused", "not a machine")
        if name == "text":
            return "ok", f"shown: {args['text']}"
        return "refused", f"unknown command {name}"


async def run_fleet(
    broker: Broker,
    credentials: Sequence[Credential],
    *,
    seed: str = "sandtable",
    rate_per_s: float | None = None,
    seconds: float | None = None,
    state: Path | None = None,
    stop: asyncio.Event | None = None,
) -> dict[str, Any]:
    """Play the devices until ``stop`` is set or ``seconds`` have passed, then wait a little for the last answers.

    Parameters
    ----------
    rate_per_s : float, optional
        Positions a second of all devices together, instead of the behaviours' own pace.
    state : Path, optional
        Folder in which devices keep what is unsettled from run to run.

    Returns
    -------
    dict
        ``devices``, ``connected``, ``produced``, ``sent`` (with repetitions), ``acked`` (stored), ``refused`` by
        reason, ``unsettled``, ``dropped`` (given up for lack of room), ``reconnects``.

    Raises
    ------
    ValueError
        A profile cannot be played.
    """
    if state is not None:
        state.mkdir(parents=True, exist_ok=True)
    fleet = [Simulated(broker, credential, seed, state) for credential in credentials]
    spread = Random(seed)  # noqa: S311
    interval_s = len(fleet) / rate_per_s if rate_per_s else None
    within_s = min(CONNECT_SPREAD_S, interval_s or CONNECT_SPREAD_S)
    lives = [asyncio.create_task(one.run(spread.uniform(0, within_s), interval_s)) for one in fleet]
    watch = [*lives, asyncio.create_task((stop or asyncio.Event()).wait())]
    try:
        done, _ = await asyncio.wait(watch, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in watch:
            task.cancel()
        await asyncio.gather(*watch, return_exceptions=True)
        connected = sum(one.client.connected for one in fleet)
        await asyncio.gather(*(one.client.drained(SETTLE_S if one.client.connected else 0) for one in fleet))
        await asyncio.gather(*(one.client.stop() for one in fleet))
    return {"devices": len(fleet), "connected": connected, **summary([one.client for one in fleet])}


def summary(clients: Sequence[DeviceClient]) -> dict[str, Any]:
    """What the clients did together: produced, sent, acked, refused, unsettled, dropped, reconnects, last error."""
    refused: Counter[str] = Counter()
    for client in clients:
        refused.update(client.unsettled.refused)
    settled = sum(client.unsettled.settled for client in clients)
    held = sum(len(client.unsettled) for client in clients)
    dropped = sum(client.unsettled.dropped for client in clients)
    errors = Counter(client.last_error for client in clients if client.last_error)
    return {
        "produced": settled + held + dropped,
        "sent": sum(client.sent for client in clients),
        "acked": settled - refused.total(),
        "refused": dict(refused),
        "unsettled": held,
        "dropped": dropped,
        "reconnects": sum(max(0, client.connections - 1) for client in clients),
        "errors": dict(errors.most_common(5)),
    }
