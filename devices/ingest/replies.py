"""A device's reply to a command: stored once, and on the ledger."""

from __future__ import annotations

from datetime import datetime

import psycopg

from devices.messages import Reply

# The ledger's row in the same transaction: what was asked of a device and what it said are looked for there later.
_STORE = """
WITH open AS (
    SELECT c.id, c.state, c.name || ' → ' || d.identifier AS label, d.identifier
    FROM devices_devicecommand c JOIN devices_device d ON d.id = c.device_id
    WHERE c.id = %(id)s AND c.device_id = %(device)s AND c.replied_at IS NULL FOR UPDATE OF c
), replied AS (
    UPDATE devices_devicecommand c SET state = %(state)s, reply_text = %(text)s, replied_at = %(at)s
    FROM open WHERE c.id = open.id
)
INSERT INTO access_auditrecord (at, actor_name, action, model, object_id, label, changes, detail, session, request_id)
SELECT clock_timestamp(), identifier, 'change', 'devices.DeviceCommand', id::text, label,
       jsonb_build_object('state', jsonb_build_object('old', state, 'new', %(state)s::text),
                          'reply_text', jsonb_build_object('old', '', 'new', %(text)s::text)), '{}', '', ''
FROM open"""


def store_reply(cursor: psycopg.Cursor, device: int, reply: Reply, at: datetime) -> None:
    """Store a reply inside the caller's transaction; one that came before, or to another's command, changes nothing."""
    cursor.execute(
        _STORE, {"id": reply.id, "device": device, "state": reply.result, "text": reply.text or "", "at": at}
    )
