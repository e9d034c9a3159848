"""What devices are answered once their numbers are settled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from devices.ingest.decode import Decoded
from devices.ingest.registry import KnownDevice
from devices.topics import topic


def answers(decoded: Decoded, devices: Mapping[str, KnownDevice], wait_s: int = 0) -> Iterator[tuple[str, bytes]]:
    """Topic and payload for each numbering device that a heap came from.

    Parameters
    ----------
    wait_s : int, optional
        So long a device need not send again what it hears nothing of: it is here, and waits.
    """
    waits = b',"wait_s":%d}' % wait_s if wait_s else b"}"
    for identifier, refused in decoded.answers.items():
        device = devices[identifier]
        numbering = decoded.numberings[device.id]
        # Mostly nothing beyond numbers is to be said, and there are many to be told.
        ahead = msgspec.json.encode(numbering.ahead) if numbering.ahead else b"[]"
        why = msgspec.json.encode(refused) if refused else b"[]"
        yield (
            topic(device.kind, identifier, "acked"),
            b'{"epoch":%d,"acked":%d,"ahead":%b,"refused":%b%b' % (numbering.epoch, numbering.acked, ahead, why, waits),
        )
