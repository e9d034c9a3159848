"""MQTT 5 on the wire (OASIS standard, 2019), as far as an ingest worker speaks it: pure functions on bytes.

Why not a library's: ``docs/adr/0024-own-framing.md``.
"""

from __future__ import annotations

from typing import NamedTuple

CONNACK, PUBLISH, PUBACK, SUBACK, UNSUBACK, PINGRESP, DISCONNECT = 2, 3, 4, 9, 11, 13, 14
"""Kinds of packets that a broker sends us: the upper half of their first byte."""
PING = b"\xc0\x00"
BYE = b"\xe0\x00"
FAILURE = 0x80
"""Reason codes from here on say no."""
_QOS_1, _NO_RETAINED = 1, 2 << 4
_NO_PROPERTIES = b"\x00"


class Published(NamedTuple):
    """A message; ``number`` is its packet identifier, 0 for QoS 0."""

    topic: str
    payload: bytes
    number: int


def connect(client_id: str, user: str, password: str, keepalive_s: int, session_s: int, receive_maximum: int) -> bytes:
    """Ask for the session of this client, to be kept ``session_s`` seconds after the connection ends.

    The broker may have ``receive_maximum`` QoS 1 messages unacknowledged at once.
    """
    properties = b"\x11" + session_s.to_bytes(4, "big") + b"\x21" + receive_maximum.to_bytes(2, "big")
    flags = (0x80 | 0x40) if user else 0
    head = _text("MQTT") + bytes([5, flags]) + keepalive_s.to_bytes(2, "big") + bytes([len(properties)]) + properties
    account = _text(user) + _text(password) if user else b""
    return _packet(0x10, head + _text(client_id) + account)


def subscribe(number: int, topics: list[str]) -> bytes:
    """Subscribe with QoS 1, without retained messages."""
    filters = b"".join(_text(topic) + bytes([_QOS_1 | _NO_RETAINED]) for topic in topics)
    return _packet(0x82, number.to_bytes(2, "big") + _NO_PROPERTIES + filters)


def unsubscribe(number: int, topics: list[str]) -> bytes:
    """End subscriptions."""
    return _packet(0xA2, number.to_bytes(2, "big") + _NO_PROPERTIES + b"".join(map(_text, topics)))


def publish(topic: str, payload: bytes, number: int = 0) -> bytes:
    """Publish with QoS 0; with QoS 1 where a packet identifier is given."""
    name = topic.encode()
    identifier = number.to_bytes(2, "big") if number else b""
    size = len(name) + len(identifier) + len(payload) + 3
    spoken = bytes([size]) if size < 128 else length(size)  # mostly short, and there are many
    first = b"\x32" if number else b"\x30"
    return b"".join((first, spoken, len(name).to_bytes(2, "big"), name, identifier, _NO_PROPERTIES, payload))


def acknowledge(number: int) -> bytes:
    """Tell the broker that it may forget a QoS 1 message."""
    return b"\x40\x02" + number.to_bytes(2, "big")


def split(data: bytes, most: int = 1 << 30) -> tuple[list[tuple[int, bytes]], bytes]:
    """Cut what came into packets, ``most`` of them: first byte and body of each; and what is left.

    Raises
    ------
    ValueError
        It is no MQTT.
    """
    packets: list[tuple[int, bytes]] = []
    at, end = 0, len(data)
    while end - at >= 2 and len(packets) < most:
        size, body = data[at + 1], at + 2
        if size & 0x80:
            found = _read_length(data, at + 1)
            if found is None:
                break
            size, body = found
        if body + size > end:
            break
        packets.append((data[at], data[body : body + size]))
        at = body + size
    return packets, data[at:]


def read_publish(first: int, body: bytes) -> Published:
    """Read the packet that carries a message.

    Raises
    ------
    ValueError, IndexError
        It is not well formed, or asks for QoS 2, which nobody here subscribes with.
    """
    end = 2 + (body[0] << 8 | body[1])
    topic = str(body[2:end], "utf-8", "replace")
    number = 0
    if first & 0x06:
        if first & 0x04:
            raise ValueError("a message with QoS 2")
        number = body[end] << 8 | body[end + 1]
        end += 2
    if body[end]:  # properties, which mean nothing to us
        size = _read_length(body, end)
        if size is None:
            raise ValueError("a message cut short")
        return Published(topic, body[size[0] + size[1] :], number)
    return Published(topic, body[end + 1 :], number)


def read_reason(body: bytes) -> int:
    """Reason code of a CONNACK; 0 is yes."""
    return body[1]


def read_reasons(body: bytes) -> bytes:
    """Reason codes of a SUBACK, one a topic.

    Raises
    ------
    ValueError
        It is not well formed.
    """
    size = _read_length(body, 2)
    if size is None:
        raise ValueError("an answer cut short")
    return body[size[0] + size[1] :]


def _packet(first: int, body: bytes) -> bytes:
    return bytes([first]) + length(len(body)) + body


def _text(value: str) -> bytes:
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def length(size: int) -> bytes:
    """A length in one to four bytes, seven bits each."""
    out = bytearray()
    while True:
        size, low = size >> 7, size & 0x7F
        out.append(low | (0x80 if size else 0))
        if not size:
            return bytes(out)


def _read_length(data: bytes, at: int) -> tuple[int, int] | None:
    """A length of one to four bytes, and where what it measures begins; None where it has not come whole."""
    size = 0
    for k in range(4):
        if at + k >= len(data):
            return None
        size |= (data[at + k] & 0x7F) << 7 * k
        if not data[at + k] & 0x80:
            return size, at + k + 1
    raise ValueError("a length of more than four bytes")
