"""A platform above ours and what it is given, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Shared(NamedTuple):
    """One camera as a platform above sees it.

    Attributes
    ----------
    code : str
        Its code there; ``device`` and ``channel`` are those it has here.
    """

    code: str
    pk: int
    device: str
    channel: str
    protocol: str
    name: str
    online: bool
    manufacturer: str = ""
    model: str = ""
    civil_code: str = ""
    address: str = ""
    ptz: int = 0
    lon: float | None = None
    lat: float | None = None


@dataclass(frozen=True)
class Upper:
    """A platform above ours.

    Attributes
    ----------
    code, domain : str
        Theirs.
    own : str
        Our code as they know it.
    controls, past : bool
        Whether it may turn cameras, and see what they have recorded.
    """

    pk: int
    code: str
    domain: str
    host: str
    port: int
    transport: str
    own: str
    username: str
    provider: str
    sealed: bytes
    expires_s: int = 3600
    keepalive_s: int = 60
    misses: int = 3
    charset: str = "gb18030"
    controls: bool = False
    past: bool = True
    shared: Mapping[str, Shared] = field(default_factory=dict)

    @property
    def how(self) -> tuple[object, ...]:
        """What makes a new registration necessary where it changes."""
        return (self.code, self.domain, self.host, self.port, self.transport, self.own, self.username, self.sealed,
                self.expires_s, self.keepalive_s, self.misses)  # fmt: skip

    @property
    def uri(self) -> str:
        """Theirs."""
        return f"sip:{self.code}@{self.domain}"
