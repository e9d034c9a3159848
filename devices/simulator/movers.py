"""How simulated things behave. Pure: a random generator and steps of time in, reports out.

A behaviour is advanced by its own nominal intervals, so a seed gives the same life every time.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from random import Random
from typing import Any

from devices.simulator.ground import Point, Walk, distance_m, offset, spot_in, streets


class Mover(ABC):
    """One simulated thing.

    Attributes
    ----------
    place : Point
        Where it truly is; reports carry a positioning error on top.
    power : bool
        Whether it is switched on.
    events : list of (code, text)
        What happened since the caller last emptied it.
    """

    accuracy_m = 3.0
    interval_s = 5.0

    def __init__(self, rng: Random, place: Point) -> None:
        self.rng = rng
        self.place = place
        self.power = True
        self.speed_m_s = 0.0
        self.heading: float | None = None
        self.alt_m: float | None = None
        self.working: bool | None = None
        self.attrs: dict[str, Any] = {}
        self.battery_pct: float | None = None
        self.events: list[tuple[str, str]] = []
        self._error = (rng.gauss(0, 1), rng.gauss(0, 1))

    @abstractmethod
    def advance(self, dt_s: float) -> None:
        """Live on for ``dt_s`` seconds."""

    def permit(self, start: bool) -> bool:
        """Let it be started, or stop it and keep it so; False for what is no machine."""
        return False

    def report(self) -> dict[str, Any]:
        """The thing's position as the protocol's fields, without time and numbers."""
        # The error of a receiver wanders; it does not jump.
        self._error = (0.9 * self._error[0] + self.rng.gauss(0, 0.4), 0.9 * self._error[1] + self.rng.gauss(0, 0.4))
        lon, lat = offset(self.place, self._error[0], self._error[1])
        fields: dict[str, Any] = {"lon": round(lon, 7), "lat": round(lat, 7), "accuracy_m": self.accuracy_m}
        fields["speed_m_s"] = round(self.speed_m_s, 2)
        if self.heading is not None:
            fields["heading_deg"] = round(self.heading, 1) % 360
        if self.alt_m is not None:
            fields["alt_m"] = round(self.alt_m, 1)
        if self.working is not None:
            fields["working"] = self.working
        if self.attrs:
            fields["attrs"] = self.attrs
        return fields

    def _follow(self, walk: Walk, dt_s: float) -> None:
        self.place = walk.advance(self.speed_m_s * dt_s)
        self.heading = walk.heading_deg


class Machine(Mover):
    """A welding machine (焊机): works in bursts on a site, is switched off, taken to another by van.

    Profile: ``sites``, list of rings.
    """

    accuracy_m = 4.0

    def __init__(self, rng: Random, profile: dict[str, Any]) -> None:
        self.sites: list[list[Point]] = [_ring(site) for site in profile["sites"]]
        self.site = rng.randrange(len(self.sites))
        super().__init__(rng, spot_in(self.sites[self.site], rng))
        self.gas_pct = rng.uniform(15, 100)
        self._van: Walk | None = None
        self._spot_walk: Walk | None = None
        self._permitted = True
        self._switch(rng.random() < 0.7)
        # Not all of them begin their day at the same moment: some are in the middle of it.
        self._session_s *= rng.random()
        if self.power and rng.random() < 0.6:
            self._start_burst()

    @property
    def interval_s(self) -> float:  # type: ignore[override]
        """Seconds to the next report: 5 at work or on the move; 30 at rest, or less when it ends sooner."""
        if self.working or self._van or self._spot_walk:
            return 5.0
        return min(30.0, max(1.0, self._burst_s)) if self.power else 30.0

    def advance(self, dt_s: float) -> None:
        """Live on for ``dt_s`` seconds."""
        if self._van is not None:
            self.speed_m_s = max(0.0, self.speed_m_s + self.rng.gauss(0, 1.5))
            self.speed_m_s = min(max(self.speed_m_s, 3.0), 14.0)
            self._follow(self._van, dt_s)
            if self._van.done:
                self._arrive()
            return
        self._session_s -= dt_s
        if self._session_s <= 0:
            self._end_session()
        elif self.power:
            self._work(dt_s)

    def permit(self, start: bool) -> bool:
        """Let it be started, and start it; or stop it and keep it off."""
        self._permitted = start
        self._switch(start)
        return True

    def _switch(self, on: bool) -> None:
        self.power = on and self._permitted
        on = self.power
        self.working = False if on else None
        self.attrs = {}
        self._spot_walk = None
        self.speed_m_s = 0.0
        self._burst_s = self.rng.uniform(5, 60)
        self._session_s = self.rng.uniform(600, 1800) if on else self.rng.uniform(180, 480)
        if on and self.gas_pct < 10:
            self.gas_pct = 100.0

    def _end_session(self) -> None:
        if not self.power:
            self._switch(True)
            return
        self._switch(False)
        if len(self.sites) > 1 and self.rng.random() < 0.5:
            self.site = self.rng.choice([i for i in range(len(self.sites)) if i != self.site])
            self._van = Walk(streets(self.place, spot_in(self.sites[self.site], self.rng), self.rng))
            self.speed_m_s = 8.0

    def _arrive(self) -> None:
        self._van = None
        self._switch(False)
        self._session_s = self.rng.uniform(30, 120)

    def _work(self, dt_s: float) -> None:
        if self._spot_walk is not None:
            self._follow(self._spot_walk, dt_s)
            if self._spot_walk.done:
                self._spot_walk, self.speed_m_s = None, 0.0
            return
        self._burst_s -= dt_s
        if self._burst_s <= 0:
            if self.working:
                self._start_pause()
            else:
                self._start_burst()
        if self.working:
            self._burn(dt_s)
        else:
            self.attrs = {"gas_pct": round(self.gas_pct, 1)}

    def _start_burst(self) -> None:
        self.working = True
        self._burst_s = self.rng.uniform(20, 120)
        self._burn(0)

    def _start_pause(self) -> None:
        self.working = False
        self._burst_s = self.rng.uniform(15, 90)
        if self.rng.random() < 0.3:
            self._spot_walk = Walk([self.place, self._next_spot()])
            self.speed_m_s = 0.8

    def _next_spot(self) -> Point:
        """Within 25 m: a machine is pushed, not carried across the site."""
        spot = spot_in(self.sites[self.site], self.rng)
        share = min(1.0, 25 / max(distance_m(self.place, spot), 1.0))
        return (
            self.place[0] + (spot[0] - self.place[0]) * share,
            self.place[1] + (spot[1] - self.place[1]) * share,
        )

    def _burn(self, dt_s: float) -> None:
        had = self.gas_pct
        self.gas_pct = max(0.0, self.gas_pct - dt_s * 0.02)
        if had >= 10 > self.gas_pct:
            self.events.append(("gas_low", "保护气不足 10%"))
        current_a = self.rng.gauss(160, 12)
        self.attrs = {
            "current_a": round(current_a, 1),
            # Volts of a MIG/MAG arc against its current, as welders set it: U = 14 + 0.05 I.
            "voltage_v": round(14 + 0.05 * current_a + self.rng.gauss(0, 0.4), 1),
            "gas_l_min": round(self.rng.gauss(15, 0.3), 1),
            "gas_pct": round(self.gas_pct, 1),
        }


class Person(Mover):
    """Someone on duty with a tag (人员定位标签), walking between spots of a plant, working there or taking a break.

    Profile: ``site``.
    """

    accuracy_m = 1.5
    interval_s = 3.0

    def __init__(self, rng: Random, profile: dict[str, Any]) -> None:
        self.ring = _ring(profile["site"])
        super().__init__(rng, spot_in(self.ring, rng))
        self.battery_pct = rng.uniform(30, 100)
        self.working = True
        self._walk: Walk | None = None
        self._stay_s = rng.uniform(0, 60)

    def advance(self, dt_s: float) -> None:
        """Live on for ``dt_s`` seconds."""
        self.battery_pct = max(5.0, (self.battery_pct or 0) - dt_s * 0.0005)
        if self._walk is None:
            self._stay_s -= dt_s
            if self._stay_s <= 0:
                self.working = True
                self._walk = Walk([self.place, spot_in(self.ring, self.rng)])
                self.speed_m_s = self.rng.uniform(0.8, 1.5)
            return
        self._follow(self._walk, dt_s)
        if self._walk.done:
            self._walk, self.speed_m_s = None, 0.0
            self._stay_s = self.rng.uniform(5, 120)
            self.working = self.rng.random() < 0.8


class Vehicle(Mover):
    """A patrol car (巡查车) on its round, stopping at corners and at its points. Profile: ``route``."""

    interval_s = 2.0

    def __init__(self, rng: Random, profile: dict[str, Any]) -> None:
        self.route: list[Point] = _ring(profile["route"])
        self._next = rng.randrange(len(self.route))
        super().__init__(rng, self.route[self._next])
        self.working = True
        self._pause_s = 0.0
        self._cruise_m_s = 10.0
        self._walk = self._to_next()
        # Somewhere on the way, not everybody at a corner.
        self.place = self._walk.advance(rng.uniform(0, 400))

    def advance(self, dt_s: float) -> None:
        """Live on for ``dt_s`` seconds."""
        if self._pause_s > 0:
            self._pause_s -= dt_s
            self.speed_m_s, self.working = 0.0, False
            return
        self.working = True
        if self.rng.random() < 0.01 * dt_s:
            self._pause_s = self.rng.uniform(5, 40)
        wanted = self._cruise_m_s + self.rng.gauss(0, 1)
        # 1.5 m/s² is an ordinary driver's acceleration.
        change = max(-1.5 * dt_s, min(1.5 * dt_s, wanted - self.speed_m_s))
        self.speed_m_s = max(0.0, self.speed_m_s + change)
        self._follow(self._walk, dt_s)
        if self._walk.done:
            self._pause_s = self.rng.uniform(10, 60)
            self._walk = self._to_next()

    def _to_next(self) -> Walk:
        self._next = (self._next + 1) % len(self.route)
        self._cruise_m_s = self.rng.uniform(6, 14)
        return Walk(streets(self.place, self.route[self._next], self.rng))


class Drone(Mover):
    """A drone (无人机): charges, climbs, flies its route, comes home, lands.

    Profile: ``home``, ``route``, ``height_m`` above its home, ``ground_m`` (height of home above mean sea level).
    """

    accuracy_m = 2.0
    interval_s = 1.0
    CLIMB_M_S = 3.0
    BATTERY_PER_S = 0.06

    def __init__(self, rng: Random, profile: dict[str, Any]) -> None:
        self.home = _ring([profile["home"]])[0]
        super().__init__(rng, self.home)
        self.route = [self.home, *_ring(profile["route"]), self.home]
        self.height_m = float(profile["height_m"])
        self.ground_m = float(profile.get("ground_m", 4.0))
        self._up_m = 0.0
        self._walk: Walk | None = None
        self._rest(rng.uniform(5, 120))

    def advance(self, dt_s: float) -> None:
        """Live on for ``dt_s`` seconds."""
        if self._charge_s > 0:
            self._charge_s -= dt_s
            if self._charge_s <= 0:
                self.power, self.working, self.battery_pct = True, True, 100.0
                self._walk = Walk(self.route)
                self.interval_s = 1.0
            return
        self.battery_pct = max(0.0, (self.battery_pct or 0) - dt_s * self.BATTERY_PER_S)
        if self._walk is not None and self._up_m < self.height_m:
            self._up_m = min(self.height_m, self._up_m + self.CLIMB_M_S * dt_s)
        elif self._walk is not None:
            self.speed_m_s = 10 + math.sin(self.place[0] * 5000)
            self._follow(self._walk, dt_s)
            if self._walk.done:
                self._walk, self.speed_m_s = None, 0.0
        else:
            self._up_m = max(0.0, self._up_m - self.CLIMB_M_S * dt_s)
            if self._up_m == 0:
                self._rest(self.rng.uniform(60, 180))
        self.alt_m = self.ground_m + self._up_m
        self.attrs = {"height_m": round(self._up_m, 1), "battery_pct": round(self.battery_pct)} | self._gimbal()

    def _gimbal(self) -> dict[str, float]:
        """How its camera hangs: forward, and up and down a little on the way."""
        said = {"gimbal_pitch_deg": round(-55 + 20 * math.sin(self.place[1] * 4000), 1), "view_deg": 72.0}
        return said if self.heading is None else said | {"gimbal_yaw_deg": round(self.heading, 1)}

    def _rest(self, seconds: float) -> None:
        self.power, self.working = False, None
        self.speed_m_s, self.heading, self.alt_m = 0.0, None, self.ground_m
        self.attrs = {}
        self._charge_s = seconds
        self.interval_s = 10.0


def _ring(points: Any) -> list[Point]:
    return [(float(lon), float(lat)) for lon, lat in points]
