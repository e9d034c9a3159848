"""Who may sign in, and who has: the register as the process keeps it in memory."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field

from media.sip.flows import Flow, PeerAddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Known:
    """A registered device, as its row has it."""

    pk: int
    code: str
    provider: str
    sealed: bytes
    networks: tuple[Network, ...]
    charset: str
    media: str
    follows: frozenset[str]
    """Which events are subscribed to: of ``Catalog``, ``Alarm``, ``MobilePosition``."""

    def may_come_from(self, host: str) -> bool:
        """Whether it may sign in from there."""
        if not self.networks:
            return True
        address = ipaddress.ip_address(host.partition("%")[0])
        return any(address in network for network in self.networks)


@dataclass(slots=True)
class Binding:
    """A device that is signed in.

    Attributes
    ----------
    registered_at, expires_at, seen_at : float
        Seconds since 1970.
    version : str
        Edition of the standard it names (``X-GB-ver``); empty where it names none.
    """

    known: Known
    flow: Flow
    contact: str
    registered_at: float
    expires_at: float
    seen_at: float
    version: str = ""
    online: bool = True
    about: tuple[str, str, str] = ("", "", "")
    """Manufacturer, model, firmware."""
    call_id: str = ""
    """Of its REGISTER: a device that has started anew has another."""

    @property
    def code(self) -> str:
        """The device's."""
        return self.known.code

    @property
    def host(self) -> str:
        """Address it was last heard from."""
        return self.flow.peer[0]

    @property
    def uri(self) -> str:
        """Where requests to it go: the address observed, whatever its Contact says."""
        host, port = self.flow.peer
        return f"sip:{self.code}@{f'[{host}]' if ':' in host else host}:{port}"


@dataclass
class Peers:
    """Known devices and their bindings."""

    known: dict[str, Known] = field(default_factory=dict)
    bindings: dict[str, Binding] = field(default_factory=dict)
    _at: dict[PeerAddress, str] = field(default_factory=dict)
    """Codes by the address they were last heard from."""

    def bind(self, binding: Binding) -> None:
        """A device has signed in."""
        self.bindings[binding.code] = binding
        self.move(binding, binding.flow)

    def move(self, binding: Binding, flow: Flow) -> None:
        """A device was heard from another port, or by another connection."""
        if self._at.get(binding.flow.peer) == binding.code:
            del self._at[binding.flow.peer]
        binding.flow = flow
        self._at[flow.peer] = binding.code

    def unbind(self, code: str) -> None:
        """A device is signed in no longer."""
        binding = self.bindings.pop(code, None)
        if binding is not None and self._at.get(binding.flow.peer) == code:
            del self._at[binding.flow.peer]

    def learn(self, devices: Iterable[Known]) -> list[Binding]:
        """Take the register as it is now; returns bindings that hold no longer: their device, or password, is gone."""
        self.known = {device.code: device for device in devices}
        ended = []
        for code, binding in list(self.bindings.items()):
            now = self.known.get(code)
            if now is None or now.sealed != binding.known.sealed or not now.may_come_from(binding.host):
                ended.append(binding)
                self.unbind(code)
            else:
                binding.known = now
        return ended

    def find(self, code: str, flow: Flow) -> Binding | None:
        """The binding a request belongs to: of its sender's code, else of the address it came from.

        Some devices send in the name of a channel (GB/T 28181 has them use their own).
        """
        binding = self.bindings.get(code)
        if binding is not None:
            return binding if binding.host == flow.peer[0] else None
        binding = self.bindings.get(self._at.get(flow.peer, ""))
        return binding if binding is not None and binding.flow.peer == flow.peer else None

    def online(self, code: str) -> Binding | None:
        """The binding of a device that can be asked something now."""
        binding = self.bindings.get(code)
        return binding if binding is not None and binding.online and binding.flow.open else None
