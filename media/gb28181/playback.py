"""A piece of what a device has recorded, as somebody watches it: paused, faster, from elsewhere, again from its end."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from media.exceptions import MediaError, NotOfferedError, RefusedByDeviceError
from media.faults import GIVEN_UP, HUNG_UP, NOT_NOW
from media.gb28181.call import SPEEDS, Call, Recorded
from media.gb28181.calls import Calls
from media.gb28181.ends import RECORDING_ENDED
from media.gb28181.pace import Pace
from media.rtp.frames import Frame
from media.rtp.receiving import Sink

NEAR_END_S = 3.0
"""A device that never says it has sent the last, and stops so near the end, has."""


class State(Enum):
    """Where a playback is in its life."""

    WAITING = "waiting"
    """Nobody has opened it."""
    PLAYING = "playing"
    PAUSED = "paused"
    ENDED = "ended"
    """The last picture has come; it can be sent back."""
    CLOSED = "closed"


TRANSITIONS = {
    State.WAITING: {State.PLAYING, State.CLOSED},
    State.PLAYING: {State.PAUSED, State.ENDED, State.CLOSED},
    State.PAUSED: {State.PLAYING, State.ENDED, State.CLOSED},
    State.ENDED: {State.PLAYING, State.CLOSED},
    State.CLOSED: {State.PLAYING},
}


class Playback:
    """A source of streams (:mod:`media.streams.source`) that takes orders.

    It stays what its viewers see while calls to the device come and go beneath: one that cannot seek is called anew.

    Parameters
    ----------
    device, channel : str
        Codes.
    begins, ends : datetime
        The piece.
    """

    def __init__(self, calls: Calls, device: str, channel: str, begins: datetime, ends: datetime) -> None:
        self.device, self.channel, self.begins, self.ends = device, channel, begins, ends
        self.state = State.WAITING
        self._calls = calls
        self._pace = Pace()
        self._sink: Sink | None = None
        self._call: Call | None = None
        self._base_s = 0.0
        self._orders = asyncio.Lock()

    @property
    def length_s(self) -> float:
        """From its beginning to its end."""
        return (self.ends - self.begins).total_seconds()

    def tell(self) -> dict[str, Any]:
        """How it is, as data."""
        position = min(self._pace.position_s, self.length_s)
        return {
            "state": self.state.value,
            "position_s": round(position, 2),
            "length_s": self.length_s,
            "speed": self._pace.speed,
            "at": (self.begins + timedelta(seconds=position)).isoformat(timespec="milliseconds"),
        }

    async def open(self, sink: Sink) -> Playback:
        """Begin where it was left.

        Raises
        ------
        MediaError
            The device does not send it.
        """
        async with self._orders:
            self._sink = sink
            try:
                await self._begin(0.0 if self._at_end else self._pace.position_s)
            except MediaError:
                self._sink = None
                raise
        return self

    async def stop(self) -> None:
        """Hang up; the sink hears nothing afterwards."""
        async with self._orders:
            self._sink = None
            await self._hang_up()
            self._turn(State.CLOSED)

    async def order(self, action: str, value: float = 0.0) -> None:
        """Do as a viewer says.

        Parameters
        ----------
        action : str
            ``pause``, ``resume``, ``speed`` (one of :data:`SPEEDS`) or ``seek`` (seconds from the beginning).

        Raises
        ------
        MediaError
            It makes no sense now, or the device does not do it.
        """
        async with self._orders:
            if self._sink is None:
                raise NotOfferedError(GIVEN_UP)
            match action:
                case "pause" if self.state is State.PLAYING:
                    await self._standing().pause()
                    self._turn(State.PAUSED)
                case "resume" if self.state is State.PAUSED:
                    await self._standing().resume()
                    self._turn(State.PLAYING)
                case "speed" if value in SPEEDS and self.state in (State.PLAYING, State.PAUSED):
                    await self._standing().speed(value)
                    self._pace.speed = value
                    self._standing().paused = False  # PLAY goes on (annex B)
                    self._turn(State.PLAYING)
                case "seek" if 0 <= value < self.length_s:
                    await self._seek(value)
                case _:
                    raise NotOfferedError(f"{NOT_NOW}: {action} {value:g}, {self.state.value}")

    async def _seek(self, position_s: float) -> None:
        if self._call is not None and position_s >= self._base_s:
            with contextlib.suppress(RefusedByDeviceError):
                await self._call.seek(position_s - self._base_s)
                self._call.paused = False
                self._pace.place(position_s)
                self._turn(State.PLAYING)
                return
        await self._hang_up()
        await self._begin(position_s)

    async def _begin(self, position_s: float) -> None:
        base_s = float(int(position_s))  # descriptions have whole seconds
        begins = self.begins + timedelta(seconds=base_s)
        feed = _Feed(self)
        self._base_s = base_s
        self._pace.place(base_s)
        self._call = feed.call = await self._calls.begin(self.device, self.channel, feed, Recorded(begins, self.ends))
        if self._pace.speed != 1.0:
            try:
                await self._call.speed(self._pace.speed)
            except RefusedByDeviceError:
                self._pace.speed = 1.0
        self._turn(State.PLAYING)

    async def _hang_up(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            with contextlib.suppress(MediaError, TimeoutError):  # the BYE says it too
                async with asyncio.timeout(1):
                    await call.tear_down()
            await call.stop()

    def _standing(self) -> Call:
        if self._call is None:
            raise NotOfferedError(HUNG_UP)
        return self._call

    def _turn(self, state: State) -> None:
        if state is self.state:
            return
        if state not in TRANSITIONS[self.state]:
            raise RuntimeError(f"a playback does not go from {self.state.value} to {state.value}")
        self.state = state

    @property
    def _at_end(self) -> bool:
        return self.state is State.ENDED or self._pace.position_s >= self.length_s - NEAR_END_S

    # The call's side

    def hear(self, call: Call | None, frame: Frame) -> None:
        """A frame of a call: of the one that stands, or is only just being begun."""
        if self._sink is not None and (call is None or call is self._call):
            paced = self._pace(frame)
            if paced is not None:
                self._sink.frame(paced)

    def over(self, call: Call | None, why: str) -> None:
        """A call has ended."""
        if call is not self._call or self._sink is None:
            return  # hung up by us
        self._call = None
        if why == RECORDING_ENDED or (why == "media stopped" and self._at_end):
            self._turn(State.ENDED)
            return
        sink, self._sink = self._sink, None
        self._turn(State.CLOSED)
        sink.ended(why)


class _Feed:
    """One call's sink."""

    def __init__(self, playback: Playback) -> None:
        self._playback = playback
        self.call: Call | None = None

    def frame(self, frame: Frame) -> None:
        self._playback.hear(self.call, frame)

    def ended(self, why: str) -> None:
        self._playback.over(self.call, why)
