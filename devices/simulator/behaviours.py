"""The behaviours a profile can ask for, by name."""

from __future__ import annotations

from random import Random
from typing import Any

from devices.simulator.movers import Drone, Machine, Mover, Person, Vehicle
from devices.simulator.stories import CallingPerson, StillPerson, StrayingPerson, VisitingMachine

BEHAVIOURS: dict[str, type[Machine | Person | Vehicle | Drone]] = {
    "machine": Machine,
    "person": Person,
    "vehicle": Vehicle,
    "drone": Drone,
    "visiting_machine": VisitingMachine,
    "straying_person": StrayingPerson,
    "calling_person": CallingPerson,
    "still_person": StillPerson,
}


def make_mover(profile: dict[str, Any], rng: Random) -> Mover:
    """The behaviour a profile asks for.

    Raises
    ------
    ValueError
        It names no known behaviour, or lacks what that one needs.
    """
    behaviour = BEHAVIOURS.get(str(profile.get("behaviour")))
    if behaviour is None:
        raise ValueError(f"behaviour must be one of {', '.join(BEHAVIOURS)}, not {profile.get('behaviour')!r}")
    try:
        return behaviour(rng, profile)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError(f"profile of a {profile['behaviour']} is not complete: {error!r}") from error
