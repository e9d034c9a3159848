"""DeviceControl bodies and the eight bytes of a PTZ command (GB/T 28181-2022, A.2.3 and A.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from media.exceptions import NotOfferedError
from media.gb28181.xml import Fields

Speed = Annotated[float, Meta(ge=-1, le=1)]
Number = Annotated[int, Meta(ge=1, le=255)]

ZOOM_OUT, ZOOM_IN, UP, DOWN, LEFT, RIGHT = 0x20, 0x10, 0x08, 0x04, 0x02, 0x01
IRIS_CLOSE, IRIS_OPEN, FOCUS_NEAR, FOCUS_FAR = 0x08, 0x04, 0x02, 0x01
LENS = 0x40
SET, CALL, DELETE = 0x81, 0x82, 0x83
CRUISE_ADD, CRUISE_DELETE, CRUISE_SPEED, CRUISE_DWELL, CRUISE_START = range(0x84, 0x89)
SCAN, SCAN_SPEED = 0x89, 0x8A
SWITCH_ON, SWITCH_OFF = 0x8C, 0x8D


def ptz_bytes(instruction: int, first: int = 0, second: int = 0, nibble: int = 0, address: int = 1) -> str:
    """The sixteen hexadecimal digits of one command.

    Parameters
    ----------
    instruction, first, second : int
        Bytes 4, 5 and 6.
    nibble : int
        0..15, upper half of byte 7.
    address : int
        0..4095; devices go by the DeviceID and not by it.
    """
    data = [0xA5, 0x0F, address & 0xFF, instruction, first & 0xFF, second & 0xFF, (nibble << 4 | address >> 8) & 0xFF]
    return bytes([*data, sum(data) % 256]).hex().upper()


def is_ptz(digits: str) -> bool:
    """Whether these are the sixteen digits of a command, with the right sum."""
    try:
        data = bytes.fromhex(digits)
    except ValueError:
        return False
    return len(data) == 8 and data[0] == 0xA5 and sum(data[:7]) % 256 == data[7]


class Move(Struct, forbid_unknown_fields=True):
    """Turn and zoom until told otherwise: -1 to 1, right, up and in are positive; all zero stops."""

    pan: Speed = 0.0
    tilt: Speed = 0.0
    zoom: Speed = 0.0


class Lens(Struct, forbid_unknown_fields=True):
    """Focus (far is positive) and iris (open is positive) until told otherwise; both zero stops."""

    focus: Speed = 0.0
    iris: Speed = 0.0


class PresetCommand(Struct, forbid_unknown_fields=True):
    """Set, call or delete a preset."""

    action: Literal["set", "call", "delete"]
    number: Number


class Cruise(Struct, forbid_unknown_fields=True):
    """A tour of presets; started ones end with any move."""

    action: Literal["add", "delete", "speed", "dwell", "start"]
    group: Annotated[int, Meta(ge=0, le=255)]
    preset: Annotated[int, Meta(ge=0, le=255)] = 0
    value: Annotated[int, Meta(ge=0, le=4095)] = 0


class Scan(Struct, forbid_unknown_fields=True):
    """Swing between two edges; ends with any move."""

    action: Literal["start", "left", "right", "speed"]
    group: Annotated[int, Meta(ge=0, le=255)]
    value: Annotated[int, Meta(ge=0, le=4095)] = 0


class Switch(Struct, forbid_unknown_fields=True):
    """An auxiliary switch; number 1 is the wiper."""

    number: Number
    on: bool


class OnOff(Struct, forbid_unknown_fields=True):
    """Record or not, guard or not."""

    on: bool


class Home(Struct, forbid_unknown_fields=True):
    """Watch position: go to a preset when nobody has moved it for a while."""

    on: bool
    after_s: Annotated[int, Meta(ge=5, le=3600)] = 60
    preset: Number = 1


class Drag(Struct, forbid_unknown_fields=True):
    """Zoom to, or out of, a rectangle of the picture: pixels of a window of this size."""

    inward: bool
    width: Annotated[int, Meta(ge=1, le=8192)]
    height: Annotated[int, Meta(ge=1, le=8192)]
    x: Annotated[int, Meta(ge=0, le=8192)]
    y: Annotated[int, Meta(ge=0, le=8192)]
    drag_width: Annotated[int, Meta(ge=1, le=8192)]
    drag_height: Annotated[int, Meta(ge=1, le=8192)]


class Nothing(Struct, forbid_unknown_fields=True):
    """No arguments."""


def _move(m: Move) -> Fields:
    bits = (RIGHT if m.pan > 0 else LEFT if m.pan < 0 else 0) | (UP if m.tilt > 0 else DOWN if m.tilt < 0 else 0)
    bits |= ZOOM_IN if m.zoom > 0 else ZOOM_OUT if m.zoom < 0 else 0
    return _ptz(ptz_bytes(bits, _of(m.pan, 255), _of(m.tilt, 255), _of(m.zoom, 15)))


def _lens(m: Lens) -> Fields:
    bits = FOCUS_FAR if m.focus > 0 else FOCUS_NEAR if m.focus < 0 else 0
    bits |= IRIS_OPEN if m.iris > 0 else IRIS_CLOSE if m.iris < 0 else 0
    return _ptz(ptz_bytes(LENS | bits, _of(m.focus, 255), _of(m.iris, 255)))


def _of(speed: float, most: int) -> int:
    """A speed as the standard's number; what moves at all moves by at least 1."""
    return max(1, round(abs(speed) * most)) if speed else 0


def _preset(p: PresetCommand) -> Fields:
    return _ptz(ptz_bytes({"set": SET, "call": CALL, "delete": DELETE}[p.action], 0, p.number))


def _cruise(c: Cruise) -> Fields:
    match c.action:
        case "add":
            return _ptz(ptz_bytes(CRUISE_ADD, c.group, c.preset))
        case "delete":
            return _ptz(ptz_bytes(CRUISE_DELETE, c.group, c.preset))
        case "start":
            return _ptz(ptz_bytes(CRUISE_START, c.group))
        case _:
            # As in table A.9: with the value's low byte in byte 6 there is no room for the preset beside it.
            which = CRUISE_SPEED if c.action == "speed" else CRUISE_DWELL
            return _ptz(ptz_bytes(which, c.group, c.value & 0xFF, c.value >> 8))


def _scan(s: Scan) -> Fields:
    if s.action == "speed":
        return _ptz(ptz_bytes(SCAN_SPEED, s.group, s.value & 0xFF, s.value >> 8))
    return _ptz(ptz_bytes(SCAN, s.group, {"start": 0, "left": 1, "right": 2}[s.action]))


def _switch(s: Switch) -> Fields:
    return _ptz(ptz_bytes(SWITCH_ON if s.on else SWITCH_OFF, s.number))


def _home(h: Home) -> Fields:
    inside = [("Enabled", "1" if h.on else "0")]
    if h.on:
        inside += [("ResetTime", str(h.after_s)), ("PresetIndex", str(h.preset))]
    return (("HomePosition", inside),)


def _drag(d: Drag) -> Fields:
    # Length is the window's width in pixels and Width its height (A.2.3.1.9 and .10 read so in every device seen).
    inside = (
        ("Length", str(d.width)),
        ("Width", str(d.height)),
        ("MidPointX", str(d.x)),
        ("MidPointY", str(d.y)),
        ("LengthX", str(d.drag_width)),
        ("LengthY", str(d.drag_height)),
    )
    return (("DragZoomIn" if d.inward else "DragZoomOut", inside),)


def _ptz(command: str) -> Fields:
    return (("PTZCmd", command),)


def _record(r: OnOff) -> Fields:
    return (("RecordCmd", "Record" if r.on else "StopRecord"),)


def _guard(g: OnOff) -> Fields:
    return (("GuardCmd", "SetGuard" if g.on else "ResetGuard"),)


class Word(Struct):
    """One thing a camera can be asked to do.

    Attributes
    ----------
    answered : bool
        The device sends a Response.
    whole : bool
        It concerns all of the device, and is said to it and not to a channel of it.
    """

    args: type[Struct]
    fields: Callable[[Any], Fields]
    answered: bool = False
    whole: bool = False


WORDS: Mapping[str, Word] = {
    "move": Word(Move, _move),
    "lens": Word(Lens, _lens),
    "preset": Word(PresetCommand, _preset),
    "cruise": Word(Cruise, _cruise),
    "scan": Word(Scan, _scan),
    "switch": Word(Switch, _switch),
    "record": Word(OnOff, _record, True),
    "guard": Word(OnOff, _guard, True),
    "reset_alarm": Word(Nothing, lambda _: (("AlarmCmd", "ResetAlarm"),), True),
    "home": Word(Home, _home, True),
    "reboot": Word(Nothing, lambda _: (("TeleBoot", "Boot"),), whole=True),
    # 2016 misspells it, 2022 does not; cameras of both kinds overlook what they do not know.
    "key_frame": Word(Nothing, lambda _: (("IFameCmd", "Send"), ("IFrameCmd", "Send"))),
    "drag_zoom": Word(Drag, _drag),
}


def control_fields(name: str, args: Mapping[str, Any]) -> tuple[Fields, Word]:
    """Fields of a command behind CmdType, SN and DeviceID, and what sort of command it is.

    Raises
    ------
    NotOfferedError
        No such word, or arguments that make no sense.
    """
    word = WORDS.get(name)
    if word is None:
        raise NotOfferedError(f"no command {name!r}")
    try:
        return word.fields(msgspec.convert(args, word.args)), word
    except msgspec.ValidationError as error:
        raise NotOfferedError(f"{name}: {error}") from None
