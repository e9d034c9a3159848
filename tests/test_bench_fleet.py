"""What the benchmark's fleet says and is told, column by column, is what devices say and are told one by one."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from bench._answers import read_answers
from bench._messages import Messages
from devices.ingest import wire
from devices.messages import Position, read_batch, read_position
from devices.topics import topic

DEVICES = [f"BENCH-{i:06d}" for i in range(40)]


@pytest.mark.parametrize("channel", ["pos", "batch"])
def test_messages_are_the_protocols(channel):
    topics = [topic("machine", device, channel) for device in DEVICES]
    at, width = np.array([39, 3, 7]), 1 if channel == "pos" else 3
    seq = np.array([[9], [99], [1234567]]) + np.arange(width)
    written = Messages(topics).write(at, seq, 1_795_251_671_123 + seq, np.array([1, 99, 1000]))
    packets, rest = wire.split(written)
    assert (len(packets), rest) == (3, b"")
    for (first, body), i, numbers, oldest in zip(packets, at, seq, (1, 99, 1000), strict=True):
        said = wire.read_publish(first, body)
        assert said.topic == topics[i]
        rows = [read_position(said.payload)] if channel == "pos" else read_batch(said.payload)
        assert [row.seq for row in rows] == numbers.tolist()
        for row in rows:
            assert isinstance(row, Position)
            assert (row.oldest, row.time) == (oldest, 1_795_251_671_123 + row.seq)
            assert 121 < row.lon < 122
            assert 30.9 < row.lat < 31.6


@pytest.mark.parametrize("more", [False, True])
def test_answers_are_read_wherever_the_stream_is_cut(more):
    said = [{"epoch": 0, "acked": 10 * i, "ahead": [], "refused": []} for i in range(40)]
    if more:
        said[5] |= {"ahead": [[52, 53], [60, 69]], "wait_s": 30}
        said[7] |= {"refused": [[69, "time_in_future"], [70, "not_finite"]]}
    stream = b"".join(
        wire.publish(topic("machine", device, "acked"), msgspec.json.encode(body))
        for device, body in zip(DEVICES, said, strict=True)
    )
    for cut in range(300, 460):
        first, rest = read_answers(stream[:cut])
        second, rest = read_answers(rest + stream[cut:])
        whole = [np.r_[a, b] for a, b in zip(first[:5], second[:5], strict=True)]
        assert whole[0].tolist() == list(range(40))
        assert whole[1].tolist() == [10 * i for i in range(40)]
        assert (whole[2][5], whole[3][5], whole[4][5]) == ((60, 69, 30) if more else (0, 50, 0))
        assert first.refused + second.refused == (2 if more else 0)
        assert rest == b""
