"""What devices are answered once their numbers are settled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from devices.ingest.decode import Decoded
from devices.ingest.registry import KnownDevice
from devices.numbering import Numbering
from devices.topics import PREFIX


def answers(decoded: Decoded, wait_s: int = 0) -> Iterator[tuple[str, bytes]]:
    """Topic and payload for each numbering device that a heap came from.

    Parameters
    ----------
    wait_s : int, optional
        So long a device need not send again what it hears nothing of: it is here, and waits.
    """
    for device in decoded.numbering:
        yield _answer(device, decoded.numberings[device.id], decoded.faults.get(device.identifier, []), wait_s)


def patience(
    topics: Iterable[str], devices: Mapping[str, KnownDevice], settled: Mapping[int, Numbering], wait_s: int
) -> Iterator[tuple[str, bytes]]:
    """Topic and payload for each numbering device that repeated what waits here: what is settled, and to wait.

    Parameters
    ----------
    topics : iterable of str
        Where repetitions came from.
    settled : mapping
        Numberings by device key, as they are stored; a device that is not among them is told nothing.
    """
    for identifier in {name.split("/")[-2]: None for name in topics}:
        device = devices.get(identifier)
        if device is not None and device.numbered and device.id in settled:
            yield _answer(device, settled[device.id], [], wait_s)


def _answer(
    device: KnownDevice, numbering: Numbering, refused: list[tuple[int, str]], wait_s: int
) -> tuple[str, bytes]:
    # Mostly nothing beyond numbers is to be said, and there are many to be told.
    ahead = msgspec.json.encode(numbering.ahead) if numbering.ahead else b"[]"
    why = msgspec.json.encode(refused) if refused else b"[]"
    waits = b',"wait_s":%d}' % wait_s if wait_s else b"}"
    return (
        f"{PREFIX}/{device.kind}/{device.shard}/{device.identifier}/acked",
        b'{"epoch":%d,"acked":%d,"ahead":%b,"refused":%b%b' % (numbering.epoch, numbering.acked, ahead, why, waits),
    )
