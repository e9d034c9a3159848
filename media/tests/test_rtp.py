"""Pictures in: a stream written by other hands, cut, doubled, shuffled, lost, littered; and what cameras sent."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import struct

import pytest

from media.rtp import datagrams
from media.rtp.frames import Frame, Unwrapper, guess_video, is_key
from media.rtp.framing import RtpFramer
from media.rtp.packets import Packet, Reorder, read_packet
from media.rtp.ps import PsDemuxer
from media.rtp.raw import NalJoiner, SoundTaker
from media.simulator import mux
from media.simulator.clip import START, drawn
from media.tests.captures import FOLDER, rtp_packets

PICTURES = drawn(2, 2, 5)
BIG = START + b"\x65" + bytes(random.Random(1).choices(range(4, 256), k=150_000))


def demux(pieces, last=()):
    frames = []
    demuxer = PsDemuxer(frames.append)
    for i, piece in enumerate(pieces):
        demuxer.feed(piece, last=i in last)
    demuxer.end()
    return frames, demuxer


def stream(pictures=PICTURES, begin=0):
    return [mux.frame(picture.data, picture.key, begin + i * 3600) for i, picture in enumerate(pictures)]


def pictures_of(frames):
    return [(frame.data, frame.key) for frame in frames if frame.video]


WANTED = [(picture.data, picture.key) for picture in PICTURES]


@pytest.mark.parametrize("size", [1, 3, 188, 1400, 100_000])
def test_frames_come_out_as_they_went_in_however_they_were_cut(size):
    whole = b"".join(stream())
    frames, demuxer = demux([whole[at : at + size] for at in range(0, len(whole), size)])
    assert pictures_of(frames) == WANTED
    assert [frame.pts for frame in frames] == [i * 3600 for i in range(len(PICTURES))]
    assert {frame.codec for frame in frames} == {"h264"}
    assert not any(frame.damaged for frame in frames)
    assert demuxer.damaged == 0


def test_the_marker_lets_a_frame_out_at_once():
    frames = []
    demuxer = PsDemuxer(frames.append)
    for i, pack in enumerate(stream()):
        demuxer.feed(pack, last=True)
        assert len(frames) == i + 1


def test_a_key_frame_of_several_pes_and_sound_beside_it():
    pack = mux.frame(BIG, True, 900) + mux.sound(b"\xd5" * 160, 900) + stream()[1]
    frames, _demuxer = demux([pack])
    assert [(frame.codec, len(frame.data)) for frame in frames][:2] == [("g711a", 160), ("h264", len(BIG))]
    assert frames[1].data == BIG


def test_a_pes_whose_length_was_wrapped_is_made_whole():
    header = b"\x80\x80\x05" + mux._stamp(0b0010, 900)
    length = len(header) + len(BIG) & 0xFFFF
    wrapped = mux.frame(b"", True, 900) + b"\x00\x00\x01\xe0" + struct.pack(">H", length) + header + BIG
    frames, _demuxer = demux([wrapped, *stream(begin=9000)])
    assert pictures_of(frames) == [(BIG, True), *WANTED]


def test_a_pes_without_a_length():
    pack = bytearray(stream()[0])
    at = pack.find(b"\x00\x00\x01\xe0")
    pack[at + 4 : at + 6] = b"\0\0"
    frames, _demuxer = demux([bytes(pack), *stream(begin=9000)])
    assert pictures_of(frames) == [WANTED[0], *WANTED]


def test_garbage_costs_only_the_frame_it_is_in():
    packs = stream() * 3
    packs.insert(5, random.Random(2).randbytes(5000).replace(b"\x00\x00\x01", b"\x00\x01\x00"))
    frames, demuxer = demux(packs)
    assert demuxer.damaged >= 1
    found = pictures_of(frames)
    assert found[-len(WANTED) :] == WANTED
    assert len(found) == 30


def test_cut_packets_are_not_passed_off_as_whole():
    packets = mux.packets(stream()[0], 0, 0, 1)
    frames = []
    demuxer = PsDemuxer(frames.append)
    for packet in packets[: len(packets) // 2]:
        demuxer.feed(read_packet(packet).payload)
    demuxer.gap()
    for pack in stream()[1:] + stream():
        demuxer.feed(pack, last=True)
    assert [frame.damaged for frame in frames] == [True] * 4 + [False] * 15
    assert pictures_of(frames[9:]) == WANTED


@pytest.mark.parametrize("seed", range(8))
def test_rubbish_never_raises_and_takes_bounded_memory(seed):
    rng = random.Random(seed)
    whole = bytearray(b"".join(stream() * 4))
    for _ in range(200):
        whole[rng.randrange(len(whole))] = rng.randrange(256)
    del whole[rng.randrange(len(whole)) :]
    _frames, demuxer = demux([bytes(whole), rng.randbytes(10_000), b"\x00\x00\x01\xe0\xff\xff" + rng.randbytes(100)])
    endless = PsDemuxer(lambda frame: None)
    for _ in range(30):
        endless.feed(b"\x00\x00\x01\xe0\xff\xff\x80\x00\x00" + b"\x01" * 400_000)
    assert len(endless._held) <= 8 << 20
    assert len(demuxer._held) < 1 << 17


@pytest.mark.parametrize(
    "body", [b"", b"\xe1\xff\xff\xff", b"\xe1\xff\x00\x00\xff\xff\x1b\xe0", b"\xe1\xff\x00\x00\x00\x04\x1b\xe0\xff\xff"]
)
def test_a_map_that_lies_about_its_size(body):
    broken = b"\x00\x00\x01\xbc" + struct.pack(">H", len(body)) + body if body else b""
    frames, _demuxer = demux([broken, *stream()])
    assert pictures_of(frames) == WANTED


def test_without_a_map_the_codec_is_seen_from_the_picture():
    packs = [pack[:14] + pack[pack.find(b"\x00\x00\x01\xe0") :] for pack in stream()]
    frames, _demuxer = demux(packs)
    assert pictures_of(frames) == WANTED
    assert guess_video(START + b"\x40\x01\x0c") == "h265"
    assert guess_video(b"nothing") == ""


def test_times_do_not_fall_back_when_the_counter_is_full():
    frames, _demuxer = demux(stream(begin=(1 << 33) - 7200))
    assert [b.pts - a.pts for a, b in itertools.pairwise(frames)] == [3600] * 9
    unwrap = Unwrapper(8)
    assert [unwrap(value) for value in (250, 2, 255, 5)] == [250, 258, 255, 261]


def test_what_a_camera_really_sent():
    frames = []
    demuxer = PsDemuxer(frames.append)
    demuxer.feed(mux._map("h265"))  # the capture begins behind it
    sizes = []
    for data in rtp_packets():
        packet = read_packet(data)
        assert packet.type == 96
        sizes.append(len(packet.payload))
        assert not frames
        demuxer.feed(packet.payload, last=packet.marker)
    assert sizes == [1400, 1400, 1400, 180]
    assert [(frame.codec, frame.key, frame.damaged) for frame in frames] == [("h265", False, True)]
    assert frames[0].data[:5] == START + b"\x01"
    assert len(frames[0].data) == 4380 - 20 - 6 - 12
    assert demuxer.damaged == 0


@pytest.mark.parametrize(("name", "codec", "least"), [("mpegps_g711a_audio.mpg", "g711a", 500)])
def test_foreign_program_streams(name, codec, least):
    path = FOLDER / name
    if not path.exists():
        pytest.skip("the real files are not beside the checkout")
    data = path.read_bytes()[:400_000]
    frames, _demuxer = demux([data[at : at + 1400] for at in range(0, len(data), 1400)])
    assert {frame.codec for frame in frames} == {codec}
    assert len(frames) >= least


def test_mpeg1_is_read_without_a_fault():
    path = FOLDER / "mpegps_mpeg1_352x288.mpg"
    if not path.exists():
        pytest.skip("the real files are not beside the checkout")
    _frames, demuxer = demux([path.read_bytes()])
    assert demuxer.damaged == 0


# Packets


def packet(sequence, payload=b"x", time=0, ssrc=7, marker=False, type_=96):
    return Packet(sequence & 0xFFFF, time, ssrc, type_, marker, payload)


def test_headers_of_every_form():
    body = struct.pack(">BBHII", 0xB1, 0xE0, 5, 90, 7) + b"CCCC" + b"\xbe\xde\x00\x01EEEE" + b"data" + b"\x00\x00\x03"
    assert read_packet(body) == packet(5, b"data", 90, marker=True)
    for bad in (b"", b"\x80" * 11, b"\x40" + b"\0" * 20, b"\x80\xc8" + b"\0" * 20, b"\xaf\x60" + b"\0" * 10,
                b"\xa0\x60" + b"\0" * 10 + b"\xff", b"\x90\x60" + b"\0" * 10):  # fmt: skip
        assert read_packet(bad) is None


def run(numbers):
    order, out = Reorder(), []
    for number in numbers:
        out += [(each.sequence, gap) for each, gap in order.take(packet(number))]
    out += [(each.sequence, gap) for each, gap in order.flush()]
    return out, order


def test_shuffled_and_doubled_packets_are_put_in_order():
    numbers = list(range(65_500, 65_600))
    shuffled = [numbers[0]]
    for at in range(1, len(numbers), 5):
        part = numbers[at : at + 5]
        random.Random(at).shuffle(part)
        shuffled += [*part, part[0]]
    out, order = run(shuffled)
    assert [number for number, _gap in out] == [number & 0xFFFF for number in numbers]
    assert (order.lost, order.doubled) == (0, 20)
    assert not any(gap for _number, gap in out)


def test_what_never_comes_is_counted_and_said():
    out, order = run([*range(10), *range(13, 400)])
    assert order.lost == 3
    assert [number for number, gap in out if gap] == [13]
    assert len(out) == 397


def test_a_sender_that_begins_anew_is_followed():
    out, order = run([100, 101, 40_000, 40_001, 3, 4])
    assert [number for number, _gap in out] == [100, 101, 40_000, 40_001, 3, 4]
    assert [gap for _number, gap in out] == [False, False, True, False, True, False]
    assert order.lost == 0


@pytest.mark.parametrize("head", [b"", b"$\x00"])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_packets_out_of_a_connection(head, size):
    packets = [data for pack in stream() for data in mux.packets(pack, 0, 0, 0x01020304)]
    whole = b"".join(head + struct.pack(">H", len(data)) + data for data in packets)
    framer, found = RtpFramer(), []
    for at in range(0, len(whole), size):
        found += framer.feed(whole[at : at + size])
    assert found == packets
    assert framer.lost == 0


def test_a_wrong_length_costs_a_packet_and_no_more():
    packets = [mux.packets(b"x" * 900, number, 0, 0x01020304)[0] for number in range(80)]
    framed = [struct.pack(">H", len(data)) + data for data in packets]
    framed[4] = struct.pack(">H", 40_000) + packets[4]  # too long
    framed[40] = struct.pack(">H", 5) + packets[40]  # too short
    framer, found = RtpFramer(), []
    for piece in framed:
        found += framer.feed(piece)
    assert found == [data for i, data in enumerate(packets) if i not in (4, 40)]
    assert framer.lost >= 2


def test_rtcp_before_the_first_picture():
    rtcp = b"\x80\xc8\x00\x06" + b"\x09" * 24
    data = mux.packets(stream()[0], 0, 0, 5)[0]
    framer = RtpFramer()
    assert framer.feed(b"".join(struct.pack(">H", len(d)) + d for d in (rtcp, data))) == [rtcp, data]


# Without a program stream


def fragments(nal, size=500):
    body = nal[1:]
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    for i, part in enumerate(parts):
        mark = nal[0] & 0x1F | (0x80 if i == 0 else 0) | (0x40 if i == len(parts) - 1 else 0)
        yield bytes([nal[0] & 0xE0 | 28, mark]) + part


def test_h264_in_single_aggregated_and_fragmented_payloads():
    sps, pps, slice_ = b"\x67abc", b"\x68de", b"\x65" + bytes(range(1, 200)) * 10
    together = b"\x78" + b"".join(struct.pack(">H", len(nal)) + nal for nal in (sps, pps))
    payloads = [together, *fragments(slice_)]
    frames: list[Frame] = []
    joiner = NalJoiner("h264", frames.append)
    for i, payload in enumerate(payloads):
        joiner.take(packet(i, payload, 3000, marker=i == len(payloads) - 1), False)
    joiner.take(packet(50, b"\x41xyz", 6600, marker=True), False)
    assert frames[0] == Frame("h264", START + START.join((sps, pps, slice_)), 3000, True)
    assert (frames[1].data, frames[1].pts, frames[1].key) == (START + b"\x41xyz", 6600, False)
    joiner.take(packet(51, b"\x5c\x41rest", 9000, marker=True), True)  # the fragment's beginning was lost
    joiner.take(packet(52, b"\x1f", 9300, marker=True), False)
    joiner.take(packet(53, b"", 9300, marker=True), False)
    joiner.take(packet(54, slice_, 9900, marker=True), False)
    assert joiner.damaged == 2
    assert [frame.damaged for frame in frames[2:]] == [True] or not frames[2].damaged


def test_h265_fragments():
    slice_ = b"\x26\x01" + bytes(range(1, 100)) * 20
    parts = [slice_[2:1000], slice_[1000:]]
    payloads = [bytes([49 << 1, 1, 19 | 0x80]) + parts[0], bytes([49 << 1, 1, 19 | 0x40]) + parts[1]]
    frames: list[Frame] = []
    joiner = NalJoiner("h265", frames.append)
    for i, payload in enumerate(payloads):
        joiner.take(packet(i, payload, 0, marker=i == 1), False)
    assert frames == [Frame("h265", START + slice_, 0, True)]
    assert is_key(frames[0].data, "h265")


def test_sound():
    frames: list[Frame] = []
    taker = SoundTaker("g711a", frames.append)
    taker.take(packet(0, b"\xd5" * 160, 8000), False)
    assert (frames[0].codec, frames[0].pts, len(frames[0].data)) == ("g711a", 90_000, 160)
    aac = SoundTaker("aac", frames.append, 16_000)
    aac.take(packet(1, struct.pack(">HHH", 32, 3 << 3, 2 << 3) + b"abcde", 0), False)
    assert [frame.data for frame in frames[1:]] == [b"abc", b"de"]
    aac.take(packet(2, struct.pack(">HH", 16, 900 << 3) + b"short", 0), False)
    assert aac.damaged == 1


def test_what_the_kernel_throws_away_is_counted(monkeypatch):
    """A port with a small buffer while nobody reads: what came and what was thrown away are what was sent."""
    monkeypatch.setattr(datagrams, "BUFFER_BYTES", 8192)

    async def flood():
        came = []
        port = datagrams.Datagrams("127.0.0.1", 0, lambda data, _address: came.append(data))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(200):
                sender.sendto(bytes(1400), port.address)
            while True:
                await asyncio.sleep(0)
                if came and len(came) + datagrams.thrown_away(port._socket) == 200:
                    break
            port.close()
            port.close()
        return len(came), port.full

    came, full = asyncio.run(flood())
    assert 0 < came < 200
    assert came + full == 200
