"""The one place that reaches into aiortc: packets are taken where its receiver would put them together for a decoder.

aiortc 1.16 offers received media only as decoded frames. Its receiver hands every packet, retransmissions unwrapped and
losses asked for again, to a jitter buffer; the buffer here gives the packets to us and never a frame to the decoder,
whose thread stays asleep. ``media/tests/test_sources_whip.py`` fails as soon as a version does otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

from aiortc import RTCRtpReceiver, RTCRtpTransceiver
from aiortc.rtp import RtpPacket

from media.rtp.packets import Packet

BUFFER = "_RTCRtpReceiver__jitter_buffer"

OnPacket = Callable[[Packet], bool]


class _Tap:
    """Stands in the place of :class:`aiortc.jitterbuffer.JitterBuffer`."""

    def __init__(self, on_packet: OnPacket) -> None:
        self._on_packet = on_packet

    def add(self, packet: RtpPacket) -> tuple[bool, None]:
        """Take a packet; returns whether a key frame is to be asked for, and that there is nothing to decode."""
        taken = Packet(
            packet.sequence_number,
            packet.timestamp,
            packet.ssrc,
            packet.payload_type,
            bool(packet.marker),
            packet.payload,
        )
        return self._on_packet(taken), None


def tap(receiver: RTCRtpReceiver, on_packet: OnPacket) -> None:
    """Have a receiver's packets given to ``on_packet``, which says whether a key frame is wanted.

    Raises
    ------
    RuntimeError
        This version of aiortc has no such place.
    """
    if not hasattr(getattr(receiver, BUFFER, None), "add"):
        raise RuntimeError("this version of aiortc gives no encoded packets away")
    setattr(receiver, BUFFER, _Tap(on_packet))


def codec_of(transceiver: RTCRtpTransceiver) -> str:
    """MIME type of what was agreed on; known once the other side's description is set."""
    return transceiver._codecs[0].mimeType
