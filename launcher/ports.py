"""Free ports, chosen once and remembered."""

from __future__ import annotations

import socket
from collections.abc import Collection

from launcher.exceptions import LaunchError

# All below 32768: a port of Linux's outgoing range could be taken by any connection while ours is down.
FIRST = {"web": 8000, "postgres": 15432, "broker": 11883}
FIRST_METRICS = 19100


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a server could listen on ``address``:``port`` now (left-over closing connections do not count)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def choose_port(name: str, taken: Collection[int], address: str = "127.0.0.1") -> int:
    """The first free port of the range kept for ``name`` that is not in ``taken``.

    Raises
    ------
    LaunchError
        A thousand ports in a row are in use.
    """
    first = FIRST.get(name, FIRST_METRICS)
    for port in range(first, first + 1000):
        if port not in taken and is_free(port, address):
            return port
    raise LaunchError(f"{first} 起没有空闲端口 (no free port from {first} on)")
