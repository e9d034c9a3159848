"""Things to which something happens within minutes, so that a demo has alerts to show; pure, like all behaviours."""

from __future__ import annotations

from abc import ABC, abstractmethod
from random import Random
from typing import Any

from devices.simulator.ground import Point, Walk, distance_m, inside, spot_in, streets
from devices.simulator.movers import Machine, Person

START_BEFORE_M = 150.0


class VisitingMachine(Machine):
    """A welding machine that is taken to a place where it should not work, works there some minutes, and goes home.

    It begins on the van, just before the place. Profile: ``sites``, ``visit`` (ring).
    """

    def __init__(self, rng: Random, profile: dict[str, Any]) -> None:
        super().__init__(rng, profile)
        visited = [(float(lon), float(lat)) for lon, lat in profile["visit"]]
        self.sites.append(visited)
        self._switch(False)
        self.site = self._visited
        spot = spot_in(visited, rng)
        self.place = _before(spot, self.place, visited)
        self._leave_for(spot)

    @property
    def _visited(self) -> int:
        return len(self.sites) - 1

    def _end_session(self) -> None:
        visiting = self.site == self._visited
        if not self.power:
            self._switch(True)
            self._session_s = self.rng.uniform(240, 420) if visiting else self.rng.uniform(300, 900)
            self._burst_s = 5.0
            return
        self._switch(False)
        self.site = 0 if visiting else self._visited
        self._leave_for(spot_in(self.sites[self.site], self.rng))

    def _arrive(self) -> None:
        super()._arrive()
        self._session_s = 10.0

    def _leave_for(self, spot: Point) -> None:
        self._van = Walk(streets(self.place, spot, self.rng))
        self.speed_m_s = 8.0


class _Eventful(Person, ABC):
    """Someone on duty to whom something happens soon, and again every so often."""

    FIRST_S = 40.0
    AGAIN_S = 1200.0

    def __init__(self, rng: Random, profile: dict[str, Any]) -> None:
        super().__init__(rng, profile)
        self._until_s = self.FIRST_S + rng.uniform(0, 20)

    def advance(self, dt_s: float) -> None:
        """Live on for ``dt_s`` seconds."""
        super().advance(dt_s)
        self._until_s -= dt_s
        if self._until_s <= 0:
            self._until_s = self.AGAIN_S
            self.happen()

    @abstractmethod
    def happen(self) -> None:
        """What happens."""


class StrayingPerson(_Eventful):
    """Someone who goes where they should not, and comes back. Profile: ``site``, ``stray_to`` (point)."""

    def __init__(self, rng: Random, profile: dict[str, Any]) -> None:
        super().__init__(rng, profile)
        lon, lat = profile["stray_to"]
        self._there = float(lon), float(lat)

    def happen(self) -> None:
        """Walk there; the walk after that leads back."""
        self._walk = Walk([self.place, self._there])
        self.speed_m_s = 1.5


class CallingPerson(_Eventful):
    """Someone who presses the SOS key. Profile: ``site``."""

    def happen(self) -> None:
        """Press it."""
        self.events.append(("sos", "按下求助键"))


class StillPerson(_Eventful):
    """Someone who lies still for ten minutes. Profile: ``site``."""

    FIRST_S = 10.0

    def happen(self) -> None:
        """Fall."""
        self._walk, self.speed_m_s, self._stay_s = None, 0.0, 600.0


def _before(spot: Point, home: Point, ring: list[Point]) -> Point:
    """On the way from ``home`` to ``spot``, some :data:`START_BEFORE_M` before the ring is entered."""
    length = max(distance_m(home, spot), 1.0)
    outside = [
        share
        for share in (step / 1000 for step in range(1001))
        if not inside((home[0] + (spot[0] - home[0]) * share, home[1] + (spot[1] - home[1]) * share), ring)
    ]
    share = max(0.0, max(outside, default=0.0) - START_BEFORE_M / length)
    return home[0] + (spot[0] - home[0]) * share, home[1] + (spot[1] - home[1]) * share
