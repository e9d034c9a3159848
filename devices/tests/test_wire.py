"""MQTT on the wire: what is written can be read, wherever the stream is cut; rubbish ends the connection."""

from __future__ import annotations

import random

import pytest

from devices.ingest import wire
from devices.ingest.wire import Published


def packets(data):
    found, rest = wire.split(data)
    assert rest == b""
    return found


@pytest.mark.parametrize("size", [0, 1, 100, 127, 128, 16_383, 16_384, 300_000])
@pytest.mark.parametrize("number", [0, 1, 0xFFFF])
def test_what_is_published_is_read_again(size, number):
    message = Published("st/v1/machine/7/焊机/pos", random.Random(size).randbytes(size), number)
    ((first, body),) = packets(wire.publish(*message))
    assert first == (0x32 if number else 0x30)
    assert wire.read_publish(first, body) == message


def test_packets_are_cut_wherever_the_stream_is():
    whole = b"".join(wire.publish(f"t/{i}", b"x" * (i * 37)) for i in range(20)) + wire.acknowledge(5)
    expected = packets(whole)
    assert len(expected) == 21
    for step in (1, 2, 3, 130, 1000):
        got, rest = [], b""
        for at in range(0, len(whole), step):
            more, rest = wire.split(rest + whole[at : at + step])
            got += more
        assert (got, rest) == (expected, b"")


def test_only_as_many_as_asked_for():
    one = wire.publish("a", b"1")
    assert wire.split(one * 3, most=1) == (packets(one), one * 2)


def test_properties_of_a_message_are_passed_over():
    # Content type, and a user property: a broker hands on whatever the sender said.
    properties = b"\x03\x00\x04json" + b"\x26\x00\x01a\x00\x01b"
    body = b"\x00\x01t" + bytes([len(properties)]) + properties + b"payload"
    assert wire.read_publish(0x30, body) == Published("t", b"payload", 0)


def test_an_answer_to_a_subscription():
    assert wire.read_reasons(b"\x00\x01\x00\x01\x87") == b"\x01\x87"


@pytest.mark.parametrize(
    ("first", "body"),
    [
        (0x30, b""),
        (0x30, b"\x00"),
        (0x30, b"\x00\x05abc"),
        (0x32, b"\x00\x01a\x00"),
        (0x30, b"\x00\x01a"),
        (0x30, b"\x00\x01a\xff"),
        (0x30, b"\x00\x01a\xff\xff\xff\xff\x01"),
        (0x34, b"\x00\x01a\x00\x01\x00"),
    ],
)
def test_a_message_that_is_none(first, body):
    with pytest.raises((ValueError, IndexError)):
        wire.read_publish(first, body)


def test_a_length_that_never_ends():
    with pytest.raises(ValueError, match="four bytes"):
        wire.split(b"\x30\xff\xff\xff\xff\xff")


def test_rubbish_is_no_endless_loop():
    noise = random.Random(3)
    for _ in range(500):
        data = noise.randbytes(noise.randrange(200))
        try:
            found, rest = wire.split(data)
        except ValueError:
            continue
        assert sum(len(body) + 2 for _first, body in found) + len(rest) <= len(data)
