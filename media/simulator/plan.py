"""What a simulated device is and how it behaves; and what all of them counted."""

from __future__ import annotations

from dataclasses import dataclass, field

from media.simulator.past import Past
from media.simulator.replies import ChannelPlan


@dataclass
class Plan:
    """What a device is, and how it behaves."""

    code: str
    password: str
    channels: list[ChannelPlan]
    server: tuple[str, int]
    platform: str
    domain: str
    expires_s: int = 3600
    keepalive_s: float = 60.0
    items_in_one: int = 4
    codec: str = "h264"
    moves: bool = False
    alarm_every_s: float = 0.0
    past: Past = field(default_factory=Past)
    talks_by: str = "udp"
    """How it wants to hear announcements: ``udp``, ``tcp_active`` (it dials) or ``tcp_passive``."""


@dataclass
class Tally:
    """What all devices counted."""

    registered: int = 0
    refused: int = 0
    keepalives: int = 0
    unanswered: int = 0
    queries: int = 0
    controls: int = 0
    streams: int = 0
    most_streams: int = 0
    streams_refused: int = 0
    unsent: int = 0
    """Packets of streams that have ended which the simulator's own machine did not let out."""
    catalogues: int = 0
    heard_ms: int = 0
    """Of announcements, all devices."""
