"""Work in the background yields to the live stream: it is the one that may take longer."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.db.backends.signals import connection_created

NICE = 5
"""A third of the others' weight where all processors are taken; everything where they are not."""
_HERE = ("", "127.0.0.1", "::1", "localhost")


def run_in_background() -> None:
    """Have this process, and those of a PostgreSQL of this machine that work for it, yield to others from now on."""
    _yield(os.getpid())
    connection_created.connect(_yield_server, dispatch_uid="devices.background")


def _yield_server(connection: Any, **_more: Any) -> None:
    if connection.settings_dict["HOST"] in _HERE:
        pid = connection.connection.info.backend_pid
        # In another container's count the number may be anybody's.
        with suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == "postgres":
                _yield(pid)


def _yield(pid: int) -> None:
    """Do it where it is allowed; nothing is wrong where it is not."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
    # Linux may weigh sessions against each other before processes, and each of PostgreSQL's is one of its own.
    with suppress(OSError):
        if os.getsid(pid) == pid:
            Path(f"/proc/{pid}/autogroup").write_text(str(NICE))
