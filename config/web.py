"""The web process: ``python -m config.web --host … --port …``. Several may share one address."""

from __future__ import annotations

import argparse
import socket
import sys

import uvicorn

BACKLOG = 2048
UNSENT_BYTES = 128 << 10
"""What the kernel keeps for a browser that does not read; by default it takes megabytes of positions that are old by
the time they arrive. What was sent and is on its way does not count, so no line gets slower by it."""


def shared_socket(host: str, port: int) -> socket.socket:
    """A socket on an address that other web processes may have, too: the kernel spreads connections over them.

    ``SO_REUSEPORT`` is given only to processes of the same account, so nobody else can take a share.

    Raises
    ------
    OSError
        The address belongs to something else.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # Every accepted connection inherits it.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening


def server() -> uvicorn.Server:
    """The ASGI server as this platform runs it."""
    return uvicorn.Server(
        uvicorn.Config(
            "config.asgi:application",
            loop="uvloop",
            http="httptools",
            lifespan="on",
            ws="websockets-sansio",
            # Deflating a megabyte of positions for each of a hundred screens takes most of a core.
            ws_per_message_deflate=False,
            access_log=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=5,
        )
    )


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m config.web", description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    # The lifespan comes first, and listening after it: until then connections go to whoever serves already.
    web = server()
    web.run(sockets=[shared_socket(options.host, options.port)])
    return 0 if web.started else 3


if __name__ == "__main__":
    sys.exit(main())
