"""JT/T 808: recorded, truncated and hostile frames, there and back."""

from __future__ import annotations

import random
import struct
from functools import reduce
from operator import xor

import pytest

from devices.exceptions import RefusedError
from devices.protocols import jt808
from devices.protocols.jt808 import read_location
from devices.protocols.jt808_frames import Framer, Message, Parts, read_message, write_message

# As a terminal of 2013 and one of 2019 send them: a position near the Bund with mileage, fuel, signal and satellites.
POSITION = bytes.fromhex(
    "00000000"  # alarms
    "00000003"  # engine on, located
    "01dc8aea073d28b4"  # 31.230698 N, 121.448628 E
    "001a"  # 26 m
    "0168"  # 36.0 km/h
    "005a"  # due east
    "260101080000"  # 2026-01-01 08:00:00 UTC+8
    "010400000bb8"  # 300.0 km
    "0302015e"  # 35.0 km/h
    "300119"
    "31010c"
    "e1020102"  # a maker's own
)
FRAME_2013 = bytes.fromhex("7e02000030013812345678000a") + POSITION + b"\x00\x7e"
FRAME_2019 = bytes.fromhex("7e020040300100000000013812345678000a") + POSITION + b"\x00\x7e"


def sealed(frame):
    """With its check code right and its escapes done; the flags stay."""
    inside = frame[1:-2]
    inside += bytes([reduce(xor, inside)])
    return b"\x7e" + inside.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02") + b"\x7e"


def frames_of(data):
    return Framer().feed(data)


@pytest.mark.parametrize(("frame", "edition"), [(FRAME_2013, 2013), (FRAME_2019, 2019)])
def test_a_position_of_either_edition(frame, edition):
    (inside,) = frames_of(sealed(frame))
    message = read_message(inside)
    assert message == Message(jt808.LOCATION, "13812345678", 10, POSITION, edition)
    (location,) = jt808.read_locations(message)
    assert (location.lat, location.lon, location.alt_m) == (31.230698, 121.448628, 26.0)
    assert (location.speed_m_s, location.heading_deg, location.time_ms) == (10.0, 90.0, 1767225600000)
    assert (location.located, location.engine_on, location.sos) == (True, True, False)
    assert location.attrs == {"mileage_km": 300.0, "recorder_speed_km_h": 35.0, "signal": 25, "satellites": 12}


def test_recorded_frames():
    """Published by others as examples of the edition of 2019."""
    one = bytes.fromhex(
        "7e02004026010000000001391234432900000000006f0000001601dc9a0707456246007b0042000325012922334402020064"
        "01040000000c417e"
    )
    message = read_message(*frames_of(one))
    assert (message.phone, message.edition, write_message(message)) == ("13912344329", 2019, one)
    location = read_location(message.body)
    assert (location.lat, location.lon, location.alt_m, location.heading_deg) == (-31.234567, 121.987654, 123.0, 3.0)
    assert location.attrs == {"alarm": 111, "fuel_l": 10.0, "mileage_km": 1.2}
    two = bytes.fromhex(
        "7e0704403f01000000000139123443290000000200001c000000010000000101d907f2073d336c029a002100592410292139"
        "03001c000000010000000101d907f3073d336d03090043005a241029213903f87e"
    )
    found = jt808.read_locations(read_message(*frames_of(two)))
    assert [(where.lat, where.lon, where.alt_m, where.sos) for where in found] == [
        (31.000562, 121.451372, 666.0, True),
        (31.000563, 121.451373, 777.0, True),
    ]


def test_south_west_below_the_sea_without_a_fix():
    body = struct.pack(">IIIIhHH6s", 1, 0x0C, 33_000_000, 70_000_000, -12, 0, 0, bytes.fromhex("260101000000"))
    location = read_location(body)
    assert (location.lat, location.lon, location.alt_m) == (-33.0, -70.0, -12.0)
    assert (location.located, location.sos, location.attrs) == (False, True, {"alarm": 1})


def test_the_example_of_the_standard():
    """30 7E 08 7D 55 is sent as 7E 30 7D 02 08 7D 01 55 7E."""
    assert frames_of(bytes.fromhex("7e307d02087d01557e")) == [bytes.fromhex("307e087d55")]


@pytest.mark.parametrize("edition", [2013, 2019])
def test_there_and_back(edition):
    rng = random.Random(808)
    framer = Framer()
    for _ in range(300):
        body = bytes(rng.choice((0x7D, 0x7E, 0x01, 0x02, 0xFF)) for _ in range(rng.randrange(60)))
        part = (rng.randrange(1, 9), 1) if rng.random() < 0.3 else None
        message = Message(
            rng.randrange(1 << 16), str(rng.randrange(1, 10**12)), rng.randrange(1 << 16), body, edition, part
        )
        data = write_message(message)
        assert data[1:-1].count(0x7E) == 0
        cut = rng.randrange(len(data))
        found = framer.feed(data[:cut]) + framer.feed(data[cut:])
        assert [read_message(frame) for frame in found] == [message]


def test_one_flag_between_two_frames_and_many():
    frame = sealed(FRAME_2013)
    assert len(frames_of(frame + frame[1:])) == 2
    assert len(frames_of(b"\x7e\x7e\x7e" + frame + b"\x7e" + frame)) == 2


def test_every_truncation_is_refused_and_the_next_frame_is_read():
    whole = sealed(FRAME_2013)
    for cut in range(2, len(whole) - 1):
        first, *more = frames_of(whole[:cut] + whole)
        with pytest.raises(RefusedError, match="bad_frame"):
            read_message(first)
        assert [read_message(frame).serial for frame in more] == [10]


def test_every_flipped_bit_is_noticed():
    (inside,) = frames_of(sealed(FRAME_2019))
    for at in range(len(inside)):
        hurt = bytearray(inside)
        hurt[at] ^= 1 << (at % 8)
        with pytest.raises(RefusedError, match="bad_frame"):
            read_message(bytes(hurt))


def seal(inside):
    return inside + bytes([reduce(xor, inside)])


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        (b"", "are no message"),
        (seal(b"\0" * 11), "are no message"),
        (seal(bytes.fromhex("0002 0400 013812345678 0001")), "encrypted"),
        (seal(bytes.fromhex("0002 03ff 013812345678 0001")), "declared"),
        (seal(bytes.fromhex("0002 2000 013812345678 0001")), "declared"),
        (seal(bytes.fromhex("0002 4000 013812345678 0001")), "declared"),
        (seal(bytes.fromhex("0002 0000 01381234567f 0001")), "digits"),
        (seal(bytes.fromhex("0002 0000 013812345678 0001 00")), "declared"),
    ],
)
def test_headers_that_cannot_be(inside, said):
    with pytest.raises(RefusedError, match=said):
        read_message(inside)


def test_an_endless_frame_is_given_up_and_the_next_one_read():
    framer = Framer()
    found = [item for _ in range(100) for item in framer.feed(b"\x55" * 1000)]
    assert [str(item) for item in found] == ["bad_frame: more than 2090 bytes without an end"]
    assert not framer.partial
    assert [read_message(frame).serial for frame in framer.feed(sealed(FRAME_2013))] == [10]
    (one,) = Framer().feed(b"\x7e" + b"\x55" * 3000 + b"\x7e")
    assert isinstance(one, RefusedError)


def test_noise_never_raises_anything_but_a_refusal():
    rng = random.Random(7)
    framer = Framer()
    parts = Parts()
    for _ in range(3000):
        inside = seal(
            rng.randbytes(2) + bytes([rng.choice((0, 0x20, 0x40, 0x60)), rng.randrange(60)]) + rng.randbytes(60)
        )
        for frame in framer.feed(b"\x7e" + rng.randbytes(rng.randrange(40)) + b"\x7e"):
            with pytest.raises(RefusedError):
                raise frame if isinstance(frame, RefusedError) else read_noise(frame)
        try:
            parts.take(read_message(inside))
        except RefusedError:
            continue


def read_noise(frame):
    read_message(frame)
    return AssertionError("noise was taken for a message")


@pytest.mark.parametrize("cut", range(28))
def test_positions_that_are_cut_off(cut):
    with pytest.raises(RefusedError, match="bad_frame"):
        read_location(POSITION[:cut])


@pytest.mark.parametrize("tail", ["01", "0104", "01040000", "ff80"])
def test_additional_items_that_are_cut_off(tail):
    with pytest.raises(RefusedError, match="additional item"):
        read_location(POSITION[:28] + bytes.fromhex(tail))


def test_an_item_of_another_length_is_passed_over():
    assert read_location(POSITION[:28] + bytes.fromhex("01021234")).attrs == {}


@pytest.mark.parametrize("stamp", ["261301000000", "260230000000", "260101240000", "ffffffffffff", "000000000000"])
def test_times_that_are_none(stamp):
    with pytest.raises(RefusedError, match="no time"):
        read_location(POSITION[:22] + bytes.fromhex(stamp))


def batch(*bodies, count=None):
    head = struct.pack(">HB", len(bodies) if count is None else count, 1)
    return head + b"".join(struct.pack(">H", len(body)) + body for body in bodies)


def several(body):
    return jt808.read_locations(Message(jt808.LOCATIONS, "1", 1, body, 2013))


def test_several_positions():
    assert len(several(batch(POSITION, POSITION[:28]))) == 2


@pytest.mark.parametrize(
    "body",
    [b"", b"\0", batch(), batch(POSITION, count=2), batch(POSITION, count=501), batch(POSITION)[:-1], batch(b"")],
)
def test_several_positions_that_cannot_be_read(body):
    with pytest.raises(RefusedError, match="bad_frame"):
        several(body)


def test_parts_in_any_order_make_the_whole():
    parts = Parts()
    whole = [Message(jt808.LOCATIONS, "1", (0xFFFF + n) & 0xFFFF, bytes([n]) * 3, 2013, (3, n + 1)) for n in range(3)]
    assert [parts.take(whole[n]) for n in (2, 0, 2)] == [None, None, None]
    assert parts.take(whole[1]) == Message(jt808.LOCATIONS, "1", 0xFFFF, b"\0\0\0\1\1\1\2\2\2", 2013)


@pytest.mark.parametrize("part", [(0, 0), (1, 0), (1, 2), (257, 1), (65535, 65535)])
def test_parts_that_cannot_be(part):
    with pytest.raises(RefusedError, match="part"):
        Parts().take(Message(1, "1", 1, b"", 2013, part))


def test_parts_never_hold_much():
    parts = Parts()
    for serial in range(0, 50_000, 50):
        parts.take(Message(1, "1", serial, b"x" * 1023, 2013, (2, 1)))
    assert len(parts._open) == Parts.MOST_OPEN
    with pytest.raises(RefusedError, match="parts of more than"):
        for number in range(1, 256):
            for start in (0, 1000, 2000, 3000):
                parts.take(Message(2, "1", start + number, b"x" * 1023, 2013, (256, number)))


@pytest.mark.parametrize(
    ("edition", "body", "code"),
    [
        (2013, b"abc", "abc"),
        (2013, b"abc\0\0", "abc"),
        (2019, b"\x03abc" + b"8" * 15 + b"1.0".ljust(20, b"\0"), "abc"),
        (2013, b"", ""),
    ],
)
def test_authentication_codes(edition, body, code):
    assert jt808.read_authentication(Message(jt808.AUTHENTICATE, "1", 1, body, edition)) == code


@pytest.mark.parametrize("body", [b"", b"\x05abc"])
def test_authentication_codes_that_are_cut_off(body):
    with pytest.raises(RefusedError, match="cut off"):
        jt808.read_authentication(Message(jt808.AUTHENTICATE, "1", 1, body, 2019))


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("locate", {}, (0x8201, "")),
        ("interval", {"seconds": 30}, (0x8103, "01000000290400 00001e".replace(" ", ""))),
        ("restart", {}, (0x8105, "04")),
        ("text", {"text": "返场"}, (0x8300, "04" + "返场".encode("gbk").hex())),
    ],
)
def test_commands(name, args, expected):
    id_, body = jt808.command_of(name, args, 2013)
    assert (id_, body.hex()) == expected


def test_a_text_says_what_kind_it_is_since_2019():
    assert jt808.command_of("text", {"text": "a"}, 2019) == (0x8300, b"\x04\x01a")


@pytest.mark.parametrize(
    ("name", "args"),
    [("stop", {}), ("permit_start", {}), ("interval", {"seconds": 0.2}), ("interval", {"seconds": 1e9})],
)
def test_commands_that_the_protocol_does_not_have(name, args):
    with pytest.raises(ValueError, match=r"JT/T 808|seconds"):
        jt808.command_of(name, args, 2013)


def test_answers():
    to = Message(jt808.HEARTBEAT, "1", 0x0102, b"", 2013)
    assert jt808.general_answer(to, 0).hex() == "0102000200"
    assert jt808.registration_answer(to, 0, "key").hex() == "010200" + b"key".hex()
    with pytest.raises(ValueError, match="1024 bytes"):
        write_message(to._replace(body=b"x" * 1024))
