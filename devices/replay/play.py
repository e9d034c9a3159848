"""Tracks published as if live: when each position is due, and the sending of it."""

from __future__ import annotations

import asyncio
import math
import re
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.replay.read import Tracks
from devices.simulator.client import Broker, DeviceClient, new_unsettled
from devices.simulator.fleet import summary

CONNECT_WITHIN_S = 60.0
SETTLE_S = 15.0
TELL_EVERY_S = 10.0
ROUND_PAUSE_S = 1.0


class PlayError(RuntimeError):
    """The broker could not be reached, or did not let the devices in."""


@dataclass(frozen=True)
class Player:
    """One device that plays one track."""

    track: str
    kind: str
    identifier: str
    key: str


def identifier_of(kind: str, stem: str, track: str) -> str:
    """A device identifier for a track of a file: readable, valid, and another one for every other track."""
    wanted = f"replay-{kind}-{stem}-{track}"
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", wanted)
    if plain == wanted and len(plain) <= 64:
        return plain
    return f"{plain[:55].rstrip('-')}-{zlib.crc32(wanted.encode()):08x}"


def limited(tracks: Tracks, most: int) -> Tracks:
    """The first ``most`` tracks, in the order in which they begin."""
    names, first = np.unique(tracks.track.astype(str), return_index=True)
    chosen = names[np.argsort(first)][:most]
    return _take(tracks, np.flatnonzero(np.isin(tracks.track.astype(str), chosen)))


def shifted(tracks: Tracks, lon: float, lat: float) -> Tracks:
    """The tracks with their mean position moved to that place, keeping their size in metres."""
    middle_lon, middle_lat = float(tracks.lon.mean()), float(tracks.lat.mean())
    stretch = math.cos(math.radians(middle_lat)) / math.cos(math.radians(lat))
    return replace(
        tracks, lon=lon + (tracks.lon - middle_lon) * stretch, lat=np.clip(lat + tracks.lat - middle_lat, -90, 90)
    )


def timetable(
    tracks: Tracks, speed: float, together: bool = False, longest_pause_s: float | None = None
) -> tuple[Tracks, NDArray[np.float64]]:
    """When each position is due.

    Parameters
    ----------
    speed : float
        Recorded seconds in one second.
    together : bool
        Every track begins at once, whenever it was recorded.
    longest_pause_s : float, optional
        Recorded time in which nothing happens at all is cut to this.

    Returns
    -------
    Tracks
        In the order of playing.
    (n,) float64
        Seconds after the beginning, ascending.
    """
    at = tracks.time_us.astype(np.float64) / 1e6
    if together:
        _, which = np.unique(tracks.track.astype(str), return_inverse=True)
        begin = np.full(which.max() + 1, np.inf)
        np.minimum.at(begin, which, at)
        at = at - begin[which]
        order = np.argsort(at, kind="stable")
        tracks, at = _take(tracks, order), at[order]
    steps = np.diff(at, prepend=at[0])
    if longest_pause_s is not None:
        steps = np.minimum(steps, longest_pause_s)
    return tracks, np.cumsum(steps) / speed


async def play(
    broker: Broker,
    players: list[Player],
    tracks: Tracks,
    due_s: NDArray[np.float64],
    *,
    loop: bool,
    stop: asyncio.Event,
    tell: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Publish the positions when they are due; every ``TELL_EVERY_S`` seconds ``tell`` hears the figures so far.

    Returns
    -------
    dict
        As :func:`devices.simulator.fleet.summary`.

    Raises
    ------
    PlayError
        Not every device was let in within ``CONNECT_WITHIN_S`` seconds.
    """
    clients = {p.track: DeviceClient(broker, p.kind, p.identifier, p.key, new_unsettled()) for p in players}
    try:
        for client in clients.values():
            client.start()
        await _connected(list(clients.values()), stop)
        telling = asyncio.create_task(_tell_now_and_then(list(clients.values()), tell))
        try:
            while not stop.is_set():
                await _once(clients, tracks, due_s, stop)
                if not loop:
                    break
                await _until(time.monotonic() + ROUND_PAUSE_S, stop)
        finally:
            telling.cancel()
        await asyncio.gather(*(client.drained(SETTLE_S) for client in clients.values()))
    finally:
        await asyncio.gather(*(client.stop() for client in clients.values()))
    return summary(list(clients.values()))


async def _connected(clients: list[DeviceClient], stop: asyncio.Event) -> None:
    deadline = time.monotonic() + CONNECT_WITHIN_S
    while waiting := [c for c in clients if not c.connected]:
        if stop.is_set():
            return
        if time.monotonic() > deadline:
            raise PlayError(f"{len(waiting)} / {len(clients)}: {waiting[0].last_error or 'no answer'}")
        await asyncio.sleep(0.1)


async def _once(
    clients: dict[str, DeviceClient], tracks: Tracks, due_s: NDArray[np.float64], stop: asyncio.Event
) -> None:
    began, began_ms = time.monotonic(), time.time() * 1000
    for n in range(len(tracks)):
        if began + due_s[n] > time.monotonic():
            await _until(began + float(due_s[n]), stop)
        elif n % 200 == 0:
            # Behind its time: the connections must live all the same.
            await asyncio.sleep(0)
        if stop.is_set():
            return
        clients[str(tracks.track[n])].position(_fields(tracks, n, began_ms + float(due_s[n]) * 1000))


def _fields(tracks: Tracks, n: int, at_ms: float) -> dict[str, Any]:
    fields = {"time": round(at_ms, 3), "lon": float(tracks.lon[n]), "lat": float(tracks.lat[n])}
    for name, column in (
        ("alt_m", tracks.alt_m),
        ("speed_m_s", tracks.speed_m_s),
        ("heading_deg", tracks.heading_deg),
    ):
        if math.isfinite(column[n]):
            fields[name] = round(float(column[n]), 2)
    return fields


async def _until(moment: float, stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(max(0.0, moment - time.monotonic())):
            await stop.wait()
    except TimeoutError:
        return


async def _tell_now_and_then(clients: list[DeviceClient], tell: Callable[[dict[str, Any]], None]) -> None:
    while True:
        await asyncio.sleep(TELL_EVERY_S)
        tell(summary(clients))


def _take(tracks: Tracks, rows: NDArray[np.int64]) -> Tracks:
    columns = ("track", "time_us", "lon", "lat", "alt_m", "speed_m_s", "heading_deg")
    return replace(tracks, **{name: getattr(tracks, name)[rows] for name in columns})
