"""The broker's password file, written from the database."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg


def write_passwords(cursor: psycopg.Cursor, broker_dir: Path) -> bool:
    """Write the platform's line and one line a device with a key; returns whether the file changed.

    The file is replaced whole, so that the broker never reads half of it.
    """
    cursor.execute(
        "SELECT kind || '/' || shard || '/' || identifier || ':' || key_hash FROM devices_device"
        " WHERE key_hash <> '' ORDER BY identifier"
    )
    lines = [(broker_dir / "platform.line").read_text().strip(), *(row[0] for row in cursor.fetchall())]
    text = "\n".join(lines) + "\n"
    target = broker_dir / "passwords"
    if target.exists() and target.read_text() == text:
        return False
    fresh = target.with_name("passwords.new")
    fresh.write_text(text)
    if target.exists():
        # The broker runs under another account than this process where the launcher is root.
        owner = target.stat()
        os.chown(fresh, owner.st_uid, owner.st_gid)
        fresh.chmod(owner.st_mode & 0o777)
    else:
        fresh.chmod(0o600)
    fresh.replace(target)
    return True


def reload_broker(broker_dir: Path) -> bool:
    """Make the broker read its passwords again, closing the connections of keys that ended.

    Returns
    -------
    bool
        False where no broker runs; it reads the file when it starts.
    """
    try:
        pid = int((broker_dir / "mosquitto.pid").read_text())
        # A broker that was killed leaves its number behind, and by now it may be anybody's.
        if Path(f"/proc/{pid}/comm").read_text().strip() != "mosquitto":
            return False
        os.kill(pid, signal.SIGHUP)
    except (OSError, ValueError):
        return False
    return True
