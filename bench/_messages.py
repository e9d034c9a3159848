"""What a fleet says: MQTT packets of many devices at once, their numbers written by columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from devices.ingest import wire

WEST, SOUTH, EAST, NORTH = 121.2, 31.0, 121.8, 31.5
TURN = 0.2
RADIUS_DEG = 0.001
_HEADS = (b'{"seq":', b',"oldest":', b',"time":', b',"lon":', b".", b',"lat":', b".")
_TAIL = b',"speed_m_s":5.0,"working":true}'

Whole = NDArray[np.int64]


class Messages:
    """Packets on one channel of all devices.

    Parameters
    ----------
    topics : list of str
        One a device.
    """

    def __init__(self, topics: list[str]) -> None:
        self.single = topics[0].endswith("/pos")
        names = [topic.encode() for topic in topics]
        # Of a packet without its payload: its length, and what stands before the payload (no properties).
        self._fronts = [len(name).to_bytes(2, "big") + name + b"\0" for name in names]
        # Spread evenly by two irrational steps: no two alike, and the same in every run.
        i = np.arange(len(topics))
        self._lon = WEST + i * 0.6180339887 % 1 * (EAST - WEST)
        self._lat = SOUTH + i * 0.7548776662 % 1 * (NORTH - SOUTH)

    def write(self, at: Whole, seq: Whole, time_ms: Whole, oldest: Whole) -> bytes:
        """A packet each of the devices ``at`` (int64[m]).

        Parameters
        ----------
        seq, time_ms : int64[m, k]
            Numbers and times of the positions in each packet.
        oldest : int64[m]
            Lowest number each device still holds.
        """
        k = seq.shape[1]
        rows = self._rows(np.repeat(at, k), seq.ravel(), time_ms.ravel(), np.repeat(oldest, k))
        width = rows.shape[1]
        data = rows.tobytes()
        if self.single:
            before, after, size = b"", b"", width
        else:
            before, after, size = b'{"rows":[', b"]}", k * width - 1  # without the last comma
        leads: dict[int, bytes] = {}
        parts: list[bytes] = []
        for n, i in enumerate(at.tolist()):
            front = self._fronts[i]
            lead = leads.get(len(front))
            if lead is None:
                lead = leads[len(front)] = b"\x30" + wire.length(len(front) + len(before) + size + len(after))
            start = n * k * width
            parts += (lead, front, before, data[start : start + size], after)
        return b"".join(parts)

    def _rows(self, at: Whole, seq: Whole, time_ms: Whole, oldest: Whole) -> NDArray[np.uint8]:
        """A JSON object each, all of one width: uint8[n, width]."""
        turn = TURN * seq + at
        lon = np.rint((self._lon[at] + RADIUS_DEG * np.cos(turn)) * 1e6).astype(np.int64)
        lat = np.rint((self._lat[at] + RADIUS_DEG * np.sin(turn)) * 1e6).astype(np.int64)
        wide = len(str(int(seq.max(initial=1))))
        columns = (
            (seq, wide), (oldest, wide), (time_ms, 13), (lon // 1_000_000, 3), (lon % 1_000_000, -6),
            (lat // 1_000_000, 2), (lat % 1_000_000, -6),
        )  # fmt: skip
        pieces = []
        for head, (values, digits) in zip(_HEADS, columns, strict=True):
            pieces += [np.broadcast_to(np.frombuffer(head, np.uint8), (len(at), len(head))), _digits(values, digits)]
        tail = _TAIL + (b"" if self.single else b",")
        pieces.append(np.broadcast_to(np.frombuffer(tail, np.uint8), (len(at), len(tail))))
        return np.hstack(pieces)


def _digits(values: Whole, width: int) -> NDArray[np.uint8]:
    """Numbers in ASCII, blanks before them; with a negative width zeros. uint8[n, |width|]."""
    scale = 10 ** np.arange(abs(width) - 1, -1, -1)
    digits = (values[:, None] // scale % 10 + ord("0")).astype(np.uint8)
    if width > 0:
        digits[:, :-1][values[:, None] < scale[:-1]] = ord(" ")
    return digits
