"""What devices say that is no position, stored: events, power, replies to commands."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import psycopg

from devices.ingest.decode import Said
from devices.ingest.replies import store_reply
from devices.messages import Event, PowerStatus, Reply
from twin.intake import Intake
from twin.observers import Heard
from twin.present import Current


def store_said(cursor: psycopg.Cursor, intake: Intake, said: list[Said]) -> tuple[list[Current], list[Heard]]:
    """Store events, power changes and replies; returns the states that changed and the events that are new."""
    switched, heard = [], []
    for device, at_us, time_us, message in said:
        at, time_ = datetime.fromtimestamp(at_us / 1e6, UTC), datetime.fromtimestamp(time_us / 1e6, UTC)
        if isinstance(message, Reply):
            store_reply(cursor, device.id, message, at)
            continue
        channel = "event" if isinstance(message, Event) else "status"
        body = {k: v for k, v in msgspec.to_builtins(message).items() if v is not None and k != "time"}
        cursor.execute(
            """INSERT INTO devices_deviceevent (device_id, channel, ts, received_at, body)
               VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING""",
            [device.id, channel, time_, at, msgspec.json.encode(body).decode()],
        )
        new = cursor.rowcount == 1
        if isinstance(message, PowerStatus) and device.asset is not None:
            current = intake.switch(cursor, device.asset, time_us, on=message.power == "on")
            if current is not None:
                switched.append(current)
        if new and isinstance(message, Event) and device.asset is not None:
            heard.append(Heard(device.asset, time_us, message.code, message.text or "", message.attrs or {}))
    return switched, heard
