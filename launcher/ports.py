"""Free ports, chosen once and remembered."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Collection

from launcher.exceptions import LaunchError

# All below 32768: a port of Linux's outgoing range could be taken by any connection while ours is down.
FIRST = {"web": 8000, "postgres": 15432, "broker": 11883, "jt808": 16808, "gb28181": 5060, "webrtc": 8189}
FIRST_METRICS = 19100
SPREAD = 2000


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


def choose_port(name: str, taken: Collection[int], address: str = "127.0.0.1", seed: str = "") -> int:
    """A free port of the range kept for ``name`` that is not in ``taken``.

    Parameters
    ----------
    seed : str
        Stands for the installation: several on one machine begin to look at different places, so that one does not
        take what another remembers while that is down, or has chosen and not opened yet. Empty (the web port of the
        usual data folder) begins at the first of the range, which is easy to remember.

    Raises
    ------
    LaunchError
        A thousand ports in a row are in use.
    """
    first = FIRST.get(name, FIRST_METRICS) + (zlib.crc32(seed.encode()) % SPREAD if seed else 0)
    for port in range(first, first + 1000):
        if port not in taken and is_free(port, address):
            return port
    raise LaunchError(f"{first} 起没有空闲端口 (no free port from {first} on)")
