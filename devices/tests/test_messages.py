"""From payload to rows: every payload ends as rows or as a refusal that can be counted and stored."""

from __future__ import annotations

import json
import random
import time

import pytest

from devices.exceptions import RefusedError
from devices.ingest.decode import Decoder, Received
from devices.ingest.registry import KnownDevice
from devices.messages import (
    MOST_ATTRS_BYTES,
    MOST_ATTRS_DEPTH,
    MOST_NUMBER,
    BadRow,
    read_batch,
    read_other,
    read_position,
    time_us,
)
from devices.numbering import Numbering
from devices.topics import shard_of, topic

NOW_MS = int(time.time() * 1000)
GOOD = f'"seq":1,"time":{NOW_MS},"lon":121,"lat":31'


def known(identifier="W-1", numbered=True, datum="wgs84"):
    shard = shard_of(identifier)
    return KnownDevice(7, identifier, "machine", 1, shard, 70, 0, datum, numbered, False, 90 * 86_400_000_000)


def decode(*payloads, channel="pos", numbering=None, **device):
    device = known(**device)
    address = topic("machine", device.identifier, channel)
    heap = [Received(address, p if isinstance(p, bytes) else p.encode(), NOW_MS * 1000) for p in payloads]
    numbering = numbering or Numbering()
    return Decoder({device.identifier: device}).decode(heap, lambda _devices: {device.id: numbering})


def reason(text):
    row = read_position(text.encode())
    return row.refusal.reason if isinstance(row, BadRow) else None


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ('"attrs":{"a":' + "[" * 15 + "1e999" + "]" * 15 + "}", "out_of_range_attrs"),
        ('"attrs":{"a":' + "[" * 900 + "]" * 900 + "}", "out_of_range_attrs"),
        ('"attrs":{"a":' + "[" * 3000 + "]" * 3000 + "}", "not_json"),
        ('"attrs":{"a":' + "[" * MOST_ATTRS_DEPTH + "1" + "]" * MOST_ATTRS_DEPTH + "}", "out_of_range_attrs"),
        ('"attrs":{"a":"' + "x" * MOST_ATTRS_BYTES + '"}', "out_of_range_attrs"),
        ('"attrs":{"a":"\\u0000"}', "out_of_range_attrs"),
        ('"attrs":{"a\\\\\\u0000":1}', "out_of_range_attrs"),
        ('"attrs":{"a":"\\ud800"}', "not_json"),
        ('"attrs":{"a":NaN}', "not_finite"),
        ('"attrs":{"a":-Infinity}', "not_finite"),
        ('"attrs":[]', "wrong_type"),
        ('"missing required field":1', "unknown_field"),
        ('"speed_m_s":-1', "out_of_range_speed_m_s"),
        ('"epoch":-1', "out_of_range_epoch"),
        (f'"epoch":{MOST_NUMBER + 1}', "out_of_range_epoch"),
        ('"seq":0', "out_of_range_seq"),
        ('"working":1', "wrong_type"),
        ('"attrs":{"a":"\\\\u0000","b":123456789012345678901234567890,"c":{"d":[null,true,1e-999]}}', None),
        ('"alt_m":null,"attrs":null', None),
    ],
)
def test_reasons(more, expected):
    assert reason("{" + GOOD + "," + more + "}") == expected


@pytest.mark.parametrize("payload", ["[]", "null", "1", "", '"x"', "{", "\ufeff{}"])
def test_what_is_no_message(payload):
    assert reason(payload) in ("wrong_type", "not_json")
    with pytest.raises(RefusedError, match=r"wrong_type|not_json"):
        read_batch(payload.encode())


def test_a_refused_row_keeps_its_number_where_that_can_be_read():
    def number(text):
        row = read_position(text.encode())
        return row.seq, row.epoch, row.oldest

    assert number('{"seq":5,"epoch":3,"oldest":2,"lon":"x"}') == (5, 3, 2)
    assert number('{"seq":5,"lon":NaN}') == (5, 0, None)
    assert number('{"seq":true,"lon":1}') == (None, 0, None)
    assert number('{"seq":5,"epoch":"x","lon":1}') == (None, 0, None)
    assert number('{"seq":1e400') == (None, 0, None)


@pytest.mark.parametrize("text", ["2026-01-01T08:00:00.25+08:00", "2026-01-01T00:00:00.250Z"])
def test_times(text):
    assert time_us(text) == 1_767_225_600_250_000
    assert time_us(1_767_225_600_250) == time_us(1_767_225_600_250.0) == 1_767_225_600_250_000


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00", "yesterday", "", "\x00", "2026-13-01T00:00:00Z"])
def test_no_times(text):
    with pytest.raises(RefusedError, match="wrong_type"):
        time_us(text)


@pytest.mark.parametrize(
    ("channel", "body", "expected"),
    [
        ("status", {"time": 1, "power": "on\n"}, "wrong_type"),
        ("status", {"time": 1, "power": "on", "battery_pct": 101}, "out_of_range_battery_pct"),
        ("event", {"time": 1, "code": ""}, "wrong_type"),
        ("event", {"time": 1, "code": "a\x00"}, "wrong_type"),
        ("event", {"time": 1, "code": "a", "attrs": {"b": "\x00"}}, "out_of_range_attrs"),
        ("reply", {"id": 0, "result": "ok"}, "out_of_range_id"),
        ("reply", {"id": 1, "result": "maybe"}, "wrong_type"),
    ],
)
def test_other_channels(channel, body, expected):
    with pytest.raises(RefusedError) as caught:
        read_other(channel, json.dumps(body).encode())
    assert caught.value.reason == expected


def test_a_number_with_an_impossible_oldest_is_settled_and_said_so():
    """Otherwise its device would send it for ever."""
    out = decode("{" + GOOD.replace('"seq":1', '"seq":3') + ',"oldest":9}')
    assert out.faults == {"W-1": [(3, "out_of_range_oldest")]}
    assert (out.numberings[7].acked, out.numberings[7].ahead) == (0, [[3, 3]])
    assert [r.reason for r in out.refused] == ["out_of_range_oldest"]


def test_a_number_twice_in_one_heap_is_one_row():
    out = decode("{" + GOOD + "}", "{" + GOOD + "}")
    assert (len(out.batch), out.repeated, out.rows) == (1, 1, 2)


@pytest.mark.parametrize(("lon", "lat"), [(-180, -90), (180, 90), (0, 90), (-180, 0), (180, 0), (0, -90)])
@pytest.mark.parametrize("datum", ["gcj02", "bd09", "wgs84", "cgcs2000"])
def test_the_edge_of_a_datum_disturbs_nobody(datum, lon, lat):
    edge = f'{{"seq":1,"time":{NOW_MS},"lon":{lon},"lat":{lat}}}'
    out = decode(edge, "{" + GOOD.replace('"seq":1', '"seq":2') + "}", datum=datum)
    assert len(out.batch) + len(out.refused) == 2
    assert out.batch.seq[-1] == 2
    assert (abs(out.batch.lon) <= 180).all()
    assert (abs(out.batch.lat) <= 90).all()
    assert {r.reason for r in out.refused} <= {"out_of_range_lon", "out_of_range_lat"}


PIECES = [
    b'"seq":', b'"epoch":', b'"oldest":', b'"time":', b'"lon":', b'"lat":', b'"attrs":', b'"rows":', b'"working":',
    b"{", b"}", b"[", b"]", b",", b"1", b"-1", b"1e999", b"NaN", b"null", b"true", b'"x"', b'"\\ud800"', b'"\\u0000"',
    b"\xff", b"\x00", b'"2026-01-01T00:00:00Z"', b'"lon"', b"9" * 40, str(NOW_MS).encode(), b'"\\u0000":1', b"1.5",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_no_payload_breaks_the_decoder(seed):
    rng = random.Random(seed)
    good = ("{" + GOOD + "}").encode()
    payloads = []
    for _ in range(400):
        if rng.random() < 0.5:
            payloads.append(b"".join(rng.choices(PIECES, k=rng.randint(0, 14))))
            continue
        text = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(text))
            text[at : at + rng.randint(0, 3)] = rng.choice(PIECES)
        payloads.append(bytes(text))
    for channel in ("pos", "batch", "status", "event", "reply"):
        out = decode(*payloads, channel=channel, numbered=rng.random() < 0.5, datum=rng.choice(["wgs84", "bd09"]))
        assert all(len(r.reason) <= 48 for r in out.refused)


def test_what_is_before_its_turn_is_left_to_be_sent_again_after_a_shard_changed_hands():
    device, numbering = known(), Numbering(0, 5, [])
    payloads = [GOOD.replace('"seq":1', f'"seq":{seq}') for seq in (8, 6, 8, 7, 8)]
    heap = [Received(topic("machine", "W-1", "pos"), f"{{{p}}}".encode(), NOW_MS * 1000) for p in payloads]
    decoder = Decoder({device.identifier: device})
    out = decoder.decode(heap, lambda _devices: {device.id: numbering}, frozenset({device.shard}))
    assert (out.early, out.batch.seq.tolist()) == (2, [6, 7, 8])
    assert (numbering.acked, numbering.ahead) == (8, [])
    assert [device.identifier for device in out.numbering] == ["W-1"]  # it is told where it stands
