"""Somebody looks at something: what is known of one viewing."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from media.rtp.frames import Frame
from media.streams.stream import Joined
from media.whep.session import Session

logger = logging.getLogger(__name__)


@dataclass
class Viewing:
    """Somebody looks at something."""

    key: str
    user: int
    channel: int
    stream: int
    """Key of what is watched: the channel's, or a playback's."""
    session: Session
    login: str = ""
    """The session its user was signed in with."""
    joined: Joined | None = None
    heard: Joined | None = None
    """Of its sound, where that is made anew."""
    transcoded: bool = False
    sounded: bool = False
    answered: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def seconds(self) -> float:
        """How long so far."""
        return asyncio.get_running_loop().time() - self.session.began_s


class Ear:
    """A session, as far as it hears: sound that ends is no end of the pictures."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def frame(self, frame: Frame) -> None:
        """Give it on."""
        self._session.frame(frame)

    def ended(self, why: str) -> None:
        """Say so to nobody but the log."""
        logger.info("whep: sound has ended: %s", why)
