"""What walls and tablets may say: checked before anything is done with it."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from ninja import Schema
from pydantic import Field

from command.director.models import LONGEST_DWELL_S, MOST_ID_CHARS, MOST_IDS, SHORTEST_DWELL_S

Id = Annotated[str, Field(min_length=1, max_length=MOST_ID_CHARS)]
Ids = Annotated[list[Id], Field(max_length=MOST_IDS)]
Name = Annotated[str, Field(min_length=1, max_length=60, pattern=r"\S")]
Number = Annotated[int, Field(ge=0, le=2**53)]
Lon = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Lat = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Moment = Annotated[float, Field(ge=0, le=1e14, allow_inf_nan=False)]
"""Milliseconds since 1970 UTC."""
Zoom = Annotated[float, Field(ge=0, le=24, allow_inf_nan=False)]


class View(Schema):
    """A view of the map: degrees, zoom level of 512-pixel tiles."""

    lon: Lon
    lat: Lat
    zoom: Zoom
    pitch: float = Field(0, ge=0, le=85, allow_inf_nan=False)
    bearing: float = Field(0, ge=-360, le=360, allow_inf_nan=False)


class State(Schema):
    """What is on a wall.

    ``scene``: the scene shown last, if nothing was changed since; ``doing``: number of the order it is carrying out;
    ``past``: the moment its map shows where that is not the present.
    """

    view: View
    district: str = Field("", max_length=12)
    layers: Ids = []
    folded: Ids = []
    solid: bool = False
    asset: Number | None = None
    alert: Number | None = None
    sound: bool = False
    scene: Number | None = None
    doing: Number | None = None
    past: Moment | None = None


class Playing(Schema):
    """How far a wall is with its tour: ``run`` names it by the order that began it, ``until`` is ms since 1970."""

    run: Number
    step: int = Field(ge=0, lt=MOST_IDS)
    paused: bool = False
    why: Literal["", "order", "touch"] = ""
    until: float | None = Field(None, allow_inf_nan=False)


class Announce(Schema):
    """``{"type": "wall"}``: a screen says that it is there. ``again``: it has been this wall before."""

    type: Literal["wall"]
    key: UUID
    name: str = Field("", max_length=60)
    again: bool = False


class Report(Schema):
    """``{"type": "wall_state"}``: what is on the wall now, and up to which order it has done what it was told."""

    type: Literal["wall_state"]
    state: State
    playing: Playing | None = None
    done: Number = 0
    fault: str = Field("", max_length=200)


class ShowScene(Schema):
    """Show a scene."""

    do: Literal["scene"]
    scene: Number


class PlayTour(Schema):
    """Play a tour from its beginning."""

    do: Literal["tour"]
    tour: Number


class Steer(Schema):
    """Go on with, hold, move within or end the tour; or one of the things that need no further word."""

    do: Literal["stop", "pause", "resume", "next", "previous", "home", "close", "silence", "identify"]


class Fold(Schema):
    """Fold these panels away and open the others."""

    do: Literal["fold"]
    folded: Ids


class SwitchLayer(Schema):
    """Show or hide one layer."""

    do: Literal["layer"]
    layer: Id
    shown: bool


class Stand(Schema):
    """Three-dimensional or flat."""

    do: Literal["solid"]
    solid: bool


class LookInto(Schema):
    """Look into a district; "": at everything."""

    do: Literal["district"]
    district: str = Field(max_length=12)


class Fly(Schema):
    """Fly to a place; without a zoom, near enough."""

    do: Literal["fly"]
    lon: Lon
    lat: Lat
    zoom: Zoom | None = None


class Nearer(Schema):
    """Zoom by levels."""

    do: Literal["zoom"]
    by: float = Field(ge=-4, le=4, allow_inf_nan=False)


class Replay(Schema):
    """Show the past: what was at ``moment`` is to be seen at ``since``, and from there on at ``speed``.

    So walls that are told a little earlier or later show the same. Without a moment: the present again.
    """

    do: Literal["past"]
    moment: Moment | None = None
    since: Moment = 0
    speed: Literal[1, 10, 60, 300, 600] = 1
    playing: bool = True


class OpenThing(Schema):
    """Open the card of an asset or of an alert."""

    do: Literal["asset", "alert"]
    id: Number


Order = Annotated[
    ShowScene | PlayTour | Steer | Fold | SwitchLayer | Stand | LookInto | Fly | Nearer | Replay | OpenThing,
    Field(discriminator="do"),
]


class Told(Schema):
    """One thing a wall is told."""

    order: Order


class SceneIn(View):
    """A scene as it is to be; ``layers`` null: the wall's layers stay as they are."""

    name: Name
    district: str = Field("", max_length=12)
    layers: Ids | None = None
    folded: Ids = []
    asset: Number | None = None
    position: Annotated[int, Field(ge=0, le=10_000)] = 0


class SceneName(Schema):
    """What the wall's present picture is called as a scene."""

    name: Name


class StepIn(Schema):
    """One step of a tour."""

    scene: Number
    dwell_s: int = Field(20, ge=SHORTEST_DWELL_S, le=LONGEST_DWELL_S)


class TourIn(Schema):
    """A tour as it is to be."""

    name: Name
    loop: bool = True
    position: Annotated[int, Field(ge=0, le=10_000)] = 0
    steps: Annotated[list[StepIn], Field(min_length=1, max_length=100)]
